import { CALLER_OUTCOMES } from '../telemetry/call-outcome.js';
import type { AttemptRecord, Outcome } from '../telemetry/record-types.js';
import { Histogram } from './histogram.js';

/** The last failure of a deployment. It contains no prompt, no key and no tenant. */
export interface LastFailure {
  /** ISO 8601. */
  at: string;
  callId: string;
  outcome: Outcome;
  status: number | null;
  code: string | null;
  error: string | null;
  durationMs: number;
}

/** Attempts of one minute: answered, failed. */
export type Minute = [answered: number, failed: number];

const MINUTES = 30;

/** Outcomes that do not show how the deployment works: the caller's own, or ended by the router. */
const NEUTRAL: ReadonlySet<Outcome> = new Set(['pending', 'aborted', 'lost', 'deadline', ...CALLER_OUTCOMES]);

/** The status page's data about one deployment, in addition to the router's snapshot. Times are `Date.now()`. */
export class DeploymentWatch {
  readonly outcomes = new Map<Outcome, number>();
  readonly duration = new Histogram();
  /** The first failure since its last answer. */
  failingSince: number | undefined;
  /** The first answer since its last failure. */
  workingSince: number | undefined;
  openedAt: number | undefined;
  pausedAt: number | undefined;
  lastFailure: LastFailure | undefined;
  /** Failed attempts, except the caller's own errors. */
  failed = 0;
  /** Known costs of failed attempts, in US dollars. */
  failedCostUsd = 0;
  readonly #minutes: Minute[] = [];
  #lastMinute = 0;

  add(callId: string, attempt: AttemptRecord, now: number): void {
    const { outcome, durationMs, costUsd } = attempt;
    this.outcomes.set(outcome, (this.outcomes.get(outcome) ?? 0) + 1);
    this.duration.record(durationMs);
    if (NEUTRAL.has(outcome)) return;
    const isFailure = outcome !== 'success';
    const minute = this.#minute(now);
    minute[isFailure ? 1 : 0]++;
    if (!isFailure) {
      this.workingSince ??= now;
      this.failingSince = undefined;
      return;
    }
    this.failed++;
    this.failingSince ??= now;
    this.workingSince = undefined;
    this.failedCostUsd += costUsd ?? 0;
    const { status, code, error } = attempt;
    this.lastFailure = { at: new Date(now).toISOString(), callId, outcome, status, code, error, durationMs };
  }

  /** The last half hour, oldest first; the last entry is the current minute. */
  minutes(now: number): Minute[] {
    this.#minute(now);
    return this.#minutes.map(([answered, failed]) => [answered, failed]);
  }

  #minute(now: number): Minute {
    const number = Math.floor(now / 60_000);
    const passed = Math.min(MINUTES, Math.max(0, number - this.#lastMinute));
    for (let i = 0; i < passed; i++) this.#minutes.push([0, 0]);
    this.#minutes.splice(0, this.#minutes.length - MINUTES);
    this.#lastMinute = Math.max(number, this.#lastMinute);
    const last = this.#minutes.at(-1);
    if (last === undefined) throw new Error('The current minute is missing.');
    return last;
  }
}
