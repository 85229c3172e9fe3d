import { OpenAIError } from 'openai';
import { NoDeploymentAvailableError, SpendBudgetExceededError, setHidden } from '../../errors.js';
import type { Handler, Layer } from '../../pipeline.js';
import type { Refusal, Reservation, SpendLedger, Warning } from '../../state/spend-ledger.js';
import type { Events } from '../../telemetry/events.js';
import type { InputEstimator } from '../../tokens/input-estimator.js';
import { type Input, readInput } from '../../tokens/read-input.js';
import type { Call, CallReply, Target } from '../../types.js';
import { couldCost, nameOf, overBudget, overCallLimit, showUsd } from './messages.js';
import { Hold } from './reservation.js';
import { boundPerAttempt, estimated, type Most, mostOfAttempts, mostPerAttempt } from './worst-case.js';

export interface SpendParts {
  /** `undefined` where there are no budgets. */
  readonly ledger: SpendLedger | undefined;
  readonly events: Events;
  readonly estimator: InputEstimator;
  readonly unknownPrice: 'allow' | 'refuse';
  /** Whether a deployment may be asked twice by one call. */
  readonly mayRepeat: boolean;
}

/** A call under a limit of money: who may be asked, at what cost, and why not. */
export interface Verdict {
  /** Of those that may be asked; empty where that is nobody. */
  readonly most: readonly Most[];
  /** What it may cost in all, in US dollars. */
  readonly usd: number;
  readonly excluded: readonly { readonly target: Target; readonly why: string }[];
  readonly refused: SpendBudgetExceededError | undefined;
  readonly reservation: Reservation | undefined;
}

/** Keeps the most that a call may cost of every limit of money, or refuses it. Without such a limit it adds nothing. */
export function limitSpend(parts: SpendParts): Layer<Call, CallReply> {
  /** Who was left out for want of a price: told once each. */
  const told = new Set<string>();
  return (next) =>
    function limitSpend(call) {
      return isLimited(parts, call) ? withMoney(parts, told, call, next) : next(call);
    };
}

export function isLimited({ ledger }: SpendParts, { settings, record }: Call): boolean {
  return settings.maxCostUsd !== undefined || (ledger?.concerns(record.route) ?? false);
}

async function withMoney(
  parts: SpendParts,
  told: Set<string>,
  call: Call,
  next: Handler<Call, CallReply>,
): Promise<CallReply> {
  const { ledger, mayRepeat } = parts;
  const input = readInput(call.body, call.protocol);
  const rough = judgeRoughly(parts, call, input);
  const { most, excluded, refused, reservation } = rough ?? judge(parts, call, input, true);
  const unpriced = excluded.filter(({ why }) => why === UNKNOWN).map(({ target }) => target);
  if (unpriced.length > 0) tellUnpriced(parts.events, told, call, unpriced);
  if (refused !== undefined) throw tellRefused(parts.events, call, refused);
  if (excluded.length > 0) {
    call.targets = most.map(({ target }) => target);
    call.excluded = [...call.excluded, ...excluded.map(({ target, why }) => `${target.state.id}: ${why}`)];
  }
  const hold = new Hold({
    call,
    most,
    mayRepeat,
    kept: ledger && reservation && { ledger, reservation },
    expected: () => (rough === undefined ? most : estimated(most, call, input, parts.estimator)),
    onSettled: ({ spentUsd, expectedUsd, warnings }) => {
      if (expectedUsd !== undefined)
        parts.events.emit({
          type: 'budget-overrun',
          callId: call.record.id,
          reservedUsd: expectedUsd,
          costUsd: spentUsd,
        });
      for (const warning of warnings) tellWarning(parts.events, call, warning);
    },
  });
  call.spend = hold;
  try {
    const reply = await next(call);
    hold.commit();
    reply.onEnd(() => hold.end());
    return reply;
  } catch (error) {
    hold.end();
    // The error of those that were asked says nothing of who was not. An error of the application's own is left alone.
    if (unpriced.length > 0 && call.failures.length > 0 && error instanceof OpenAIError && error.cause === undefined)
      setHidden(error, 'cause', new NoDeploymentAvailableError(`Not asked: ${namesOf(unpriced)}: ${UNKNOWN}.`));
    throw error;
  }
}

/**
 * A budget has plenty where it has this many times as much left as a rough reservation can be too large: of a hundred
 * calls at once, all of them together keep less than a hundredth too much.
 */
const PLENTY = 10_000;

/**
 * Where all limits are far away, the letters of a prompt need not be counted to see that: what is kept for its input is
 * a bound, several times the estimate. `undefined` where that could make a difference.
 */
function judgeRoughly(parts: SpendParts, call: Call, input: Input): Verdict | undefined {
  const { ledger, unknownPrice, mayRepeat } = parts;
  const { maxCostUsd, tenant } = call.settings;
  const most = boundPerAttempt(call, input, parts.estimator);
  if (most === undefined) return undefined;
  if (unknownPrice === 'refuse' && most.some((each) => each.usd === undefined)) return undefined;
  const usd = mostOfAttempts(most, call.maxAttempts, mayRepeat);
  if (maxCostUsd !== undefined && usd > maxCostUsd) return undefined;
  const inputUsd = most.reduce((sum, each) => Math.max(sum, each.inputUsd ?? 0), 0) * call.maxAttempts;
  const reservation = ledger?.reserve(usd, { route: call.record.route, tenant }, usd + PLENTY * inputUsd);
  if (reservation?.refused) return undefined;
  return { most, usd, excluded: [], refused: undefined, reservation };
}

