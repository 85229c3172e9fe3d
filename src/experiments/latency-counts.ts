const MIN_MS = 1;
const GROWTH = 1.02;
const LOG_GROWTH = Math.log(GROWTH);
const CELLS = Math.ceil(Math.log(3_600_000 / MIN_MS) / LOG_GROWTH);
/** Fine cells in one coarse cell. */
const COARSE = 8;

/**
 * Durations of calls since the experiment began: fine counts over all, coarse ones by bucket of keys. Cells are created
 * at first use.
 */
export class LatencyCounts {
  readonly #fine = new Map<number, number>();
  readonly #byBucket = new Map<number, Map<number, number>>();
  #count = 0;

  get count(): number {
    return this.#count;
  }

  /** The number of buckets of keys with calls. */
  get filledBuckets(): number {
    return this.#byBucket.size;
  }

  record(ms: number, bucket: number): void {
    const cell = cellOf(ms);
    this.#count += 1;
    this.#fine.set(cell, (this.#fine.get(cell) ?? 0) + 1);
    const coarse = this.#byBucket.get(bucket) ?? new Map<number, number>();
    this.#byBucket.set(bucket, coarse);
    const coarseCell = Math.floor(cell / COARSE);
    coarse.set(coarseCell, (coarse.get(coarseCell) ?? 0) + 1);
  }

  /** The quantile `q` (0 to 1), within 1 %; `undefined` while empty. */
  quantile(q: number): number | undefined {
    if (this.#count === 0) return undefined;
    const rank = Math.max(1, Math.ceil(q * this.#count));
    let seen = 0;
    for (const [cell, count] of [...this.#fine].sort(([a], [b]) => a - b)) {
      seen += count;
      if (seen >= rank) return MIN_MS * Math.exp((cell + 0.5) * LOG_GROWTH);
    }
    return undefined;
  }

  /**
   * How much more the share below a quantile varies between buckets of keys than it would for independent calls; at
   * least 1.
   */
  designEffect(q: number): number {
    const value = this.quantile(q);
    if (value === undefined || this.#byBucket.size < 2) return 1;
    const limit = Math.floor(cellOf(value) / COARSE);
    const buckets = [...this.#byBucket.values()].map((cells) => {
      let calls = 0;
      let below = 0;
      for (const [cell, count] of cells) {
        calls += count;
        if (cell <= limit) below += count;
      }
      return { calls, below };
    });
    const share = buckets.reduce((sum, each) => sum + each.below, 0) / this.#count;
    const squares = buckets.reduce((sum, each) => sum + (each.below - share * each.calls) ** 2, 0);
    const seen = (buckets.length / (buckets.length - 1)) * squares;
    const independent = share * (1 - share) * this.#count;
    return independent === 0 ? 1 : Math.max(1, seen / independent);
  }
}

function cellOf(ms: number): number {
  if (!(ms > MIN_MS)) return 0;
  return Math.min(CELLS - 1, Math.floor(Math.log(ms / MIN_MS) / LOG_GROWTH));
}
