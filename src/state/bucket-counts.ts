import { quantilesOf } from './latency-buckets.js';

/** The range grows by this many buckets. */
const STEP = 32;

/**
 * Counts by bucket of `latency-buckets`. Only the range in use is allocated, because latencies of one place are
 * similar.
 */
export class BucketCounts {
  #first = 0;
  #counts = new Uint32Array(0);

  get bytes(): number {
    return this.#counts.byteLength;
  }

  add(bucket: number, count = 1): void {
    let at = bucket - this.#first;
    if (at < 0 || at >= this.#counts.length) {
      this.#include(bucket);
      at = bucket - this.#first;
    }
    this.#counts[at] = (this.#counts[at] ?? 0) + count;
  }

  /** Subtracts `other`, all of which was added before. Returns its count. */
  subtract(other: BucketCounts): number {
    let sum = 0;
    const offset = other.#first - this.#first;
    for (const [i, count] of other.#counts.entries()) {
      if (count === 0) continue;
      this.#counts[i + offset] = (this.#counts[i + offset] ?? 0) - count;
      sum += count;
    }
    return sum;
  }

  /** The quantiles `qs` (0 to 1, ascending), within 1 %. `count`, the total, must be above 0. */
  quantiles(count: number, qs: readonly number[]): number[] {
    return quantilesOf(this.#counts, count, qs, this.#first);
  }

  #include(bucket: number): void {
    const start = bucket - (bucket % STEP);
    const isEmpty = this.#counts.length === 0;
    const first = isEmpty ? start : Math.min(this.#first, start);
    const end = isEmpty ? start + STEP : Math.max(this.#first + this.#counts.length, start + STEP);
    const counts = new Uint32Array(end - first);
    if (!isEmpty) counts.set(this.#counts, this.#first - first);
    this.#first = first;
    this.#counts = counts;
  }
}
