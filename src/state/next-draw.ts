/** The random number of the next call, which can be read before the call takes it. */
export class NextDraw {
  readonly #random: () => number;
  #next: number | undefined;

  /** @param random returns 0 up to 1. Called when a number is needed, not before. */
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
