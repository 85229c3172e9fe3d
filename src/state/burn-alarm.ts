import { SlidingCounts } from './sliding-counts.js';

export type BurnSeverity = 'page' | 'ticket';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** The five windows of the rules. */
const WINDOWS = [5 * MINUTE, 30 * MINUTE, HOUR, 6 * HOUR, 3 * DAY] as const;

interface BurnRule {
  readonly severity: BurnSeverity;
  /** How many times faster than allowed the error budget is spent. */
  readonly rate: number;
  readonly longMs: (typeof WINDOWS)[number];
  readonly shortMs: (typeof WINDOWS)[number];
}

/**
 * The multi-window alarms of the Google SRE workbook: a long window for significance, and a short one to show that it
 * still burns.
 */
const RULES: readonly BurnRule[] = [
  { severity: 'page', rate: 14.4, longMs: HOUR, shortMs: 5 * MINUTE },
  { severity: 'page', rate: 6, longMs: 6 * HOUR, shortMs: 30 * MINUTE },
  { severity: 'ticket', rate: 1, longMs: 3 * DAY, shortMs: 6 * HOUR },
];

/**
 * No alarm needs more than half of the events to be bad: with a target below 93 %, a rate of 14.4 would be impossible.
 */
const MOST_SHARE = 0.5;
/** 1 - 0.999 is a little more than 0.001. */
const ROUNDING = 1 - 1e-9;

/** How fast one indicator spends its error budget. */
export class BurnRates {
  readonly #windows = new Map(WINDOWS.map((ms) => [ms, new SlidingCounts(ms)] as const));
  readonly #allowed: number;

  /** `target`: the promised share of good events, below 1. */
  constructor(
    target: number,
    readonly minFailures: number,
  ) {
    this.#allowed = 1 - target;
  }

  add(at: number, good: number, bad: number): void {
    for (const window of this.#windows.values()) window.add(at, good, bad);
  }

  age(now: number): void {
    for (const window of this.#windows.values()) window.age(now);
  }

  /** The burn rate of an active alarm, or `undefined`. */
  alarm(severity: BurnSeverity): number | undefined {
    const rates = RULES.filter((rule) => rule.severity === severity && this.#isOn(rule)).map(({ longMs }) =>
      this.rate(longMs),
    );
    return rates.length === 0 ? undefined : Math.max(...rates);
  }

  /** The rate that an inactive alarm checks: the highest that both of its windows have reached. */
  current(severity: BurnSeverity): number {
    const rules = RULES.filter((rule) => rule.severity === severity);
    return Math.max(...rules.map(({ longMs, shortMs }) => Math.min(this.rate(longMs), this.rate(shortMs))));
  }

  rate(windowMs: (typeof WINDOWS)[number]): number {
    return (this.#windows.get(windowMs)?.badShare ?? 0) / this.#allowed;
  }

  /** By window. */
  rates(): BurnRateTable {
    return {
      last5Min: rounded(this.rate(5 * MINUTE)),
      last30Min: rounded(this.rate(30 * MINUTE)),
      lastHour: rounded(this.rate(HOUR)),
      last6Hours: rounded(this.rate(6 * HOUR)),
      last3Days: rounded(this.rate(3 * DAY)),
    };
  }

  #isOn({ rate, longMs, shortMs }: BurnRule): boolean {
    const threshold = Math.min(rate * this.#allowed, MOST_SHARE) * ROUNDING;
    const long = this.#windows.get(longMs);
    const short = this.#windows.get(shortMs);
    if (long === undefined || short === undefined || long.bad < this.minFailures) return false;
    return long.badShare >= threshold && short.badShare >= threshold;
  }
}

/** Multiples of the rate that would spend the month's error budget exactly. */
export interface BurnRateTable {
  last5Min: number;
  last30Min: number;
  lastHour: number;
  last6Hours: number;
  last3Days: number;
}

export interface BurnChange {
  readonly severity: BurnSeverity;
  readonly isBurning: boolean;
  readonly burnRate: number;
}

const SEVERITIES: readonly BurnSeverity[] = ['page', 'ticket'];

/** Tracks whether the indicators of one route or deployment burn, and reports each change once. */
export class BurnAlarm {
  readonly #burning = new Set<BurnSeverity>();

  constructor(readonly indicators: readonly BurnRates[]) {}

  get burning(): BurnSeverity[] {
    return [...this.#burning];
  }

  /** Changes since the last check. */
  changes(now: number): BurnChange[] {
    for (const each of this.indicators) each.age(now);
    const changes: BurnChange[] = [];
    for (const severity of SEVERITIES) {
      const rates = this.indicators.flatMap((each) => each.alarm(severity) ?? []);
      const isBurning = rates.length > 0;
      if (isBurning === this.#burning.has(severity)) continue;
      if (isBurning) this.#burning.add(severity);
      else this.#burning.delete(severity);
      const current = isBurning ? rates : this.indicators.map((each) => each.current(severity));
      changes.push({ severity, isBurning, burnRate: rounded(Math.max(...current)) });
    }
    return changes;
  }
}

function rounded(rate: number): number {
  return Math.round(rate * 100) / 100;
}
