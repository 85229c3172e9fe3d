const BURST_MS = 10_000;
const MINUTE_MS = 60_000;
/** What was taken is remembered also while there is no rate at all. */
const LEAST_PER_MS = 1e-9;

/**
 * So many units a minute, with a burst of ten seconds' worth (a generic cell rate algorithm). Without timers: it says when
 * there will be room. An amount larger than the burst passes when the bucket is full, and leaves it overdrawn.
 */
export class RateLimit {
  #perMs: number;
  #burst: number;
  readonly #least: number;
  /** What was taken since it was made, what was settled included. */
  taken = 0;
  /** When the bucket will be full again. */
  #fullAt = Number.NEGATIVE_INFINITY;

  /** @param least the smallest burst: 1 for requests */
  constructor(perMinute: number, least: number) {
    this.#least = least;
    this.#perMs = perMinute / MINUTE_MS;
    this.#burst = Math.max(least, this.#perMs * BURST_MS);
  }

  /** Another rate from now on. What was taken stays taken. */
  setPerMinute(perMinute: number, now: number): void {
    const owed = Math.max(0, this.#fullAt - now) * this.#perMs;
    this.#perMs = Math.max(perMinute / MINUTE_MS, LEAST_PER_MS);
    this.#burst = Math.max(this.#least, this.#perMs * BURST_MS);
    this.#fullAt = now + owed / this.#perMs;
  }

  /** The time from which `amount` fits; `now` or earlier where it fits already. */
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

  /** The real amount is known: what was too much is returned, what was too little is taken. */
  settle(taken: number, used: number, now: number): void {
    this.taken += used - taken;
    this.#fullAt = Math.max(this.#fullAt, now) + (used - taken) / this.#perMs;
  }
}
