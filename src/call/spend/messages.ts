import type { WorstCase } from '../../prices/worst-case.js';
import type { Budget, Refusal } from '../../state/spend-account.js';
import type { Call } from '../../types.js';
import { showUsd } from '../../util/money.js';

/**
 * The name of a budget in messages, events and logs: `$400 a month`, `$5 a day for each tenant on the route "chat"`.
 */
export function budgetName({ usd, window, perTenant, route }: Budget): string {
  const each =
    typeof window === 'number' ? `in any ${durationText(window)}` : `${window === 'hour' ? 'an' : 'a'} ${window}`;
  const where = `the route ${JSON.stringify(route)}`;
  const scope =
    route === undefined
      ? perTenant
        ? ' for each tenant'
        : ''
      : perTenant
        ? ` for each tenant on ${where}`
        : ` for ${where}`;
  return `${showUsd(usd).replace(/\.00$/, '')} ${each}${scope}`;
}

const SPANS = [
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
  ['second', 1000],
] as const;

/** `7 days`, `90 minutes`: the largest unit that gives a whole number above one. */
function durationText(ms: number): string {
  for (const [unit, length] of SPANS) if (ms % length === 0 && ms > length) return `${ms / length} ${unit}s`;
  return ms === 1000 ? 'second' : `${ms} ms`;
}

/** The highest cost of the call, and how it is calculated. */
export function worstCaseText(usd: number, cases: readonly WorstCase[], attempts: number): string {
  const costliest = cases.reduce<WorstCase | undefined>(
    (best, each) => ((best?.usd ?? -1) >= (each.usd ?? 0) ? best : each),
    undefined,
  );
  const basis =
    costliest === undefined
      ? ''
      : ` (up to ${costliest.inputTokens} tokens of input, which is 5 % more than is estimated, and up to ${costliest.outputTokens} of output, ${attempts === 1 ? 'in one attempt' : `in up to ${attempts} attempts`})`;
  return `The call could cost up to ${showUsd(usd)}${basis}`;
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
  const { budget, spentUsd, reservedUsd, leftUsd, trouble } = refusal;
  if (trouble !== undefined)
    return (
      `${could}, and of the budget of ${budgetName(budget)} this process may use ${showUsd(Math.max(0, leftUsd))}: ` +
      `${trouble}. Nothing was sent. To let calls pass all the same, set whenDown: 'allow' for the fleet.`
    );
  const state = `${showUsd(spentUsd)} is spent and ${showUsd(reservedUsd)} is reserved for running calls`;
  return (
    `${could}, and ${showUsd(Math.max(0, leftUsd))} is left of the budget of ${budgetName(budget)} (${state}); nothing was sent. ` +
    `${whenAvailable(refusal, usd)} ${toChange(call, 'the budget')}`
  );
}

export function tooManyTenants({ budget }: Refusal): string {
  return (
    `There are as many tenants as \`tenants.max\` allows, so this one has no budget of ${budgetName(budget)}; nothing was ` +
    "sent. Raise tenants.max, or set tenants.overflow: 'share' to let further tenants share one budget."
  );
}

function whenAvailable({ budget, availableAt }: Refusal, usd: number): string {
  if (availableAt !== undefined) return `There will be enough at ${new Date(availableAt).toISOString()}.`;
  if (usd > budget.usd) return `It is more than the whole budget of ${budgetName(budget)}.`;
  return 'There may be enough when running calls have ended.';
}

/** A time in errors and events. */
export function toIso(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
