/** A map of bounded size: beyond `max`, a new entry takes the place of the one that was used longest ago. */
export class LruMap<Value> {
  /** In the order of their last use. */
  readonly #entries = new Map<string, Value>();

  constructor(
    readonly max: number,
    readonly onEvict?: (value: Value) => void,
  ) {}

  has(key: string): boolean {
    return this.#entries.has(key);
  }

  get(key: string): Value | undefined {
    const value = this.#entries.get(key);
    if (value === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, value);
    return value;
  }

  set(key: string, value: Value): void {
    this.#entries.delete(key);
    this.#entries.set(key, value);
    if (this.#entries.size <= this.max) return;
    for (const [oldest, evicted] of this.#entries) {
      this.#entries.delete(oldest);
      this.onEvict?.(evicted);
      return;
    }
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }
}
