/** The resolution of a window: an event leaves it up to a thirtieth of its length early. */
const SLOTS = 30;

/**
 * Good and bad events of the last `windowMs` milliseconds, as running sums, so that adding and reading take constant
 * time. It has no timers: slots age when something is added or read. Times are those of `performance.now()`.
 */
export class SlidingCounts {
  readonly #slotMs: number;
  readonly #good = new Float64Array(SLOTS);
  readonly #bad = new Float64Array(SLOTS);
  #newest = 0;
  #goodSum = 0;
  #badSum = 0;

  constructor(windowMs: number) {
    this.#slotMs = windowMs / SLOTS;
  }

  get good(): number {
    return this.#goodSum;
  }

  get bad(): number {
    return this.#badSum;
  }

  /** The share of bad events; 0 without events. */
  get badShare(): number {
    const sum = this.#goodSum + this.#badSum;
    return sum === 0 ? 0 : this.#badSum / sum;
  }

  /** Adds events at the time `at`, which may be older than the window. */
  add(at: number, good: number, bad: number): void {
    const slot = Math.floor(at / this.#slotMs);
    if (slot > this.#newest) this.age(at);
    if (slot <= this.#newest - SLOTS) return;
    const place = placeOf(slot);
    this.#good[place] = (this.#good[place] ?? 0) + good;
    this.#bad[place] = (this.#bad[place] ?? 0) + bad;
    this.#goodSum += good;
    this.#badSum += bad;
  }

  /** Drops slots that have left the window. */
  age(now: number): void {
    const slot = Math.floor(now / this.#slotMs);
    const steps = Math.min(slot - this.#newest, SLOTS);
    for (let i = 0; i < steps; i++) {
      const place = placeOf(slot - i);
      this.#goodSum -= this.#good[place] ?? 0;
      this.#badSum -= this.#bad[place] ?? 0;
      this.#good[place] = 0;
      this.#bad[place] = 0;
    }
    if (slot > this.#newest) this.#newest = slot;
  }
}

/** Slots before the start of the clock have negative numbers. */
function placeOf(slot: number): number {
  return ((slot % SLOTS) + SLOTS) % SLOTS;
}
