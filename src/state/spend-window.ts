import { type CalendarUnit, numberOf, startOf } from '../util/calendar.js';

/** The period of a budget. Amounts are in billionths of a dollar. */
export interface SpendWindow {
  /** The amount spent in the current window. `now`: a recent result of `time()`, for many windows in a row. */
  spent(now?: number): number;
  /** The window's own time, which all windows of one budget share. */
  time(): number;
  add(amount: number): void;
  /** Whether neither this window, nor an earlier one that the clock could return to, has any spending. */
  isEmpty(): boolean;
  /** The `Date.now()` time at which this amount has left the window; `undefined` if it has not that much. */
  availableAt(amount: number): number | undefined;
  /**
   * The `Date.now()` time at which it resets, or its oldest money leaves it; `undefined` for an empty sliding window.
   */
  resetsAt(): number | undefined;
  /** Whether `percent` is reached for the first time in this window. */
  reach(percent: number): boolean;
  /** The amounts in it, each with the `Date.now()` time at which its slot starts. */
  entries(): [at: number, amount: number][];
  /**
   * Books another process's spending at the time of its slot; returns the start of the slot here. A negative amount
   * reverses a booking.
   */
  addAt(at: number, amount: number): number;
  /** When the current slot started, to which new amounts are added. */
  slotStart(): number;
}

/** The current calendar window: one object for all tenants of a budget, because computing it takes time. */
export class Calendar {
  #latest = { window: Number.NaN, start: 0, end: 0 };

  constructor(readonly unit: CalendarUnit) {}

  now(): number {
    const now = Date.now();
    if (now >= this.#latest.start && now < this.#latest.end) return this.#latest.window;
    const window = numberOf(this.unit, now);
    this.#latest = { window, start: startOf(this.unit, window), end: startOf(this.unit, window + 1) };
    return window;
  }

  startOf(window: number): number {
    return startOf(this.unit, window);
  }

  /** When the current window ends. */
  end(): number {
    this.now();
    return this.#latest.end;
  }

  windowOf(at: number): number {
    return numberOf(this.unit, at);
  }
}

/** How many windows are remembered, because a clock may go back. */
const MAX_KNOWN = 4;

/**
 * An hour, a day or a month of the UTC calendar. Amounts booked in this window or in a later one count, so a clock that
 * goes back and forth never makes a budget larger.
 */
export class CalendarWindow implements SpendWindow {
  readonly #calendar: Calendar;
  /** Earliest first. */
  #booked: { readonly window: number; amount: number }[] = [];
  #reached = { window: Number.NaN, percent: 0 };

  constructor(calendar: Calendar) {
    this.#calendar = calendar;
  }

  spent(now = this.time()): number {
    return this.#since(now);
  }

  time(): number {
    return this.#calendar.now();
  }

  add(amount: number): void {
    this.#addTo(this.#calendar.now(), amount);
  }

  #addTo(window: number, amount: number): void {
    const found = this.#booked.find((each) => each.window === window);
    if (found !== undefined) {
      found.amount += amount;
      return;
    }
    const booked = [...this.#booked, { window, amount }].sort((a, b) => a.window - b.window);
    const [first, second] = booked;
    // If the clock has gone back, the earliest window is the current one: its amount moves to the next, and counts for
    // longer.
    if (booked.length > MAX_KNOWN && second !== undefined && first?.window === window) second.amount += amount;
    this.#booked = booked.slice(-MAX_KNOWN);
  }

  entries(): [at: number, amount: number][] {
    return this.#booked.map(({ window, amount }) => [this.#calendar.startOf(window), amount]);
  }

  addAt(at: number, amount: number): number {
    const window = this.#calendar.windowOf(at);
    this.#addTo(window, amount);
    return this.#calendar.startOf(window);
  }

  slotStart(): number {
    return this.#calendar.startOf(this.#calendar.now());
  }

  isEmpty(): boolean {
    return this.#since(this.#calendar.now() - 1) === 0;
  }

