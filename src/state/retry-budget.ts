/** The sliding window, and the slices in which it moves. */
const WINDOW_MS = 10_000;
const SLICE_MS = 100;
const SLICES = WINDOW_MS / SLICE_MS + 1;

/** How much may be retried. The caller has checked all values. */
export interface RetryBudgetSettings {
  /** Retries and hedges as a share of first attempts; `false`: no limit at all. */
  readonly budget: number | false;
  /** Retries and hedges per second that are allowed regardless of the share. */
  readonly minPerSecond: number;
}

/** A token that was taken. It is returned if the retry succeeds. */
export interface RetryToken {
  readonly slice: number;
}

/**
 * Limits extra attempts (retries of the same deployment, hedges) that do not help: a sliding window of 10 s has
 * `budget` tokens for each first attempt and `minPerSecond` for each second. An extra attempt takes one; a successful
 * one returns it. The window follows the clock at each use, so there is no timer.
 */
export class RetryBudget {
  readonly #settings: RetryBudgetSettings;
  readonly #firstAttempts = new Int32Array(SLICES);
  readonly #taken = new Int32Array(SLICES);
  #firstInWindow = 0;
  #takenInWindow = 0;
  /** The current slice. */
  #slice = 0;

  constructor(settings: RetryBudgetSettings) {
    this.#settings = settings;
  }

  /** Whether it ever has a token. */
  get allowsAny(): boolean {
    const { budget, minPerSecond } = this.#settings;
    return budget === false || budget > 0 || minPerSecond > 0;
  }

  get tokens(): number {
    const { budget, minPerSecond } = this.#settings;
    if (budget === false) return Number.POSITIVE_INFINITY;
    this.#turn();
    // Rounded, so that ten times 0.1 is a whole token.
    const earned = Math.round((budget * this.#firstInWindow + (minPerSecond * WINDOW_MS) / 1000) * 1e6) / 1e6;
    return earned - this.#takenInWindow;
  }

  onFirstAttempt(): void {
    if (this.#settings.budget === false) return;
    this.#turn();
    this.#add(this.#firstAttempts, this.#slice, 1);
    this.#firstInWindow += 1;
  }

  /** Takes a token if there is a whole one. Synchronous, so that two calls never take the same. */
  tryTake(): RetryToken | undefined {
    if (this.tokens < 1) return undefined;
    if (this.#settings.budget !== false) {
      this.#add(this.#taken, this.#slice, 1);
      this.#takenInWindow += 1;
    }
    return { slice: this.#slice };
  }

  /** The retry succeeded. A token from before the window has already been returned. */
  returnToken({ slice }: RetryToken): void {
    if (this.#settings.budget === false) return;
    this.#turn();
    if (this.#slice - slice >= SLICES) return;
    this.#add(this.#taken, slice, -1);
    this.#takenInWindow -= 1;
  }

  #add(counts: Int32Array, slice: number, by: number): void {
    const at = slice % SLICES;
    counts[at] = (counts[at] ?? 0) + by;
  }

  /** Drops slices that have left the window. */
  #turn(): void {
    const slice = Math.floor(performance.now() / SLICE_MS);
    if (slice <= this.#slice) return;
    const dropped = Math.min(SLICES, slice - this.#slice);
    for (let i = 1; i <= dropped; i += 1) {
      const at = (this.#slice + i) % SLICES;
      this.#firstInWindow -= this.#firstAttempts[at] ?? 0;
      this.#takenInWindow -= this.#taken[at] ?? 0;
      this.#firstAttempts[at] = 0;
      this.#taken[at] = 0;
    }
    this.#slice = slice;
  }
}
