const BURST_MS = 10_000;
const MINUTE_MS = 60_000;

/**
 * So many units a minute, with a burst of ten seconds' worth (a generic cell rate algorithm). Without timers: it says when
 * there will be room. An amount larger than the burst passes when the bucket is full, and leaves it overdrawn.
 */
export class RateLimit {
  readonly #perMs: number;
  readonly #burst: number;
  /** When the bucket will be full again. */
  #fullAt = Number.NEGATIVE_INFINITY;

  /** @param least the smallest burst: 1 for requests */
  constructor(perMinute: number, least: number) {
    this.#perMs = perMinute / MINUTE_MS;
    this.#burst = Math.max(least, this.#perMs * BURST_MS);
  }

  /** The time from which `amount` fits; `now` or earlier where it fits already. */
  availableAt(amount: number): number {
    const needed = Math.min(amount, this.#burst);
    return this.#fullAt - (this.#burst - needed) / this.#perMs;
  }

  take(amount: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + amount / this.#perMs;
  }

  /** The real amount is known: what was too much is returned, what was too little is taken. */
  settle(taken: number, used: number, now: number): void {
    this.#fullAt = Math.max(this.#fullAt, now) + (used - taken) / this.#perMs;
  }
}
