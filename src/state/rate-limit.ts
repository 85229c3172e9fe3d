const BURST_MS = 10_000;
const MINUTE_MS = 60_000;
/** Replaces a rate of 0, so that the amount taken is still remembered. */
const LEAST_PER_MS = 1e-9;

/**
 * A rate per minute, with a burst of ten seconds' worth (a generic cell rate algorithm). It has no timers: it computes
 * when there will be room. An amount larger than the burst passes when the bucket is full, and leaves it overdrawn.
 */
export class RateLimit {
  #perMs: number;
  #burst: number;
  readonly #least: number;
  /** The amount taken since its creation, with corrections. */
  taken = 0;
  /** When the bucket will be full again. */
  #fullAt = Number.NEGATIVE_INFINITY;

  /** @param least the smallest burst: 1 for requests */
  constructor(perMinute: number, least: number) {
    this.#least = least;
    this.#perMs = perMinute / MINUTE_MS;
    this.#burst = Math.max(least, this.#perMs * BURST_MS);
  }

  /** Sets another rate. The amount taken stays. */
  setPerMinute(perMinute: number, now: number): void {
    const owed = Math.max(0, this.#fullAt - now) * this.#perMs;
    this.#perMs = Math.max(perMinute / MINUTE_MS, LEAST_PER_MS);
    this.#burst = Math.max(this.#least, this.#perMs * BURST_MS);
    this.#fullAt = now + owed / this.#perMs;
  }

  /** The time from which `amount` fits; `now` or earlier if it fits already. */
  availableAt(amount: number): number {
    const needed = Math.min(amount, this.#burst);
    return this.#fullAt - (this.#burst - needed) / this.#perMs;
  }

  isShort(now: number): boolean {
    return this.availableAt(1) > now;
  }

  take(amount: number, now: number): void {
    this.taken += amount;
    this.#fullAt = Math.max(this.#fullAt, now) + amount / this.#perMs;
  }

  /** The actual amount is known: returns what was too much, and takes what was too little. */
  settle(taken: number, used: number, now: number): void {
    this.taken += used - taken;
    this.#fullAt = Math.max(this.#fullAt, now) + (used - taken) / this.#perMs;
  }
}
