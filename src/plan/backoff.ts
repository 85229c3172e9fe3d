/**
 * Equal jitter: between half of the exponential cap and all of it, so that a retry never comes back within half of its
 * backoff. `retries` counts those made before this one.
 */
export function backoffMs(
  retries: number,
  { baseMs, maxMs }: { readonly baseMs: number; readonly maxMs: number },
  jitter: number,
): number {
  const cap = Math.min(maxMs, baseMs * 2 ** retries);
  return cap / 2 + (jitter * cap) / 2;
}
