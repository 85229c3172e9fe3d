const MOST = 65_536;

/**
 * Counts distinct keys in bounded memory: all of them up to 65,536, then a sample that halves whenever it is full. It
 * stores 53-bit hashes with a salt of the process, from which no key can be recovered.
 */
export class KeySample {
  readonly #hashes = new Set<number>();
  /** Hashes are in the sample if their lowest `level` bits are 0. */
  #level = 0;

  add(hash: number): void {
    if (!this.#isSampled(hash)) return;
    this.#hashes.add(hash);
    while (this.#hashes.size > MOST) {
      this.#level += 1;
      for (const each of this.#hashes) if (!this.#isSampled(each)) this.#hashes.delete(each);
    }
  }

  get size(): number {
    return this.#hashes.size * 2 ** this.#level;
  }

  #isSampled(hash: number): boolean {
    return hash % 2 ** this.#level === 0;
  }
}