  availableAt(amount: number): number | undefined {
    return this.spent() >= amount ? this.resetsAt() : undefined;
  }

  resetsAt(): number {
    return this.#calendar.end();
  }

  reach(percent: number): boolean {
    const window = this.#calendar.now();
    if (this.#reached.window === window && percent <= this.#reached.percent) return false;
    this.#reached = { window, percent };
    return true;
  }

  #since(window: number): number {
    let sum = 0;
    for (const each of this.#booked) if (each.window >= window) sum += each.amount;
    return sum;
  }
}

const SLOTS = 60;

/**
 * The last `windowMs` milliseconds, by a monotonic clock. It has sixty slots, of which only those with money exist:
 * money leaves up to a sixtieth of the window late, never early.
 */
export class SlidingWindow implements SpendWindow {
  readonly #slotMs: number;
  readonly #windowMs: number;
  /** Oldest first. */
  readonly #slots: { readonly number: number; amount: number }[] = [];
  readonly #reachedAt = new Map<number, number>();
  #spent = 0;
  /** The `Date.now()` time at which the clock of the slots started. */
  readonly #epoch = Date.now() - performance.now();

  constructor(windowMs: number) {
    this.#windowMs = windowMs;
    this.#slotMs = windowMs / SLOTS;
  }

  spent(now = this.time()): number {
    this.#slide(now);
    return this.#spent;
  }

  time(): number {
    return Math.floor(performance.now() / this.#slotMs);
  }

  add(amount: number): void {
    const now = this.#slide();
    const last = this.#slots.at(-1);
    if (last !== undefined && last.number >= now) last.amount += amount;
    else this.#slots.push({ number: now, amount });
    this.#spent += amount;
  }

  entries(): [at: number, amount: number][] {
    this.#slide();
    return this.#slots.map(({ number, amount }) => [this.#startOf(number), amount]);
  }

  /** The two clocks may differ by a slot, so the amount leaves the window up to a slot late, never early. */
  addAt(at: number, amount: number): number {
    const now = this.#slide();
    const number = Math.min(now, Math.ceil((at - this.#epoch) / this.#slotMs - 1e-6));
    if (number < now - SLOTS) return at;
    const found = this.#slots.find((slot) => slot.number === number);
    if (found !== undefined) found.amount += amount;
    else {
      this.#slots.push({ number, amount });
      this.#slots.sort((a, b) => a.number - b.number);
    }
    this.#spent += amount;
    return this.#startOf(number);
  }

  slotStart(): number {
    return this.#startOf(this.time());
  }

  #startOf(slot: number): number {
    return this.#epoch + slot * this.#slotMs;
  }

  isEmpty(): boolean {
    return this.spent() === 0;
  }

  availableAt(amount: number): number | undefined {
    this.#slide();
    let freed = 0;
    for (const slot of this.#slots) {
      freed += slot.amount;
      if (freed >= amount && freed > 0) return this.#leavesAt(slot.number);
    }
    return undefined;
  }

  resetsAt(): number | undefined {
    return this.availableAt(0);
  }

  reach(percent: number): boolean {
    const now = performance.now();
    const before = this.#reachedAt.get(percent);
    if (before !== undefined && now - before < this.#windowMs) return false;
    this.#reachedAt.set(percent, now);
    return true;
  }

  /** Drops slots that have left the window; returns the number of the current slot. */
  #slide(now = this.time()): number {
    const [oldest] = this.#slots;
    if (oldest === undefined || oldest.number >= now - SLOTS) return now;
    let gone = 0;
    for (const { number, amount } of this.#slots) {
      if (number >= now - SLOTS) break;
      this.#spent -= amount;
      gone++;
    }
    this.#slots.splice(0, gone);
    return now;
  }

  #leavesAt(slot: number): number {
    return Date.now() + (slot + SLOTS + 1) * this.#slotMs - performance.now();
  }
}
