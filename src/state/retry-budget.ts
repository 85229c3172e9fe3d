const START = 10;
const CAP = 100;

/**
 * Keeps extra attempts (same-target retries and hedges) under a share of first attempts. Holds 10 tokens at the
 * start and 100 at most; each first attempt adds `ratio`, each extra attempt takes one. With ratio 0 there is none.
 */
export class RetryBudget {
  readonly #ratio: number;
  readonly #start: number;
  #firstAttempts = 0;
  /** Tokens taken, and those that came when it was full. */
  #gone = 0;

  constructor(ratio: number) {
    this.#ratio = ratio;
    this.#start = ratio > 0 ? START : 0;
  }

  get tokens(): number {
    return this.#earned - this.#gone;
  }

  onFirstAttempt(): void {
    this.#firstAttempts += 1;
    this.#gone = Math.max(this.#gone, this.#earned - CAP);
  }

  /** Takes a token if there is a whole one. Synchronous, so that two calls never take the same. */
  tryTake(): boolean {
    if (this.tokens < 1) return false;
    this.#gone += 1;
    return true;
  }

  /** Multiplied rather than added up: ten times 0.1 added falls short of 1. */
  get #earned(): number {
    return this.#start + this.#ratio * this.#firstAttempts;
  }
}
