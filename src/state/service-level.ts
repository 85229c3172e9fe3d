import { numberOf, startOf } from '../util/calendar.js';
import { BurnAlarm, type BurnChange, BurnRates, type BurnRateTable, type BurnSeverity } from './burn-alarm.js';
import { BUCKETS, bucketOf, inRange, quantilesOf } from './latency-buckets.js';
import { LatencyHistogram } from './latency-histogram.js';
import {
  type Counts,
  type DowntimeRule,
  type HistoryState,
  mergeStretches,
  minutesBetween,
  type Period,
  quantileOf,
  ServiceHistory,
  type Stretch,
  sumOf,
} from './service-history.js';

const HOUR = 3_600_000;
/** 99 % of the answers must come within `p99Ms`. */
const IN_TIME = 0.99;

/** The target. */
export interface ServiceTarget {
  readonly uptime: number | undefined;
  readonly p99Ms: number | undefined;
  readonly minFailures: number;
}

/** The service level of one month. */
export interface MonthLevel {
  /** The share of counted attempts (of a route: calls) that were answered; `null` if there were none. */
  readonly uptime: number | null;
  readonly good: number;
  readonly bad: number;
  readonly rateLimited: number;
  /** Milliseconds. A timeout counts with the time waited. `null` if there were none. */
  readonly p99Ms: number | null;
  readonly downtimeMinutes: number;
  /**
   * The unused share of the month's error budget: 1 is all of it, and below 0 the target is missed. `null` without a
   * target.
   */
  readonly errorBudgetLeft: number | null;
  /** Whether the target is met so far; `null` without one. */
  readonly met: boolean | null;
}

/** The latest report of a provider about itself. */
export interface ProviderReport {
  latency_p99: number | null;
  region: string | null;
  uptime_percentage: number | null;
  /** ISO 8601. */
  reportedAt: string;
}

/** The part of one process, as plain JSON. */
export interface ServiceState extends HistoryState {
  provider: [month: number, report: ProviderReport][];
}

/** The state of another process, ready to be added up. */
interface Part {
  readonly state: ServiceState;
  readonly counts: Readonly<Record<Period, ReadonlyMap<number, Counts>>>;
  readonly latency: ReadonlyMap<number, Uint32Array>;
}

/** How many months of a provider's reports are remembered. */
const MAX_REPORTS = 13;

/**
 * The service level of one route or deployment: events by hour, day and month, durations, and how fast the error budget
 * is spent. The cost of an event does not depend on the number of events.
 */
export class ServiceLevel {
  /** Over the last hour. */
  readonly lastHour = new LatencyHistogram({ slots: 12, slotMs: 300_000 });
  readonly #history: ServiceHistory;
  #target: ServiceTarget | undefined;
  /** Latencies since the router was created. */
  #latency: Uint32Array | undefined;
  #latencies = 0;
  #good = 0;
  #bad = 0;
  #rateLimited = 0;
  #availability: BurnRates | undefined;
  #speed: BurnRates | undefined;
  #alarm = new BurnAlarm([]);
  readonly #provider = new Map<number, ProviderReport>();
  /** By process. */
  readonly #others = new Map<string, Part>();

  constructor(
    target: ServiceTarget | undefined,
    downtime: DowntimeRule,
    private readonly onChange: (change: BurnChange) => void,
  ) {
    this.#history = new ServiceHistory(downtime);
    this.promise(target, downtime);
  }

  get target(): ServiceTarget | undefined {
    return this.#target;
  }

  /** Sets another target: counts stay, alarms start again. */
  promise(target: ServiceTarget | undefined, downtime: DowntimeRule): void {
    this.#target = target;
    this.#history.downtimeRule = downtime;
    const { uptime, p99Ms, minFailures = 1 } = target ?? {};
    this.#availability = uptime === undefined ? undefined : new BurnRates(uptime, minFailures);
    this.#speed = p99Ms === undefined ? undefined : new BurnRates(IN_TIME, minFailures);
    this.#alarm = new BurnAlarm([this.#availability, this.#speed].filter((each) => each !== undefined));
  }

  /** Counts an answer. `ms`: its duration, or the time to a stream's first content; `undefined` if unknown. */
  answered(ms: number | undefined): void {
    const { p99Ms } = this.target ?? {};
    const isLate = p99Ms !== undefined && ms !== undefined && ms > p99Ms;
    this.#good++;
    this.#history.add('good', ms, isLate);
    this.#addLatency(ms);
    this.#availability?.add(performance.now(), 1, 0);
    if (ms !== undefined) this.#speed?.add(performance.now(), isLate ? 0 : 1, isLate ? 1 : 0);
    this.look();
  }

  /** Counts a failure that it is to blame for. `waitedMs`: the time waited, if it timed out. */
  failed(waitedMs: number | undefined): void {
    this.#bad++;
    this.#history.add('bad', waitedMs, false);
    this.#addLatency(waitedMs);
    this.#availability?.add(performance.now(), 0, 1);
    this.look();
  }

  rateLimited(): void {
    this.#rateLimited++;
    this.#history.add('rateLimited', undefined, false);
  }

