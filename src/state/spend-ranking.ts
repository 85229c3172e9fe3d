import { Highest } from '../util/top.js';

const ROUNDS = 16;

/** What has a place in a ranking. */
export interface Ranked {
  place: number;
}

/**
 * The order of some items by an amount that falls as time passes, and rises only where it is `set` or `change`d. What
 * is known of each amount lies side by side in memory, so that the highest of ten thousand are found with a look at few
 * items.
 */
export class SpendRanking<T extends Ranked> {
  readonly #items: T[] = [];
  #amounts = new Float64Array(16);
  /** The time of each amount; `NaN` where nothing is known. */
  #times = new Float64Array(16);

  /** Sets its place. Until its amount is `set`, it is looked at each time. */
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

  /** The last one takes its place. */
  remove({ place }: T): void {
    const last = this.#items.pop();
    if (last === undefined || last.place === place) return;
    this.#items[place] = last;
    this.set({ place }, this.#amounts[last.place] ?? 0, this.#times[last.place] ?? Number.NaN);
    last.place = place;
  }

  /** Its amount at that time. */
  set({ place }: Ranked, amount: number, time: number): void {
    this.#amounts[place] = amount;
    this.#times[place] = time;
  }

  /** Its amount is so much more, whatever the time. */
  change({ place }: Ranked, by: number): void {
    this.#amounts[place] = (this.#amounts[place] ?? 0) + by;
  }

  /** The highest first. `amountOf`: its amount now. */
  top(count: number, now: number, amountOf: (item: T) => number): T[] {
    const highest = new Highest<T>(count);
    const items = this.#items;
    // In rounds, as in a list that rises each item would be one of the highest so far.
    for (let round = 0; round < ROUNDS; round++) {
      for (let place = round; place < items.length; place += ROUNDS) {
        const time = this.#times[place] as number;
        let amount = this.#amounts[place] as number;
        // It is not more than that now, unless a clock has been set back.
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
