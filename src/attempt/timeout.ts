import { abortError, failure, LostError, timeoutError } from '../classify.js';
import { AttemptFailed } from '../errors.js';
import type { Layer } from '../pipeline.js';
import { longestAttemptMs } from '../plan/longest-attempt.js';
import type { EndReason } from '../state/attempt-control.js';
import type { Attempt, Failure, Reply } from '../types.js';
import { patientTimer } from '../util/patient-timer.js';
import { stackLater } from '../util/stack.js';
import { commitTimeoutOf } from './time-limits.js';

/**
 * Ends an attempt when its time is over, its caller aborts or another attempt wins, even if the upstream's client
 * ignores its abort. A committed stream continues: its own idle timeout ends it.
 */
export function attemptTimeout(random: () => number): Layer<Attempt, Reply> {
  return (next) =>
    function attemptTimeout(attempt) {
      const { control, hedged } = attempt;
      const { signal } = attempt.call;
      return new Promise((resolve, reject) => {
        const onAbort = () => control.end('aborted');
        const onTime = (isLate: boolean) => {
          const moreMs = extended(attempt);
          if (moreMs > 0) timer = patientTimer(moreMs, onTime);
          else control.end(isLate ? 'stalled' : 'timeout');
        };
        let timer = patientTimer(commitTimeoutOf(attempt), onTime);
        const settle = () => {
          timer.clear();
          signal?.removeEventListener('abort', onAbort);
          control.waiting(undefined);
        };
        control.waiting((reason) => {
          settle();
          reject(new AttemptFailed(failureBy(reason, attempt, random)));
        });
        if (signal?.aborted) return onAbort();
        signal?.addEventListener('abort', onAbort);
        next(attempt).then(
          (reply) => {
            // A late answer, from a client that ignores aborts, is not read.
            if (control.isOver) return discard(reply);
            settle();
            if (attempt.onLost === undefined) hedged?.win(attempt);
            else hedged?.judge(attempt, reply);
            resolve(reply);
          },
          (error) => {
            settle();
            reject(error);
          },
        );
      });
    };
}

/** Extends an attempt whose time is over, if its call allows it. Returns the milliseconds that are left. */
function extended(attempt: Attempt): number {
  const { call, control, startedAt, hedged } = attempt;
  const endsWithCall = control.untilDeadline && commitTimeoutOf(attempt) === control.timeoutMs;
  // A caller with more time has joined: the deadline has moved.
  if (call.isShared && endsWithCall && call.deadline - performance.now() >= 1)
    control.extend(Math.floor(call.deadline - startedAt), true);
  else hedged?.extend(attempt);
  return Math.floor(startedAt + commitTimeoutOf(attempt) - performance.now());
}

function failureBy(reason: EndReason, attempt: Attempt, random: () => number): Failure {
  if (reason === 'lost') return lost(attempt);
  if (reason === 'timeout' || reason === 'stalled') return tooLate(attempt, random(), reason === 'stalled');
  const error = stackLater(() => abortError(attempt.call.signal?.reason));
  return failure('aborted', error, performance.now(), 0);
}

function tooLate(attempt: Attempt, jitter: number, isLate: boolean): Failure {
  const { call, control } = attempt;
  const limit = commitTimeoutOf(attempt);
  const now = performance.now();
  const isDeadline = (control.untilDeadline && limit === control.timeoutMs) || (isLate && now >= call.deadline);
  const found = failure(
    isDeadline ? 'deadline' : 'timeout',
    stackLater(() => timeoutError(limit)),
    now,
    jitter,
  );
  // A blocked process says nothing about the deployment.
  if (isLate) return { ...found, breaker: 'neutral', isStalled: true };
  return isToBlame(attempt, limit) && !isByHeader(attempt, limit) ? found : { ...found, breaker: 'neutral' };
}

/**
 * Whether only a header made the time so short, and it may be too short for this deployment: headers come from outside,
 * and must not open a breaker for everybody.
 */
function isByHeader({ call, target }: Attempt, limit: number): boolean {
  if (!call.settings.deadlineIsByHeader || limit >= Math.floor(longestAttemptMs(call, target))) return false;
  return target.state.breaker?.state !== 'halfOpen' && target.state.p95Ms(call.stream) === undefined;
}

/**
 * Another deployment answered first. That counts as a failure only if this one took longer than usual, or is a probe
 * whose hedge was due.
 */
function lost(attempt: Attempt): Failure {
  const now = performance.now();
  const ms = now - attempt.startedAt;
  const found = failure('lost', new LostError(), now, 0);
  const isHedgeDue = ms >= (attempt.hedgeAfterMs ?? Number.POSITIVE_INFINITY);
  const isSlow = isHedgeDue ? isToBlame(attempt, ms) : ms >= usualMs(attempt);
  return isSlow ? { ...found, breaker: 'failure' } : found;
}

/** Whether the deployment had enough time to be blamed. A probe always had: else the next call would be a probe too. */
function isToBlame(attempt: Attempt, ms: number): boolean {
  return attempt.target.state.breaker?.state === 'halfOpen' || ms >= usualMs(attempt);
}

/** The usual upper limit of an answer's time: this deployment's p95, else the slowest known one, else 1 s. */
function usualMs({ call, target }: Attempt): number {
  const own = target.state.p95Ms(call.stream);
  if (own !== undefined) return own;
  const known = call.targets.flatMap(({ state }) => state.p95Ms(call.stream) ?? []);
  return known.length === 0 ? 1000 : Math.max(...known);
}

function discard(reply: Reply): void {
  reply.chunks?.return?.().catch(() => undefined);
}