  /** Stores what the provider reports about itself in an answer. */
  reported(report: ProviderReport): void {
    const month = numberOf('month', Date.now());
    this.#provider.delete(month);
    this.#provider.set(month, report);
    if (this.#provider.size > MAX_REPORTS) this.#provider.delete(Math.min(...this.#provider.keys()));
  }

  /** Updates alarms, because windows have moved since the last event. */
  look(): void {
    if (this.target === undefined) return;
    for (const change of this.#alarm.changes(performance.now())) this.onChange(change);
  }

  get burning(): BurnSeverity[] {
    return this.#alarm.burning;
  }

  burnRates(): { availability: BurnRateTable | null; latency: BurnRateTable | null } {
    return { availability: this.#availability?.rates() ?? null, latency: this.#speed?.rates() ?? null };
  }

  /** Since the router was created; `null` before the first event. */
  get uptime(): number | null {
    return shareOf(this.#good, this.#bad);
  }

  get rateLimits(): number {
    return this.#rateLimited;
  }

  /** Over all latencies since the router was created. */
  quantiles(qs: readonly number[]): number[] | undefined {
    return this.#latency === undefined ? undefined : quantilesOf(this.#latency, this.#latencies, qs);
  }

  /** Over this process, and those whose state was imported. */
  counts(period: Period, number: number): Counts {
    const own = this.#history.counts(period, number);
    if (this.#others.size === 0) return own;
    const others = Array.from(this.#others.values(), ({ counts }) => counts[period].get(number));
    return sumOf([own, ...others.filter((each) => each !== undefined)]);
  }

  /** The hours, days or months with data, in order. */
  numbers(period: Period): number[] {
    const others = Array.from(this.#others.values(), ({ counts }) => [...counts[period].keys()]);
    return [...new Set([...this.#history.numbers(period), ...others.flat()])].sort((a, b) => a - b);
  }

  month(number: number): MonthLevel {
    const { good, bad, timed, late, rateLimited } = this.counts('month', number);
    const { uptime, p99Ms } = this.target ?? {};
    const parts = [this.#history, ...this.#others.values()].map((each) =>
      each instanceof ServiceHistory ? each.latency(number) : each.latency.get(number),
    );
    const budgets = [
      ...(uptime === undefined ? [] : [budgetLeft(good, bad, 1 - uptime)]),
      ...(p99Ms === undefined ? [] : [budgetLeft(timed - late, late, 1 - IN_TIME)]),
    ];
    const left = budgets.length === 0 ? null : Math.min(...budgets);
    return {
      uptime: shareOf(good, bad),
      good,
      bad,
      rateLimited,
      p99Ms:
        quantileOf(
          parts.filter((each) => each !== undefined),
          0.99,
        ) ?? null,
      downtimeMinutes: this.downtimeMinutes('month', number),
      errorBudgetLeft: left,
      met: left === null ? null : left >= 0,
    };
  }

  downtimeMinutes(period: Period, number: number): number {
    return minutesBetween(this.#stretches(), startOf(period, number), startOf(period, number + 1));
  }

  /** The periods of downtime in a month. */
  downtime(month: number): Stretch[] {
    const from = startOf('month', month);
    const to = startOf('month', month + 1);
    return this.#stretches().filter((stretch) => minutesBetween([stretch], from, to) > 0);
  }

  /** The provider's latest report in a month. */
  providerReport(month: number): ProviderReport | null {
    const parts = Array.from(this.#others.values(), ({ state }) => new Map(state.provider).get(month));
    const all = [this.#provider.get(month), ...parts].filter((each) => each !== undefined);
    return all.sort((a, b) => (a.reportedAt < b.reportedAt ? -1 : 1)).at(-1) ?? null;
  }

  /** The state of this process. */
  state(): ServiceState {
    return { ...this.#history.state(), provider: [...this.#provider] };
  }

  /** Imports the counts of another process, and replaces its earlier ones. New events count for alarms. */
  import(process: string, state: ServiceState): void {
    const before = this.#others.get(process);
    const part = partOf(state);
    this.#others.set(process, part);
    if (this.target === undefined) return;
    const offset = performance.now() - Date.now();
    for (const [hour, counts] of part.counts.hour) {
      const old = before?.counts.hour.get(hour);
      // The middle of the hour, because the exact times are unknown.
      const at = Math.min(startOf('hour', hour) + HOUR / 2 + offset, performance.now());
      this.#availability?.add(at, counts.good - (old?.good ?? 0), counts.bad - (old?.bad ?? 0));
      const late = counts.late - (old?.late ?? 0);
      this.#speed?.add(at, counts.timed - (old?.timed ?? 0) - late, late);
    }
  }

  #stretches(): Stretch[] {
    const own = this.#history.downtime;
    if (this.#others.size === 0) return [...own];
    return mergeStretches([own, ...Array.from(this.#others.values(), ({ state }) => state.downtime)]);
  }

  #addLatency(ms: number | undefined): void {
    if (ms === undefined || Number.isNaN(ms)) return;
    this.lastHour.record(ms);
    this.#latency ??= new Uint32Array(BUCKETS);
    const bucket = bucketOf(inRange(ms));
    this.#latency[bucket] = (this.#latency[bucket] ?? 0) + 1;
    this.#latencies++;
  }
}

function partOf(state: ServiceState): Part {
  const counts = (period: Period) =>
    new Map(
      state[period].map(([number, good, bad, timed, late, rateLimited]) => [
        number,
        { good, bad, timed, late, rateLimited },
      ]),
    );
  const latency = state.latency.map(([month, pairs]) => {
    const buckets = new Uint32Array(BUCKETS);
    for (const [bucket, count] of pairs) if (bucket < BUCKETS) buckets[bucket] = count;
    return [month, buckets] as const;
  });
  return {
    state,
    counts: { hour: counts('hour'), day: counts('day'), month: counts('month') },
    latency: new Map(latency),
  };
}

function shareOf(good: number, bad: number): number | null {
  return good + bad === 0 ? null : good / (good + bad);
}

/** 1 is all of it, 0 is none, and below 0 more was spent than allowed. */
function budgetLeft(good: number, bad: number, allowed: number): number {
  if (bad === 0) return 1;
  const left = 1 - bad / ((good + bad) * allowed);
  // 1 bad of 1000 is exactly what 0.999 allows.
  return Math.round(left * 1e9) / 1e9;
}