/** Whether the limits allow the call, and of whom. Keeps the money only where it is told to. */
export function judge(parts: SpendParts, call: Call, input: Input, keep: boolean): Verdict {
  const { excluded, most } = known(parts, mostPerAttempt(call, input, parts.estimator));
  for (;;) {
    const usd = mostOfAttempts(most, call.maxAttempts, parts.mayRepeat);
    if (most.length === 0) return { most, usd, excluded, refused: undefined, reservation: undefined };
    const result = tryLimits(parts, call, most, usd, keep);
    if (!('message' in result)) return { most, usd, excluded, refused: undefined, reservation: result.reservation };
    const dearest = call.settings.overBudget === 'skip' && most.length > 1 ? takeDearest(most) : undefined;
    if (dearest === undefined) return { most, usd, excluded, refused: result, reservation: undefined };
    excluded.push({
      target: dearest.target,
      why: `it is too dear: ${showUsd(usd)} with it is more than the limits allow`,
    });
  }
}

/** Under a limit of money nobody is asked whose price nobody knows, unless that is allowed. */
function known(
  { unknownPrice }: SpendParts,
  all: Most[],
): { most: Most[]; excluded: { target: Target; why: string }[] } {
  if (unknownPrice === 'allow' || all.every(({ usd }) => usd !== undefined)) return { most: all, excluded: [] };
  return {
    most: all.filter(({ usd }) => usd !== undefined),
    excluded: all.filter(({ usd }) => usd === undefined).map(({ target }) => ({ target, why: UNKNOWN })),
  };
}

const UNKNOWN =
  'its price is not known, and there is a limit of money: give the deployment a `price`, or the router `prices`, ' +
  "or set `unknownPrice: 'allow'`";

function tryLimits(
  { ledger }: SpendParts,
  call: Call,
  most: readonly Most[],
  usd: number,
  keep: boolean,
): SpendBudgetExceededError | { reservation: Reservation | undefined } {
  const { maxCostUsd, tenant } = call.settings;
  const could = () => couldCost(usd, most, call.maxAttempts);
  if (maxCostUsd !== undefined && usd > maxCostUsd) {
    return new SpendBudgetExceededError(overCallLimit(could(), call, maxCostUsd), {
      budget: 'maxCostUsd',
      estimateUsd: usd,
      limitUsd: maxCostUsd,
      leftUsd: maxCostUsd,
      resetsAt: null,
    });
  }
  if (ledger === undefined) return { reservation: undefined };
  const keys = { route: call.record.route, tenant };
  const result = keep ? ledger.reserve(usd, keys) : ledger.refusalOf(usd, keys);
  if (result === undefined) return { reservation: undefined };
  return result.refused ? refusalError(overBudget(could(), usd, call, result), usd, result) : { reservation: result };
}

function refusalError(message: string, usd: number, refusal: Refusal): SpendBudgetExceededError {
  const { budget, leftUsd, freeAt, resetsAt } = refusal;
  return new SpendBudgetExceededError(message, {
    budget: nameOf(budget),
    estimateUsd: usd,
    limitUsd: budget.usd,
    leftUsd: Math.max(0, leftUsd),
    resetsAt: toIso(freeAt ?? resetsAt),
  });
}

function takeDearest(most: Most[]): Most | undefined {
  let dearest = 0;
  for (const [i, { usd = 0 }] of most.entries()) if (usd >= (most[dearest]?.usd ?? 0)) dearest = i;
  return most.splice(dearest, 1)[0];
}

const namesOf = (targets: readonly Target[]) => targets.map(({ state }) => state.id).join(', ');

/** A deployment that served before there was a limit is asked no more: nobody should have to find that out. */
function tellUnpriced(events: Events, told: Set<string>, { log }: Call, targets: readonly Target[]): void {
  const fresh = targets.filter(({ state }) => !told.has(state.id));
  if (fresh.length === 0) return;
  log.warn(`model-router not asked: ${namesOf(fresh)}: ${UNKNOWN}`);
  for (const { state, model } of fresh) {
    told.add(state.id);
    if (events.heard('price-unknown'))
      events.emit({
        type: 'price-unknown',
        deployment: state.id,
        model: model ?? null,
        hint: `it is not asked: ${UNKNOWN}`,
      });
  }
}

function tellRefused(events: Events, { record }: Call, error: SpendBudgetExceededError): Error {
  if (events.heard('budget-refused')) {
    const { budget: name, estimateUsd: estimate, limitUsd: limit, leftUsd: left, resetsAt } = error;
    const { id: callId, route } = record;
    events.emit({
      type: 'budget-refused',
      callId,
      route,
      budget: 'money',
      name,
      estimate,
      limit,
      left,
      resetsAt,
    });
  }
  return error;
}

function tellWarning(events: Events, { log }: Call, warning: Warning): void {
  const { budget, tenant, percent, spentUsd, reservedUsd, resetsAt } = warning;
  const name = nameOf(budget);
  log.warn(`model-router ${percent} % of the budget of ${name} is spent: ${showUsd(spentUsd)}`);
  if (!events.heard('budget-warning')) return;
  events.emit({
    type: 'budget-warning',
    budget: name,
    tenant: tenant ?? null,
    percent,
    limitUsd: budget.usd,
    spentUsd,
    reservedUsd,
    resetsAt: toIso(resetsAt),
  });
}

export function toIso(at: number | undefined): string | null {
  return at === undefined ? null : new Date(at).toISOString();
}
