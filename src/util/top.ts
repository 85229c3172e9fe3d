/** The `count` items that rank highest, in order: visits each item once, without sorting all. */
export function topOf<T>(items: Iterable<T>, count: number, rank: (item: T) => number): T[] {
  const highest = new Highest<T>(count);
  for (const item of items) highest.offer(item, rank(item));
  return highest.items();
}

/** Collects the `count` highest-ranking items of those offered. */
export class Highest<T> {
  /** An item must exceed this rank to be one of them. */
  lowest = Number.NEGATIVE_INFINITY;
  /** A heap with the lowest on top, so that one comparison rejects most items. */
  readonly #items: T[] = [];
  readonly #ranks: Float64Array;

  constructor(readonly count: number) {
    this.#ranks = new Float64Array(count);
  }

  offer(item: T, rank: number): void {
    if (!(rank > this.lowest)) return;
    const size = this.#items.length;
    if (size < this.count) this.#siftUp(item, rank, size);
    else this.#siftDown(item, rank, size);
    if (this.#items.length === this.count) this.lowest = this.#ranks[0] ?? this.lowest;
  }

  /** Highest first. */
  items(): T[] {
    const places = this.#items.map((_, place) => place);
    places.sort((a, b) => this.#rankAt(b) - this.#rankAt(a));
    return places.map((place) => this.#items[place] as T);
  }

  #siftUp(item: T, rank: number, from: number): void {
    let place = from;
    while (place > 0) {
      const parent = (place - 1) >> 1;
      if (this.#rankAt(parent) <= rank) break;
      this.#move(parent, place);
      place = parent;
    }
    this.#put(item, rank, place);
  }

  /** Replaces the lowest item, and restores the order of the heap. */
  #siftDown(item: T, rank: number, size: number): void {
    let place = 0;
    for (;;) {
      const left = 2 * place + 1;
      const right = left + 1;
      const lower = right < size && this.#rankAt(right) < this.#rankAt(left) ? right : left;
      if (lower >= size || this.#rankAt(lower) >= rank) break;
      this.#move(lower, place);
      place = lower;
    }
    this.#put(item, rank, place);
  }

  #rankAt(place: number): number {
    return this.#ranks[place] as number;
  }

  #move(from: number, to: number): void {
    this.#put(this.#items[from] as T, this.#rankAt(from), to);
  }

  #put(item: T, rank: number, place: number): void {
    this.#items[place] = item;
    this.#ranks[place] = rank;
  }
}
