import type { CallOutcome } from './metric-names.js';
import type { AttemptRecord, Outcome } from './record-types.js';
import type { EndedError } from './tracing.js';

/** By error name, because a provider may use the same codes. */
const REFUSED: ReadonlySet<string> = new Set([
  'SpendBudgetExceededError',
  'TokenBudgetExceededError',
  'CapacityExceededError',
  'InvalidOptionError',
]);
/** Outcomes that the request itself causes, at any deployment. */
export const CALLER_OUTCOMES: ReadonlySet<Outcome> = new Set(['caller-error', 'context-length', 'content-filter']);

/** The outcome of a call that has ended. */
export function callOutcomeOf(attempts: readonly AttemptRecord[], error: EndedError | null): CallOutcome {
  if (error === null) return 'success';
  if (REFUSED.has(error.name)) return 'refused';
  if (error.name === 'DeadlineExceededError') return 'deadline';
  const last = attempts.findLast(({ outcome }) => outcome !== 'lost')?.outcome;
  if (last === 'aborted' || error.name === 'APIUserAbortError' || error.name === 'AbortError') return 'aborted';
  return last !== undefined && CALLER_OUTCOMES.has(last) ? 'caller-error' : 'failed';
}

/**
 * Whether it counts against the route. The caller's errors and aborts do not, nor refusals by the application's own
 * limits. A deadline counts, and so does having no deployment left.
 */
export const isBlamed = (outcome: CallOutcome): boolean => outcome === 'failed' || outcome === 'deadline';

/** Each failover of a call, with its reason. A hedge is not a failover. */
export function failoversOf(attempts: readonly AttemptRecord[]): { from: string; to: string; reason: Outcome }[] {
  return attempts.flatMap(({ deployment: to, hedge }, i) => {
    const before = attempts[i - 1];
    if (before === undefined || hedge === true || before.deployment === to) return [];
    return [{ from: before.deployment, to, reason: before.outcome }];
  });
}
