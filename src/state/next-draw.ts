/** The random number of each call, which can be looked at before the call takes it. */
export class NextDraw {
  readonly #random: () => number;
  #next: number | undefined;

  /** @param random 0 up to 1. Drawn from when a number is needed, not before. */
  constructor(random: () => number) {
    this.#random = random;
  }

  peek(): number {
    this.#next ??= this.#random();
    return this.#next;
  }

  take(): number {
    const next = this.peek();
    this.#next = undefined;
    return next;
  }
}
