import { SpendBudgetExceededError } from '../../errors.js';
import type { PriceBook } from '../../prices/price-book.js';
import { type CostGroups, maxUsdOf, type WorstCase, worstCases } from '../../prices/worst-case.js';
import type { Refusal } from '../../state/spend-account.js';
import type { Reservation, SpendLedger } from '../../state/spend-ledger.js';
import type { Events } from '../../telemetry/events.js';
import type { InputEstimator } from '../../tokens/input-estimator.js';
import type { Call, Target } from '../../types.js';
import { roundUpUsd, showUsd } from '../../util/money.js';
import { budgetName, overBudget, overCallLimit, toIso, tooManyTenants, worstCaseText } from './messages.js';

export interface SpendParts {
  /** `undefined` without budgets. */
  readonly ledger: SpendLedger | undefined;
  readonly events: Events;
  readonly estimator: InputEstimator;
  readonly prices: PriceBook;
  readonly groups: CostGroups;
  readonly unknownPrice: 'allow' | 'refuse';
  /** Whether one call may try a deployment twice. */
  readonly mayRepeat: boolean;
}

/** The decision of the spend limits for a call: where it may go, at what cost, and why not elsewhere. */
export interface SpendDecision {
  /** For the deployments that it may use; empty if there are none. */
  readonly cases: readonly WorstCase[];
  /** The highest cost of all attempts together, in US dollars. */
  readonly usd: number;
  readonly excluded: readonly { readonly target: Target; readonly why: string }[];
  readonly refused: SpendBudgetExceededError | undefined;
  readonly reservation: Reservation | undefined;
  /** Not yet decided: this process has requested more of the shared budget. */
  readonly pending: Promise<boolean> | undefined;
}

export function hasSpendLimit({ ledger }: SpendParts, { settings, record }: Call): boolean {
  return settings.maxCostUsd !== undefined || (ledger?.appliesTo(record.route) ?? false);
}

/**
 * Decides whether the limits allow the call, and where it may go. Reserves the money only if `reserve` is true.
 *
 * @param requestedSince when this process began to request more of a shared budget; `undefined`: it does not
 */
export function decide(parts: SpendParts, call: Call, reserve: boolean, requestedSince?: number): SpendDecision {
  const { excluded, cases } = withKnownPrice(parts, worstCases(parts, call));
  const usd = maxUsdOf(cases, call.maxAttempts, parts.mayRepeat);
  const decision = { cases, usd, excluded, refused: undefined, reservation: undefined, pending: undefined };
  if (cases.length === 0) return decision;
  const result = tryLimits(parts, call, usd, reserve, requestedSince);
  if (!('errorOf' in result)) return { ...decision, reservation: result.reservation, pending: result.pending };
  if (call.settings.overBudget === 'skip' && (cases.length > 1 || (cases[0]?.targets.length ?? 0) > 1))
    return withoutCostliest(parts, call, decision, reserve, requestedSince);
  return { ...decision, refused: result.errorOf(cases) };
}

/** The targets of a call that its limits do not exclude, in their order. */
export function without(targets: readonly Target[], excluded: SpendDecision['excluded']): readonly Target[] {
  const excludedTargets = new Set(excluded.map(({ target }) => target));
  return targets.filter((target) => !excludedTargets.has(target));
}

