import { type BucketSum, sampleRatioMismatch } from './intervals.js';
import { KeySample } from './key-sample.js';
import { LatencyCounts } from './latency-counts.js';

/** Keys are divided into this many buckets; a variant is compared by its buckets. */
const BUCKETS = 64;
/** The limit of names of numbers from `feedback`; further ones are ignored. */
const MOST_FEEDBACK = 20;

/** The assigned variant of one call, and the bucket of its key. */
export interface Exposure {
  readonly variant: string;
  /** 53 bits of the key's hash with a salt of the process; of the call if it has no key. */
  readonly keyHash: number;
}

const MISMATCH_ALPHA = 0.001;
const LOOK_EVERY = 64;

/** The result of a call. */
export interface AbResult {
  /** Another deployment than the assigned one answered. */
  readonly crossed: boolean;
  /** The call failed, and its caller was not to blame. */
  readonly failed: boolean;
  readonly durationMs: number;
  readonly timeToFirstChunkMs: number | null;
  readonly costUsd: number | null;
  readonly tokens: number | null;
  readonly escalated: boolean;
}

/** Sums of one number over the calls of a variant, by bucket. */
export class BucketSums {
  readonly #calls = new Float64Array(BUCKETS);
  readonly #sums = new Float64Array(BUCKETS);
  calls = 0;
  sum = 0;

  add(bucket: number, value: number): void {
    this.#calls[bucket] = (this.#calls[bucket] ?? 0) + 1;
    this.#sums[bucket] = (this.#sums[bucket] ?? 0) + value;
    this.calls += 1;
    this.sum += value;
  }

  buckets(): BucketSum[] {
    return Array.from(this.#calls, (calls, i) => ({ calls, sum: this.#sums[i] ?? 0 }));
  }
}

/** The data of one variant. */
export class Variant {
  readonly keys = new KeySample();
  readonly errors = new BucketSums();
  readonly costUsd = new BucketSums();
  readonly tokens = new BucketSums();
  readonly latency = new LatencyCounts();
  readonly firstChunk = new LatencyCounts();
  readonly feedback = new Map<string, BucketSums>();
  crossed = 0;
  escalations = 0;

  constructor(
    readonly id: string,
    readonly weight: number,
  ) {}
}

/** One comparison of variants on a route. A change of variants or weights starts a new table. */
export class AbTable {
  readonly since = new Date().toISOString();
  readonly variants: ReadonlyMap<string, Variant>;
  #looks = 0;
  #isMismatched = false;

  constructor(variants: readonly { readonly id: string; readonly weight: number }[]) {
    this.variants = new Map(variants.map(({ id, weight }) => [id, new Variant(id, weight)]));
  }

  record({ variant: id, keyHash }: Exposure, result: AbResult): void {
    const variant = this.variants.get(id);
    if (variant === undefined) return;
    const bucket = keyHash % BUCKETS;
    variant.keys.add(Math.floor(keyHash / BUCKETS));
    variant.errors.add(bucket, result.failed ? 1 : 0);
    if (result.crossed) variant.crossed += 1;
    if (result.escalated) variant.escalations += 1;
    if (result.costUsd !== null) variant.costUsd.add(bucket, result.costUsd);
    if (result.tokens !== null) variant.tokens.add(bucket, result.tokens);
    if (result.failed) return;
    variant.latency.record(result.durationMs, bucket);
    if (result.timeToFirstChunkMs !== null) variant.firstChunk.record(result.timeToFirstChunkMs, bucket);
  }

  /** Returns true once: at the first check that finds the keys distributed otherwise than by the weights. */
  becameMismatched(): boolean {
    this.#looks += 1;
    if (this.#isMismatched || this.#looks % LOOK_EVERY !== 0) return false;
    this.#isMismatched = this.isMismatched;
    return this.#isMismatched;
  }

  get isMismatched(): boolean {
    const variants = [...this.variants.values()].map(({ keys, weight }) => ({ keys: keys.size, weight }));
    return sampleRatioMismatch(variants, MISMATCH_ALPHA);
  }

  feedback({ variant: id, keyHash }: Exposure, numbers: Readonly<Record<string, number>>): void {
    const variant = this.variants.get(id);
    if (variant === undefined) return;
    for (const [name, value] of Object.entries(numbers)) {
      let sums = variant.feedback.get(name);
      if (sums === undefined) {
        if (variant.feedback.size >= MOST_FEEDBACK) continue;
        sums = new BucketSums();
        variant.feedback.set(name, sums);
      }
      sums.add(keyHash % BUCKETS, value);
    }
  }
}
