import type { Attempt, Call } from '../types.js';

/** How long an attempt may take until it is committed, in milliseconds: a stream's first content has a limit of its own. */
export function limitOf({ call, control: { timeoutMs } }: Attempt): number {
  return call.stream ? Math.min(timeoutMs, call.settings.firstChunkTimeoutMs ?? timeoutMs) : timeoutMs;
}

/** The longest gap between two chunks, in milliseconds. A picture takes its time, so by default image streams have none. */
export function chunkTimeoutOf({ settings, protocol }: Call): number {
  return settings.chunkTimeoutIsDefault && protocol === 'json' ? Number.POSITIVE_INFINITY : settings.chunkTimeoutMs;
}
