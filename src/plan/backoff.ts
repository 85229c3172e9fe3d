/** Full jitter: anything between nothing and the exponential cap. `retries` counts those made before this one. */
export function backoffMs(
  retries: number,
  { baseMs, maxMs }: { readonly baseMs: number; readonly maxMs: number },
  jitter: number,
): number {
  return jitter * Math.min(maxMs, baseMs * 2 ** retries);
}
