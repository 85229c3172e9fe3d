import { abortError, failure, LostError, timeoutError } from '../classify.js';
import { AttemptFailed } from '../errors.js';
import type { Layer } from '../pipeline.js';
import type { Attempt, Reply } from '../types.js';
import { patientTimer } from '../util/patient-timer.js';
import { limitOf } from './limit.js';

/**
 * Ends an attempt at its time, or when the caller goes away, whether or not the upstream's client heeds its abort. The
 * upstream's request is aborted with it. A committed stream goes on: it is ended by its own idle timeout.
 */
export function attemptTimeout(random: () => number): Layer<Attempt, Reply> {
  return (next) =>
    function attemptTimeout(attempt) {
      const { signal } = attempt.call;
      return new Promise((resolve, reject) => {
        const end = (error: AttemptFailed) => {
          settle();
          attempt.isOver = true;
          attempt.close?.();
          reject(error);
        };
        const onAbort = () => end(aborted(signal?.reason));
        const onTime = (isLate: boolean) => {
          const moreMs = prolonged(attempt) || (attempt.slot?.moreMs() ?? 0);
          if (moreMs > 0) timer = patientTimer(moreMs, onTime);
          else end(tooLate(attempt, random(), isLate));
        };
        let timer = patientTimer(limitOf(attempt), onTime);
        const settle = () => {
          timer.clear();
          signal?.removeEventListener('abort', onAbort);
        };
        if (signal?.aborted) return onAbort();
        if (attempt.slot !== undefined) attempt.slot.cancel = () => end(lost(attempt));
        signal?.addEventListener('abort', onAbort);
        next(attempt).then(
          (reply) => {
            // A late answer, from a client that ignores its abort: it is not read.
            if (attempt.isOver) return discard(reply);
            settle();
            attempt.slot?.win();
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

/** Somebody with more time has joined: what was to end with the call's deadline goes on until the new one. */
function prolonged(attempt: Attempt): number {
  const { call, untilDeadline, timeoutMs } = attempt;
  if (!call.isShared || !untilDeadline || limitOf(attempt) !== timeoutMs) return 0;
  return Math.floor(call.deadline - performance.now());
}

function tooLate(attempt: Attempt, jitter: number, isLate: boolean): AttemptFailed {
  const limit = limitOf(attempt);
  const now = performance.now();
  const isDeadline = (attempt.untilDeadline && limit === attempt.timeoutMs) || (isLate && now >= attempt.call.deadline);
  const found = failure(isDeadline ? 'deadline' : 'timeout', timeoutError(limit), now, jitter);
  // The process stood still: that says nothing about the deployment.
  if (isLate) return new AttemptFailed({ ...found, breaker: 'neutral', isStalled: true });
  return new AttemptFailed(isToBlame(attempt, limit) ? found : { ...found, breaker: 'neutral' });
}

/** Another deployment has answered first: that of itself is no fault, nor is it a probe's before its hedge was due. */
function lost(attempt: Attempt): AttemptFailed {
  const now = performance.now();
  const ms = now - attempt.startedAt;
  const found = failure('lost', new LostError(), now, 0);
  const isHedgeDue = ms >= (attempt.slot?.afterMs ?? Number.POSITIVE_INFINITY);
  const isSlow = isHedgeDue ? isToBlame(attempt, ms) : ms >= usualMs(attempt);
  return new AttemptFailed(isSlow ? { ...found, breaker: 'failure' } : found);
}

/**
 * Not if it had too little time. A probe that gets no answer in the time there was does not make the next call one, too.
 */
function isToBlame(attempt: Attempt, ms: number): boolean {
  return attempt.target.state.breaker?.state === 'halfOpen' || ms >= usualMs(attempt);
}

/** What an answer may well take: of the slowest deployment known, as long as this one is not; 1 s while none is. */
function usualMs({ call, target }: Attempt): number {
  const own = target.state.p95Ms(call.stream);
  if (own !== undefined) return own;
  const known = call.targets.flatMap(({ state }) => state.p95Ms(call.stream) ?? []);
  return known.length === 0 ? 1000 : Math.max(...known);
}

function aborted(reason: unknown): AttemptFailed {
  return new AttemptFailed(failure('aborted', abortError(reason), performance.now(), 0));
}

function discard(reply: Reply): void {
  reply.chunks?.return?.().catch(() => undefined);
}
