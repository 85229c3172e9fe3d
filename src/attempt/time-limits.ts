import type { Attempt, Call } from '../types.js';

/** The longest time until an attempt is committed, in milliseconds. The first content of a stream has its own limit. */
export function commitTimeoutOf({ call, control: { timeoutMs } }: Attempt): number {
  return call.stream ? Math.min(timeoutMs, call.settings.firstChunkTimeoutMs ?? timeoutMs) : timeoutMs;
}

/** The longest gap between two chunks, in milliseconds. Images take long, so by default image streams have no limit. */
export function chunkTimeoutOf({ settings, protocol }: Call): number {
  return settings.chunkTimeoutIsDefault && protocol === 'json' ? Number.POSITIVE_INFINITY : settings.chunkTimeoutMs;
}
