import { BucketCounts } from './bucket-counts.js';
import { bucketOf, inRange } from './latency-buckets.js';

const LIVE_MS = 1000;

export interface LatencyHistogramOptions {
  /** @default 10 */
  slots?: number;
  /** @default 30_000 */
  slotMs?: number;
}

/** The latencies of one time slot. */
interface Slot {
  readonly counts: BucketCounts;
  min: number;
}

interface LiveValue {
  readonly value: number | undefined;
  readonly count: number;
  readonly at: number;
}

/**
 * Latencies of the last `slots * slotMs` (5 minutes), in buckets that grow by 2 % from 0.05 ms to 30 minutes. It has no
 * timers: slots age when something is recorded or read. Only used slots and ranges of buckets take memory, because a
 * router has four histograms for each deployment.
 */
export class LatencyHistogram {
  readonly #length: number;
  readonly #slotMs: number;
  /** Indexed by the slot's number modulo the number of slots. */
  #slots: (Slot | undefined)[] = NO_SLOTS;
  /** The sum of all slots, so that a read need not add them up. */
  #totals: BucketCounts | undefined;
  #count = 0;
  #min = Number.POSITIVE_INFINITY;
  /** The number of the current slot, counted from `performance.now()` 0. */
  #number = 0;
  #endsAt = 0;
  #live: Map<number, LiveValue> | undefined;

  constructor({ slots = 10, slotMs = 30_000 }: LatencyHistogramOptions = {}) {
    this.#length = slots;
    this.#slotMs = slotMs;
  }

  /** Values out of range count as the nearest value in range. NaN is ignored. */
  record(ms: number): void {
    if (Number.isNaN(ms)) return;
    this.#age(performance.now());
    const value = inRange(ms);
    const bucket = bucketOf(value);
    this.#totals ??= new BucketCounts();
    const slot = this.#slot();
    slot.counts.add(bucket);
    this.#totals.add(bucket);
    this.#count += 1;
    if (value < slot.min) slot.min = value;
    if (value < this.#min) this.#min = value;
  }

  get count(): number {
    if (this.#count > 0) this.#age(performance.now());
    return this.#count;
  }

  /** The exact smallest value in the window; undefined while empty. */
  get min(): number | undefined {
    return this.count === 0 ? undefined : this.#min;
  }

  /** The memory of its counts. */
  get bytes(): number {
    return this.#slots.reduce((sum, slot) => sum + (slot?.counts.bytes ?? 0), this.#totals?.bytes ?? 0);
  }

  /** The quantile `q` (0 to 1) of the window, within 1 %; undefined while empty. */
  quantile(q: number): number | undefined {
    return this.quantiles([q])?.[0];
  }

  /** The same for several shares, ascending. */
  quantiles(qs: readonly number[]): number[] | undefined {
    const { count } = this;
    return count === 0 ? undefined : this.#totals?.quantiles(count, qs).map((value) => Math.max(value, this.#min));
  }

  /** `quantile(q)` for the path of a request: up to a second old, unless the count has doubled since. */
  live(q: number): number | undefined {
    const now = performance.now();
    const known = this.#live?.get(q);
    if (known !== undefined && now - known.at < LIVE_MS && this.#count < 2 * known.count) return known.value;
    const value = this.quantile(q);
    this.#live ??= new Map();
    this.#live.set(q, { value, count: this.#count, at: now });
    return value;
  }

  #age(now: number): void {
    if (now < this.#endsAt) return;
    const number = Math.floor(now / this.#slotMs);
    const steps = this.#count === 0 ? 0 : Math.min(number - this.#number, this.#length);
    for (let i = 0; i < steps; i += 1) this.#drop((number - i) % this.#length);
    this.#number = number;
    this.#endsAt = (number + 1) * this.#slotMs;
    if (steps > 0) this.#min = Math.min(...this.#slots.map((slot) => slot?.min ?? Number.POSITIVE_INFINITY));
  }

  #drop(place: number): void {
    const slot = this.#slots[place];
    if (slot === undefined || this.#totals === undefined) return;
    this.#count -= this.#totals.subtract(slot.counts);
    this.#slots[place] = undefined;
    if (this.#count === 0) this.#totals = undefined;
  }

  #slot(): Slot {
    if (this.#slots === NO_SLOTS) this.#slots = new Array<Slot | undefined>(this.#length).fill(undefined);
    const place = this.#number % this.#length;
    const known = this.#slots[place];
    if (known !== undefined) return known;
    const slot: Slot = { counts: new BucketCounts(), min: Number.POSITIVE_INFINITY };
    this.#slots[place] = slot;
    return slot;
  }
}

/** Shared by all histograms that have recorded nothing. */
const NO_SLOTS: (Slot | undefined)[] = [];
