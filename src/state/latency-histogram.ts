import { BUCKETS, bucketOf, inRange, quantilesOf } from './latency-buckets.js';

const LIVE_MS = 1000;

export interface LatencyHistogramOptions {
  /** @default 10 */
  slots?: number;
  /** @default 30_000 */
  slotMs?: number;
}

/**
 * Latencies of the last `slots * slotMs` (5 minutes), in buckets that grow by 2 % from 0.05 ms to 30 minutes.
 * Without timers: slots age when something is recorded or read. What is empty holds no memory.
 */
export class LatencyHistogram {
  readonly #slotMs: number;
  /** A ring: the slot of number n is at n modulo its length. */
  readonly #slots: (Uint32Array | undefined)[];
  readonly #mins: Float64Array;
  /** The sum of all slots, so that a read need not add them up. */
  #totals: Uint32Array | undefined;
  #count = 0;
  /** The current slot, and its number. Numbers count from `performance.now()` 0. */
  #current: Uint32Array | undefined;
  #number = 0;
  #endsAt = 0;
  readonly #live = new Map<number, { value: number | undefined; count: number; at: number }>();

  constructor({ slots = 10, slotMs = 30_000 }: LatencyHistogramOptions = {}) {
    this.#slotMs = slotMs;
    this.#slots = new Array<Uint32Array | undefined>(slots).fill(undefined);
    this.#mins = new Float64Array(slots).fill(Number.POSITIVE_INFINITY);
  }

  /** Values out of range count as the nearest in range, NaN not at all. */
  record(ms: number): void {
    if (Number.isNaN(ms)) return;
    const now = performance.now();
    if (now >= this.#endsAt) this.#moveTo(now);
    const value = inRange(ms);
    const bucket = bucketOf(value);
    this.#totals ??= new Uint32Array(BUCKETS);
    this.#current ??= this.#addSlot();
    const totals = this.#totals;
    const slot = this.#current;
    slot[bucket] = (slot[bucket] ?? 0) + 1;
    totals[bucket] = (totals[bucket] ?? 0) + 1;
    this.#count += 1;
    const place = this.#number % this.#mins.length;
    if (value < (this.#mins[place] ?? 0)) this.#mins[place] = value;
  }

  get count(): number {
    this.#age();
    return this.#count;
  }

  /** The smallest value in the window, exactly; undefined while empty. */
  get min(): number | undefined {
    this.#age();
    return this.#count === 0 ? undefined : Math.min(...this.#mins);
  }

  /** The value that a share `q` (0 to 1) of the window does not exceed, within 1 %; undefined while empty. */
  quantile(q: number): number | undefined {
    return this.quantiles([q])?.[0];
  }

  /** The same for several shares, ascending. */
  quantiles(qs: readonly number[]): number[] | undefined {
    this.#age();
    const totals = this.#totals;
    if (totals === undefined) return undefined;
    const min = Math.min(...this.#mins);
    return quantilesOf(totals, this.#count, qs).map((value) => Math.max(value, min));
  }

  /** `quantile(q)` for the path of a request: up to a second old, unless the count has doubled since. */
  live(q: number): number | undefined {
    const now = performance.now();
    const known = this.#live.get(q);
    if (known !== undefined && now - known.at < LIVE_MS && this.#count < 2 * known.count) return known.value;
    const value = this.quantile(q);
    this.#live.set(q, { value, count: this.#count, at: now });
    return value;
  }

  #age(): void {
    const now = performance.now();
    if (now >= this.#endsAt) this.#moveTo(now);
  }

  #moveTo(now: number): void {
    const number = Math.floor(now / this.#slotMs);
    const length = this.#slots.length;
    const steps = Math.min(number - this.#number, length);
    for (let i = 0; i < steps; i += 1) this.#drop((number - i) % length);
    this.#number = number;
    this.#endsAt = (number + 1) * this.#slotMs;
    this.#current = this.#slots[number % length];
  }

  #drop(place: number): void {
    const slot = this.#slots[place];
    const totals = this.#totals;
    if (slot === undefined || totals === undefined) return;
    for (let bucket = 0; bucket < BUCKETS; bucket += 1) {
      const leaving = slot[bucket] ?? 0;
      totals[bucket] = (totals[bucket] ?? 0) - leaving;
      this.#count -= leaving;
    }
    this.#slots[place] = undefined;
    this.#mins[place] = Number.POSITIVE_INFINITY;
    if (this.#count === 0) this.#totals = undefined;
  }

  #addSlot(): Uint32Array {
    const slot = new Uint32Array(BUCKETS);
    this.#slots[this.#number % this.#slots.length] = slot;
    return slot;
  }
}
