import { type CalendarUnit, numberOf, startOf } from '../util/calendar.js';
import { BUCKETS, bucketOf, inRange, quantilesOf } from './latency-buckets.js';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** How many periods are remembered: three days of hours, two months of days, a year of months. */
const MAX_CELLS = { hour: 72, day: 62, month: 13 } as const;
/** How many periods of downtime are remembered; the oldest are dropped. */
const MAX_STRETCHES = 5000;

export type Period = CalendarUnit;
const PERIODS: readonly Period[] = ['hour', 'day', 'month'];

/** The events of an hour, a day or a month, in UTC. */
export interface Counts {
  good: number;
  bad: number;
  /** Answers of known duration, and those of them that took longer than the target allows. */
  timed: number;
  late: number;
  /** 429s, which count as neither good nor bad. */
  rateLimited: number;
}

/** The number of the period, then the counts, in the order of `Counts`. */
export type CountsRow = [number: number, good: number, bad: number, timed: number, late: number, rateLimited: number];

/** A history as plain JSON. */
export interface HistoryState {
  hour: CountsRow[];
  day: CountsRow[];
  month: CountsRow[];
  /** By month: pairs of bucket and count. */
  latency: [month: number, counts: [bucket: number, count: number][]][];
  /** Minutes since 1970 in UTC: the first minute of a period, and their number. */
  downtime: Stretch[];
}

export type Stretch = [start: number, minutes: number];

/** A minute is down if at least this many attempts were counted in it, and at least this share of them failed. */
export interface DowntimeRule {
  readonly minAttempts: number;
  readonly failedShare: number;
}

export const DEFAULT_DOWNTIME: DowntimeRule = { minAttempts: 5, failedShare: 0.5 };

/** `2026-11`, `2026-11-29` or `2026-11-29T13Z`. */
export function periodName(period: Period, number: number): string {
  const iso = new Date(startOf(period, number)).toISOString();
  if (period === 'hour') return `${iso.slice(0, 13)}Z`;
  return iso.slice(0, period === 'day' ? 10 : 7);
}

/** Answers and failures of one route or deployment by hour, day and month, its latencies by month, and its downtime. */
export class ServiceHistory {
  readonly #cells: Record<Period, Map<number, Counts>> = { hour: new Map(), day: new Map(), month: new Map() };
  readonly #latency = new Map<number, Uint32Array>();
  /** In order, without adjacent periods. */
  #downtime: Stretch[] = [];
  /** The hour of the latest event, its cells and its month's latencies. They change once an hour. */
  #current: { hour: number; cells: readonly Counts[]; month: number } | undefined;
  #minute = { number: Number.NaN, good: 0, bad: 0 };

  constructor(public downtimeRule: DowntimeRule) {}

  /** `ms`: the duration, if known. */
  add(kind: 'good' | 'bad' | 'rateLimited', ms: number | undefined, isLate: boolean): void {
    const now = Date.now();
    const { cells, month } = this.#at(now);
    for (const cell of cells) {
      cell[kind]++;
      if (kind !== 'good' || ms === undefined) continue;
      cell.timed++;
      if (isLate) cell.late++;
    }
    if (ms !== undefined && !Number.isNaN(ms)) {
      const counts = this.#latencyOf(month);
      const bucket = bucketOf(inRange(ms));
      counts[bucket] = (counts[bucket] ?? 0) + 1;
    }
    if (kind !== 'rateLimited') this.#countMinute(Math.floor(now / MINUTE), kind);
  }

  counts(period: Period, number: number): Counts {
    return this.#cells[period].get(number) ?? newCounts();
  }

  numbers(period: Period): number[] {
    return [...this.#cells[period].keys()];
  }

  /** Latencies of a month by bucket; `undefined` if there are none. */
  latency(month: number): Uint32Array | undefined {
    return this.#latency.get(month);
  }

  get downtime(): readonly Stretch[] {
    return this.#downtime;
  }

  state(): HistoryState {
    const rows = (period: Period) => Array.from(this.#cells[period], ([number, each]) => rowOf(number, each));
    return {
      hour: rows('hour'),
      day: rows('day'),
      month: rows('month'),
      latency: Array.from(this.#latency, ([month, counts]) => [
        month,
        Array.from(counts, (count, bucket): [number, number] => [bucket, count]).filter(([, count]) => count > 0),
      ]),
      downtime: this.#downtime.map(([start, minutes]): Stretch => [start, minutes]),
    };
  }

  #at(now: number): { cells: readonly Counts[]; month: number } {
    const hour = Math.floor(now / HOUR);
    if (this.#current?.hour === hour) return this.#current;
    const month = numberOf('month', now);
    const cells = PERIODS.map((period) => this.#cell(period, numberOf(period, now)));
    this.#current = { hour, cells, month };
    return this.#current;
  }

  #cell(period: Period, number: number): Counts {
    const cells = this.#cells[period];
    const found = cells.get(number);
    if (found !== undefined) return found;
    const cell = newCounts();
    cells.set(number, cell);
    if (cells.size > MAX_CELLS[period]) {
      const oldest = Math.min(...cells.keys());
      cells.delete(oldest);
      if (period === 'month') this.#latency.delete(oldest);
    }
    return cell;
  }

  #latencyOf(month: number): Uint32Array {
    const found = this.#latency.get(month);
    if (found !== undefined) return found;
    const counts = new Uint32Array(BUCKETS);
    this.#latency.set(month, counts);
    return counts;
  }

