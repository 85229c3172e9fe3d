/**
 * Equal jitter: between half of the exponential cap and all of it, so that a retry never starts within half of its
 * backoff. `retries` is the number of earlier retries.
 */
export function backoffMs(
  retries: number,
  { baseMs, maxMs }: { readonly baseMs: number; readonly maxMs: number },
  jitter: number,
): number {
  const cap = Math.min(maxMs, baseMs * 2 ** retries);
  return cap / 2 + (jitter * cap) / 2;
}
