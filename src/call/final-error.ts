import { pausedError } from '../classify.js';
import { DeadlineExceededError, NoDeploymentAvailableError } from '../errors.js';
import { isFinal, type StopStep } from '../plan/plan.js';
import type { Call, Failure } from '../types.js';
import { withStack } from '../util/stack.js';

/**
 * The error of a call that has failed: the last upstream error with a status, else the last error. If the deadline
 * ended the call, the deadline's own error. An error that every deployment would repeat comes first.
 */
export function finalError(call: Call, stop: StopStep | undefined): Error {
  const failures = call.sealedKeys === undefined ? call.failures : withoutOtherClients(call.failures);
  const last = failures.at(-1);
  const upstream = failures.findLast((failure) => failure.status !== undefined);
  if (last === undefined) return errorWithoutAttempts(call, stop);
  if (last.outcome === 'aborted') return withStack(last.error);
  const everywhere = failures.find((failure) => isFinal(failure) && failure.status !== undefined);
  if (everywhere !== undefined) return withStack(everywhere.error);
  if (last.outcome === 'deadline') {
    const before = upstream ?? failures.findLast((failure) => failure !== last) ?? last;
    return new DeadlineExceededError(call.settings.deadlineMs, withStack(before.error));
  }
  return withStack((upstream ?? last).error);
}

/** A 400 from a later client that cannot read sealed items must not replace the first client's error. */
function withoutOtherClients(failures: readonly Failure[]): readonly Failure[] {
  const first = failures[0]?.target?.state.client;
  return failures.filter(({ outcome, target }) => outcome !== 'caller-error' || target?.state.client === first);
}

/** The error of a call without attempts: no time was left, or no deployment was available. */
function errorWithoutAttempts(call: Call, stop: StopStep | undefined): Error {
  if (stop?.reason === 'no-time') return new DeadlineExceededError(call.settings.deadlineMs, undefined);
  const paused = call.targets.find(({ state }) => state.pausedBy !== undefined)?.state;
  if (paused?.pausedBy !== undefined)
    return pausedError(paused.id, paused.pausedBy, paused.pausedUntil - performance.now());
  const why =
    call.excluded.length === 0
      ? ''
      : ` (${call.excluded.map(({ target, why }) => `${target.state.id}: ${why}`).join('; ')})`;
  return new NoDeploymentAvailableError(`No deployment is available${why}.`);
}