  /**
   * The current minute is down as soon as enough of it has failed, and up again if later answers outweigh the failures.
   */
  #countMinute(number: number, kind: 'good' | 'bad'): void {
    if (this.#minute.number !== number) this.#minute = { number, good: 0, bad: 0 };
    const minute = this.#minute;
    minute[kind]++;
    const { minAttempts, failedShare } = this.downtimeRule;
    const counted = minute.good + minute.bad;
    const isDown = counted >= minAttempts && minute.bad / counted >= failedShare;
    const last = this.#downtime.at(-1);
    const wasDown = last !== undefined && last[0] + last[1] - 1 === number;
    if (isDown === wasDown) return;
    if (isDown) this.#downtime = withMinute(this.#downtime, number);
    else if (last !== undefined && --last[1] === 0) this.#downtime.pop();
  }
}

/** A state without periods that are too old to be shown. Latencies are needed for this month and the last one. */
export function trimmed(state: HistoryState, now: number): HistoryState {
  const rows = (period: Period) =>
    state[period].filter(([number]) => number > numberOf(period, now) - MAX_CELLS[period]);
  const months = rows('month');
  const from = startOf('month', Math.min(numberOf('month', now), ...months.map(([month]) => month))) / MINUTE;
  return {
    hour: rows('hour'),
    day: rows('day'),
    month: months,
    latency: state.latency.filter(([month]) => month >= numberOf('month', now) - 1),
    downtime: state.downtime.filter(([start, minutes]) => start + minutes > from),
  };
}

function newCounts(): Counts {
  return { good: 0, bad: 0, timed: 0, late: 0, rateLimited: 0 };
}

function rowOf(number: number, { good, bad, timed, late, rateLimited }: Counts): CountsRow {
  return [number, good, bad, timed, late, rateLimited];
}

/** Usually the next minute. A clock that goes back makes it an earlier one. */
function withMinute(stretches: Stretch[], minute: number): Stretch[] {
  const last = stretches.at(-1);
  if (last === undefined || minute > last[0] + last[1]) stretches.push([minute, 1]);
  else if (minute === last[0] + last[1]) last[1]++;
  else return mergeStretches([stretches, [[minute, 1]]]);
  if (stretches.length > MAX_STRETCHES) stretches.shift();
  return stretches;
}

/** The minutes in any of the lists, in order. */
export function mergeStretches(lists: readonly (readonly Stretch[])[]): Stretch[] {
  const merged: Stretch[] = [];
  for (const [start, minutes] of lists.flat().sort(([a], [b]) => a - b)) {
    const last = merged.at(-1);
    if (last === undefined || start > last[0] + last[1]) merged.push([start, minutes]);
    else last[1] = Math.max(last[1], start + minutes - last[0]);
  }
  return merged.slice(-MAX_STRETCHES);
}

/** The number of minutes between two `Date.now()` times. */
export function minutesBetween(stretches: readonly Stretch[], from: number, to: number): number {
  let sum = 0;
  for (const [start, minutes] of stretches) {
    const end = Math.min(start + minutes, to / MINUTE);
    sum += Math.max(0, end - Math.max(start, from / MINUTE));
  }
  return sum;
}

/** Adds up the counts of several processes. */
export function sumOf(all: readonly Counts[]): Counts {
  const sum = newCounts();
  for (const each of all) {
    sum.good += each.good;
    sum.bad += each.bad;
    sum.timed += each.timed;
    sum.late += each.late;
    sum.rateLimited += each.rateLimited;
  }
  return sum;
}

/** The quantile `q` of the latencies; `undefined` if there are none. */
export function quantileOf(all: readonly Uint32Array[], q: number): number | undefined {
  const sum = new Uint32Array(BUCKETS);
  let count = 0;
  for (const counts of all) {
    for (let i = 0; i < BUCKETS; i++) {
      const here = counts[i] ?? 0;
      sum[i] = (sum[i] ?? 0) + here;
      count += here;
    }
  }
  return count === 0 ? undefined : quantilesOf(sum, count, [q])[0];
}
