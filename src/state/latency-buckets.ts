const MIN_MS = 0.05;
const MAX_MS = 30 * 60_000;
const LOG_GROWTH = Math.log(1.02);
const PER_LOG = 1 / LOG_GROWTH;
const LOG_MIN = Math.log(MIN_MS);

/** Buckets of latencies that grow by 2 %, from 0.05 ms to 30 minutes. */
export const BUCKETS = Math.floor((Math.log(MAX_MS) - LOG_MIN) * PER_LOG) + 1;

/** The nearest value in range. */
export function inRange(ms: number): number {
  return ms < MIN_MS ? MIN_MS : ms > MAX_MS ? MAX_MS : ms;
}

/** `ms` must be in range. */
export function bucketOf(ms: number): number {
  return ((Math.log(ms) - LOG_MIN) * PER_LOG) | 0;
}

function middleOf(bucket: number): number {
  return Math.exp(LOG_MIN + (bucket + 0.5) * LOG_GROWTH);
}

/**
 * The quantiles `qs` (0 to 1, ascending), within 1 %, in one pass over the buckets. `count` is above 0; `counts` begin
 * at the bucket `first`.
 */
export function quantilesOf(counts: Uint32Array, count: number, qs: readonly number[], first = 0): number[] {
  const values: number[] = [];
  let bucket = -1;
  let seen = 0;
  for (const q of qs) {
    const rank = Math.max(1, Math.ceil(q * count));
    while (seen < rank && bucket < counts.length - 1) {
      bucket += 1;
      seen += counts[bucket] ?? 0;
    }
    values.push(middleOf(first + Math.max(0, bucket)));
  }
  return values;
}
