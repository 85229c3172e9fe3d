/** What a budget is counted over. Amounts are in billionths of a dollar. */
export interface SpendWindow {
  /** Spent in the window as it stands now. */
  spent(): number;
  add(amount: number): void;
  /** Nothing is in it, nor in what it would go back to. */
  isEmpty(): boolean;
  /** `Date.now()` time at which so much of what was spent has left the window; `undefined` where there is not so much. */
  freeAt(amount: number): number | undefined;
  /** `Date.now()` time at which it starts anew, or its oldest money leaves it; `undefined` where it is empty and slides. */
  resetsAt(): number | undefined;
  /** Whether `percent` is told for the first time in this window. */
  tell(percent: number): boolean;
}

export type CalendarUnit = 'hour' | 'day' | 'month';

const HOUR = 3_600_000;

/** The number of the window that a moment is in. UTC: no hour comes twice, and a day ends at the same time everywhere. */
function windowOf(unit: CalendarUnit, at: number): number {
  if (unit === 'hour') return Math.floor(at / HOUR);
  if (unit === 'day') return Math.floor(at / (24 * HOUR));
  const date = new Date(at);
  return date.getUTCFullYear() * 12 + date.getUTCMonth();
}

function startOf(unit: CalendarUnit, window: number): number {
  if (unit === 'hour') return window * HOUR;
  if (unit === 'day') return window * 24 * HOUR;
  return Date.UTC(Math.floor(window / 12), window % 12);
}

/** Of so many windows it is known what was spent in them: a clock may go back. */
const MOST_KNOWN = 4;

/**
 * An hour, a day or a month of the UTC calendar. What was booked in this window or in a later one counts, so a clock that
 * goes back and forth never makes a budget larger.
 */
export class CalendarWindow implements SpendWindow {
  readonly #unit: CalendarUnit;
  /** The window of the last look at the clock: to tell which one it is takes a while. */
  #latest = { window: Number.NaN, start: 0, end: 0 };
  /** The earliest first. */
  #booked: { readonly window: number; amount: number }[] = [];
  #told = { window: Number.NaN, percent: 0 };

  constructor(unit: CalendarUnit) {
    this.#unit = unit;
  }

  spent(): number {
    return this.#since(this.#now());
  }

  add(amount: number): void {
    const window = this.#now();
    const found = this.#booked.find((each) => each.window === window);
    if (found !== undefined) {
      found.amount += amount;
      return;
    }
    const booked = [...this.#booked, { window, amount }].sort((a, b) => a.window - b.window);
    const [first, second] = booked;
    // Where the clock has gone back, the earliest is this one: it is kept with the next, and counts for longer.
    if (booked.length > MOST_KNOWN && second !== undefined && first?.window === window) second.amount += amount;
    this.#booked = booked.slice(-MOST_KNOWN);
  }

  isEmpty(): boolean {
    return this.#since(this.#now() - 1) === 0;
  }

  freeAt(amount: number): number | undefined {
    return this.spent() >= amount ? this.resetsAt() : undefined;
  }

  resetsAt(): number {
    return startOf(this.#unit, this.#now() + 1);
  }

  tell(percent: number): boolean {
    const window = this.#now();
    if (this.#told.window === window && percent <= this.#told.percent) return false;
    this.#told = { window, percent };
    return true;
  }

  #now(): number {
    const now = Date.now();
    if (now >= this.#latest.start && now < this.#latest.end) return this.#latest.window;
    const window = windowOf(this.#unit, now);
    this.#latest = { window, start: startOf(this.#unit, window), end: startOf(this.#unit, window + 1) };
    return window;
  }

  #since(window: number): number {
    let sum = 0;
    for (const each of this.#booked) if (each.window >= window) sum += each.amount;
    return sum;
  }
}

const SLOTS = 60;

/**
 * The last `windowMs` milliseconds, by a clock that nobody sets. In sixty slots: money leaves up to a sixtieth of the
 * window late, never early.
 */
export class SlidingWindow implements SpendWindow {
  readonly #slotMs: number;
  readonly #windowMs: number;
  readonly #slots = new Array<number>(SLOTS + 1).fill(0);
  readonly #toldAt = new Map<number, number>();
  /** The number of the latest slot. */
  #latest: number;
  #spent = 0;

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
    this.#slotMs = windowMs / SLOTS;
    this.#latest = Math.floor(performance.now() / this.#slotMs);
  }

  spent(): number {
    this.#slide();
    return this.#spent;
  }

  add(amount: number): void {
    this.#slide();
    this.#slots[this.#latest % this.#slots.length] = this.#in(this.#latest) + amount;
    this.#spent += amount;
  }

  isEmpty(): boolean {
    return this.spent() === 0;
  }

  freeAt(amount: number): number | undefined {
    this.#slide();
    let freed = 0;
    for (let slot = this.#latest - SLOTS; slot <= this.#latest; slot++) {
      freed += this.#in(slot);
      if (freed >= amount && freed > 0) return this.#leaves(slot);
    }
    return undefined;
  }

  resetsAt(): number | undefined {
    return this.freeAt(0);
  }

  tell(percent: number): boolean {
    const now = performance.now();
    const before = this.#toldAt.get(percent);
    if (before !== undefined && now - before < this.#windowMs) return false;
    this.#toldAt.set(percent, now);
    return true;
  }

  #slide(): void {
    const now = Math.floor(performance.now() / this.#slotMs);
    const { length } = this.#slots;
    for (let slot = Math.max(this.#latest + 1, now - SLOTS); slot <= now; slot++) {
      this.#spent -= this.#in(slot);
      this.#slots[slot % length] = 0;
    }
    if (now > this.#latest) this.#latest = now;
  }

  /** A slot has the place of the one that has just left. */
  #in(slot: number): number {
    return slot < 0 ? 0 : (this.#slots[slot % this.#slots.length] ?? 0);
  }

  #leaves(slot: number): number {
    return Date.now() + (slot + SLOTS + 1) * this.#slotMs - performance.now();
  }
}
