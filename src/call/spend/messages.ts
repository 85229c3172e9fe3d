import type { Budget, Refusal } from '../../state/spend-ledger.js';
import type { Call } from '../../types.js';
import type { Most } from './worst-case.js';

/** Dollars as people read them: cents from a dollar on, below that two digits that count. */
export function showUsd(usd: number): string {
  if (usd < 0) return `-${showUsd(-usd)}`;
  const digits = usd >= 1 || usd === 0 ? 2 : Math.min(9, 1 - Math.floor(Math.log10(usd)));
  return `$${usd.toFixed(digits)}`;
}

/** What a budget is called in messages, events and logs: `$400 a month`, `$5 a day for each tenant`. */
export function nameOf({ usd, window, of }: Budget): string {
  const each = typeof window === 'number' ? `in any ${spell(window)}` : `${window === 'hour' ? 'an' : 'a'} ${window}`;
  const whose =
    of === 'router' ? '' : of === 'tenant' ? ' for each tenant' : ` for the route ${JSON.stringify(of.route)}`;
  return `${showUsd(usd).replace(/\.00$/, '')} ${each}${whose}`;
}

const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** `7 days`, `90 minutes`: in the largest unit of which it is a whole number of more than one. */
function spell(ms: number): string {
  for (const [unit, length] of SPANS) if (ms % length === 0 && ms > length) return `${ms / length} ${unit}s`;
  return ms === 1000 ? 'second' : `${ms} ms`;
}

/** What the call could cost, and where that comes from. */
export function couldCost(usd: number, most: readonly Most[], attempts: number): string {
  const dearest = most.reduce<Most | undefined>(
    (best, each) => ((best?.usd ?? -1) >= (each.usd ?? 0) ? best : each),
    undefined,
  );
  const of =
    dearest === undefined
      ? ''
      : ` (up to ${dearest.inputTokens} tokens of input, which is 5 % more than is estimated, and up to ${dearest.outputTokens} of output, ${attempts === 1 ? 'in one attempt' : `in up to ${attempts} attempts`})`;
  return `The call could cost up to ${showUsd(usd)}${of}`;
}

function toChange({ maxAttempts, settings }: Call, raise: string): string {
  const lower = maxAttempts > 1 ? ', lower maxAttempts' : '';
  const leave = settings.overBudget === 'skip' ? '' : " and set overBudget: 'skip'";
  return (
    'To change that, allow fewer tokens of output (max_tokens, max_completion_tokens or max_output_tokens), shorten the ' +
    `input${lower}, raise ${raise}, or list a cheaper deployment${leave}.`
  );
}

export function overCallLimit(could: string, call: Call, maxCostUsd: number): string {
  return `${could}, and maxCostUsd is ${showUsd(maxCostUsd)}; nothing was sent. ${toChange(call, 'maxCostUsd')}`;
}

export function overBudget(could: string, usd: number, call: Call, refusal: Refusal): string {
  const { budget, spentUsd, reservedUsd, leftUsd } = refusal;
  const state = `${showUsd(spentUsd)} is spent and ${showUsd(reservedUsd)} is kept for running calls`;
  return (
    `${could}, and ${showUsd(Math.max(0, leftUsd))} is left of the budget of ${nameOf(budget)} (${state}); nothing was sent. ` +
    `${whenFree(refusal, usd)} ${toChange(call, 'the budget')}`
  );
}

function whenFree({ budget, freeAt }: Refusal, usd: number): string {
  if (freeAt !== undefined) return `There will be enough at ${new Date(freeAt).toISOString()}.`;
  if (usd > budget.usd) return `It is more than the whole budget of ${nameOf(budget)}.`;
  return 'There may be enough when running calls have ended.';
}