/** Excludes the most expensive deployments, as many as it takes for the limits to allow the call; never all of them. */
function withoutCostliest(
  parts: SpendParts,
  call: Call,
  { cases, excluded }: Pick<SpendDecision, 'cases' | 'excluded'>,
  reserve: boolean,
  requestedSince: number | undefined,
): SpendDecision {
  const { ledger, mayRepeat } = parts;
  const { maxAttempts, settings, record } = call;
  const { maxCostUsd = Number.POSITIVE_INFINITY, tenant } = settings;
  const keys = { route: record.route, tenant };
  const byTarget = new Map(cases.flatMap((each) => each.targets.map((target) => [target, each])));
  const single = call.targets.flatMap((target) => {
    const found = byTarget.get(target);
    return found === undefined ? [] : [{ ...found, targets: [target] }];
  });
  // Of two with the same cost, the later one goes first.
  const byCost = single.toReversed().sort((a, b) => (b.usd ?? 0) - (a.usd ?? 0));
  /** The highest cost of the call without the most expensive `count` deployments. */
  const usdWithout = (count: number) => maxUsdOf(byCost.slice(count, count + maxAttempts), maxAttempts, mayRepeat);
  const last = byCost.length - 1;
  // A binary search, so that the limits are checked only a few times for many deployments.
  let [count, high] = [1, last];
  while (count < high) {
    const middle = (count + high) >> 1;
    const usd = usdWithout(middle);
    if (usd <= maxCostUsd && ledger?.refusalOf(usd, keys) === undefined) high = middle;
    else count = middle + 1;
  }
  // Reserving may need more, because other processes spend from the same budget.
  let result = tryLimits(parts, call, usdWithout(count), reserve, requestedSince);
  while ('errorOf' in result && count < last) {
    count += 1;
    result = tryLimits(parts, call, usdWithout(count), reserve, requestedSince);
  }
  const left = new Set(byCost.slice(count));
  const decision = {
    cases: single.filter((each) => left.has(each)),
    usd: usdWithout(count),
    excluded: [
      ...excluded,
      ...byCost.slice(0, count).flatMap(({ targets }, i) =>
        targets.map((target) => ({
          target,
          why: `it is too expensive: with it the call could cost ${showUsd(usdWithout(i))}, more than the limits allow`,
        })),
      ),
    ],
    refused: undefined,
    reservation: undefined,
    pending: undefined,
  };
  return 'errorOf' in result ? { ...decision, refused: result.errorOf(decision.cases) } : { ...decision, ...result };
}

/** Under a spend limit, a deployment of unknown price is excluded, unless `unknownPrice` allows it. */
function withKnownPrice(
  { unknownPrice }: SpendParts,
  all: WorstCase[],
): { cases: WorstCase[]; excluded: { target: Target; why: string }[] } {
  if (unknownPrice === 'allow' || all.every(({ usd }) => usd !== undefined)) return { cases: all, excluded: [] };
  return {
    cases: all.filter(({ usd }) => usd !== undefined),
    excluded: all
      .filter(({ usd }) => usd === undefined)
      .flatMap(({ targets }) => targets.map((target) => ({ target, why: UNPRICED }))),
  };
}

/** Why a deployment without a known price is excluded. */
export const UNPRICED =
  'its price is not known, and there is a limit of money: give the deployment a `price` (with `tiers`, where the call ' +
  "names a service tier), or the router `prices`, or set `unknownPrice: 'allow'`";

/** Why the limits refuse a call. Converted to an error only when it is thrown. */
interface LimitRefusal {
  errorOf(cases: readonly WorstCase[]): SpendBudgetExceededError;
}

function tryLimits(
  { ledger }: SpendParts,
  call: Call,
  usd: number,
  reserve: boolean,
  requestedSince: number | undefined,
): LimitRefusal | Pick<SpendDecision, 'reservation' | 'pending'> {
  const { maxCostUsd, tenant } = call.settings;
  const textOf = (cases: readonly WorstCase[]) => worstCaseText(usd, cases, call.maxAttempts);
  if (maxCostUsd !== undefined && usd > maxCostUsd) {
    return {
      errorOf: (cases) =>
        new SpendBudgetExceededError(overCallLimit(textOf(cases), call, maxCostUsd), {
          budget: 'maxCostUsd',
          estimateUsd: roundUpUsd(usd),
          limitUsd: maxCostUsd,
          leftUsd: maxCostUsd,
          resetsAt: null,
        }),
    };
  }
  if (ledger === undefined) return { reservation: undefined, pending: undefined };
  const keys = { route: call.record.route, tenant };
  const result = reserve ? ledger.reserve(usd, keys) : ledger.refusalOf(usd, keys);
  if (result === undefined) return { reservation: undefined, pending: undefined };
  if (!result.refused) return { reservation: result, pending: undefined };
  const pending = requestedSince === undefined ? undefined : result.request?.(requestedSince);
  if (pending !== undefined) return { reservation: undefined, pending };
  return {
    errorOf: (cases) => {
      const message = result.tooManyTenants ? tooManyTenants(result) : overBudget(textOf(cases), usd, call, result);
      return refusalError(message, usd, result);
    },
  };
}

function refusalError(message: string, usd: number, refusal: Refusal): SpendBudgetExceededError {
  const { budget, leftUsd, availableAt, resetsAt } = refusal;
  return new SpendBudgetExceededError(message, {
    budget: budgetName(budget),
    estimateUsd: roundUpUsd(usd),
    limitUsd: budget.usd,
    leftUsd: Math.max(0, leftUsd),
    resetsAt: toIso(availableAt ?? resetsAt),
  });
}
