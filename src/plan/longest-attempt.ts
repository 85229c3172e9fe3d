import type { Call, Target } from '../types.js';
import { attemptTimeoutOf } from './plan.js';

/** How long the options let an attempt run until it is committed, in milliseconds; `Infinity` without a limit. */
export function longestAttemptMs({ attemptTimeoutIsOwn, settings, stream }: Call, { state }: Target): number {
  const { attemptTimeoutMs, firstChunkTimeoutMs } = settings;
  const { deployment } = state;
  const own =
    attemptTimeoutOf(
      { attemptTimeoutMs, attemptTimeoutIsOwn },
      { attemptTimeoutMs: deployment.attemptTimeoutMs, timeoutMs: deployment.upstream.timeoutMs },
    ) ?? Number.POSITIVE_INFINITY;
  return stream ? Math.min(own, firstChunkTimeoutMs ?? own) : own;
}
