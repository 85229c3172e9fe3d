import { quantilesOf } from './latency-buckets.js';

/** The range grows in steps of so many buckets. */
const STEP = 32;

/** Counts by bucket of `latency-buckets`. Only the range of buckets in use is allocated: latencies of one place are alike. */
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

  /** Takes away what `other` holds, all of which was added before. Returns how many that were. */
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

  /** The values that the shares `qs` (0 to 1, ascending) do not exceed, within 1 %. `count`, of all, is above 0. */
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
