import { Highest } from '../util/top.js';

const ROUNDS = 16;

/** An item of a ranking. */
export interface Ranked {
  /** Its index in the ranking; -1 after its removal. */
  place: number;
}

/**
 * Ranks items by an amount that falls as time passes, and rises only through `set` or `change`. The last known amounts
 * are side by side in memory, so that finding the highest of ten thousand computes few amounts.
 */
export class SpendRanking<T extends Ranked> {
  readonly #items: T[] = [];
  #amounts = new Float64Array(16);
  /** The time of each amount; `NaN` if the amount is unknown. */
  #times = new Float64Array(16);

  /** Sets `item.place`. Until `set` is called, `top` computes the amount each time. */
  add(item: T): void {
    const place = this.#items.length;
    if (place === this.#amounts.length) {
      this.#amounts = doubled(this.#amounts);
      this.#times = doubled(this.#times);
    }
    item.place = place;
    this.#items.push(item);
    this.set(item, 0, Number.NaN);
  }

  /** The last item moves to its place. Later changes of the removed item have no effect: no amount has an index of -1. */
  remove(item: T): void {
    const { place } = item;
    item.place = -1;
    const last = this.#items.pop();
    if (last === undefined || last === item) return;
    this.#items[place] = last;
    this.set({ place }, this.#amounts[last.place] ?? 0, this.#times[last.place] ?? Number.NaN);
    last.place = place;
  }

  /** The item has this amount at this time. */
  set({ place }: Ranked, amount: number, time: number): void {
    this.#amounts[place] = amount;
    this.#times[place] = time;
  }

  /** Adds to the item's amount, at any time. */
  change({ place }: Ranked, by: number): void {
    this.#amounts[place] = (this.#amounts[place] ?? 0) + by;
  }

  /** Highest first. `amountOf` computes an amount as of `now`. */
  top(count: number, now: number, amountOf: (item: T) => number): T[] {
    const highest = new Highest<T>(count);
    const items = this.#items;
    // In rounds, because in a rising list each item would be the highest so far.
    for (let round = 0; round < ROUNDS; round++) {
      for (let place = round; place < items.length; place += ROUNDS) {
        const time = this.#times[place] as number;
        let amount = this.#amounts[place] as number;
        // Amounts only fall, unless a clock was set back.
        if (time <= now && amount <= highest.lowest) continue;
        const item = items[place] as T;
        if (time !== now) {
          amount = amountOf(item);
          this.set(item, amount, now);
        }
        highest.offer(item, amount);
      }
    }
    return highest.items();
  }
}

function doubled(values: Float64Array): Float64Array<ArrayBuffer> {
  const more = new Float64Array(2 * values.length);
  more.set(values);
  return more;
}
