import type { Attempt } from '../types.js';

/** How long an attempt may take until it is committed, in milliseconds: a stream's first content has a limit of its own. */
export function limitOf({ call, timeoutMs }: Attempt): number {
  return call.stream ? Math.min(timeoutMs, call.settings.firstChunkTimeoutMs ?? timeoutMs) : timeoutMs;
}
