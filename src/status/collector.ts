import type { Snapshot } from '../inspect/snapshot.js';
import type { ModelRouter } from '../model-router.js';
import { callOutcomeOf, failoversOf } from '../telemetry/call-outcome.js';
import type { EventOf } from '../telemetry/events.js';
import { CALL_OUTCOMES, type CallOutcome } from '../telemetry/metric-names.js';
import type { Outcome } from '../telemetry/record-types.js';
import { DeploymentWatch } from './deployment-watch.js';
import { Histogram } from './histogram.js';

/** The part of a router that the status page uses. */
export type StatusRouter = Pick<ModelRouter, 'snapshot' | 'on'>;

/** One attempt of a call that had a failed attempt. */
export interface TroubleAttempt {
  deployment: string;
  outcome: Outcome;
  status: number | null;
  durationMs: number;
}

/** A call with a failed attempt, and all its attempts. It contains no prompt. */
export interface Trouble {
  /** ISO 8601. */
  at: string;
  callId: string;
  route: string | null;
  /** Present only if tenants are shown. */
  tenant?: string | null;
  outcome: CallOutcome;
  attempts: TroubleAttempt[];
  costUsd: number | null;
}

export interface RouteCounts {
  readonly outcomes: Record<CallOutcome, number>;
  readonly duration: Histogram;
}

export interface Failover {
  readonly from: string;
  readonly to: string;
  readonly reason: Outcome | 'other';
}

/** The name for calls without a route, and for names beyond the limit. */
export const OTHER = 'other';
const MAX_NAMES = 1000;
const MAX_FAILOVERS = 2000;
const MAX_TROUBLE = 20;
/** Listens to a router during its lifetime, and counts. The configuration limits the size of its data. */
export class Collector {
  /** On Workers there is no clock at module scope, so this is 0 there. */
  #startedAt = Date.now();
  readonly deployments = new Map<string, DeploymentWatch>();
  readonly routes = new Map<string, RouteCounts>();
  readonly failovers = new Map<string, Failover & { count: number }>();
  readonly suspended = new Map<string, { at: number; status: number | null; code: string | null }>();
  readonly trouble: Trouble[] = [];
  calls = 0;
  answered = 0;

  constructor(private readonly router: StatusRouter) {
    router.on('attempt-ended', ({ callId, attempt }) => {
      this.#watch(attempt.deployment).add(callId, attempt, Date.now());
    });
    router.on('call-ended', (event) => this.#ended(event));
    router.on('breaker-opened', ({ deployment }) => {
      this.#watch(deployment).openedAt ??= Date.now();
    });
    router.on('breaker-closed', ({ deployment }) => {
      this.#watch(deployment).openedAt = undefined;
    });
    router.on('deployment-paused', ({ deployment }) => {
      this.#watch(deployment).pausedAt = Date.now();
    });
    router.on('client-suspended', ({ client, status, code }) => {
      bounded(this.suspended, client, () => ({ at: Date.now(), status, code }));
    });
    router.on('client-resumed', ({ client }) => this.suspended.delete(client));
  }

  get startedAt(): number {
    this.#startedAt ||= Date.now();
    return this.#startedAt;
  }

  /** The router's current snapshot. Data of removed deployments is dropped. */
  snapshot(): Snapshot {
    const snapshot = this.router.snapshot();
    for (const id of this.deployments.keys()) if (!(id in snapshot.deployments)) this.deployments.delete(id);
    return snapshot;
  }

  #watch(deployment: string): DeploymentWatch {
    return bounded(this.deployments, deployment, () => new DeploymentWatch());
  }

  #ended({ record, error }: EventOf<'call-ended'>): void {
    this.#startedAt ||= Date.now();
    const outcome = callOutcomeOf(record.attempts, error);
    const counts = bounded(this.routes, record.route ?? OTHER, newRouteCounts);
    counts.outcomes[outcome]++;
    counts.duration.record(record.durationMs);
    if (outcome === 'success') this.answered++;
    if (outcome === 'success' || outcome === 'failed' || outcome === 'deadline') this.calls++;
    for (const each of failoversOf(record.attempts)) this.failover(each).count++;
    if (outcome === 'caller-error' || outcome === 'aborted') return;
    if (!record.attempts.some((each) => each.outcome !== 'success' && each.outcome !== 'lost')) return;
    const { id, route, tenant, costUsd } = record;
    const attempts = record.attempts.map(({ deployment, outcome: each, status, durationMs }) => ({
      deployment,
      outcome: each,
      status,
      durationMs,
    }));
    this.trouble.push({ at: new Date().toISOString(), callId: id, route, tenant, outcome, attempts, costUsd });
    if (this.trouble.length > MAX_TROUBLE) this.trouble.shift();
  }

  /** The count of one kind of failover; beyond the limit, of all others together. */
  failover({ from, to, reason }: Failover): Failover & { count: number } {
    const known = this.failovers.get(failoverKey(from, to, reason));
    if (known !== undefined) return known;
    const isFull = this.failovers.size >= MAX_FAILOVERS;
    const made = isFull
      ? ({ from: OTHER, to: OTHER, reason: OTHER, count: 0 } as const)
      : { from, to, reason, count: 0 };
    const key = failoverKey(made.from, made.to, made.reason);
    const entry = this.failovers.get(key) ?? { ...made };
    this.failovers.set(key, entry);
    return entry;
  }
}

const failoverKey = (...names: [string, string, string]) => JSON.stringify(names);

export function newRouteCounts(): RouteCounts {
  const outcomes = Object.fromEntries(CALL_OUTCOMES.map((each) => [each, 0])) as Record<CallOutcome, number>;
  return { outcomes, duration: new Histogram() };
}

function bounded<V>(map: Map<string, V>, name: string, make: () => V): V {
  const key = map.has(name) || map.size < MAX_NAMES ? name : OTHER;
  const value = map.get(key) ?? make();
  map.set(key, value);
  return value;
}
