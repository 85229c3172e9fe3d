import type { Outcome } from './record-types.js';

/**
 * The router's own metrics, with their OpenTelemetry names. In Prometheus text, dots become underscores and a counter
 * ends in `_total`. Durations are in seconds, without a unit in the name, like in OpenTelemetry's own Prometheus
 * exporter.
 */
export const METRICS = {
  callDuration: { name: 'model_router.call.duration', kind: 'histogram', help: 'Seconds of calls, by route.' },
  calls: { name: 'model_router.calls', kind: 'counter', help: 'Calls, by route and by what became of them.' },
  attemptDuration: {
    name: 'model_router.attempt.duration',
    kind: 'histogram',
    help: 'Seconds of attempts, by deployment.',
  },
  attempts: { name: 'model_router.attempts', kind: 'counter', help: 'Attempts, by deployment and outcome.' },
  failovers: {
    name: 'model_router.failovers',
    kind: 'counter',
    help: 'Calls that went on to another deployment, and why.',
  },
  breakerState: {
    name: 'model_router.breaker.state',
    kind: 'gauge',
    help: 'Circuit breaker: 0 closed, 1 half-open, 2 open.',
  },
  paused: {
    name: 'model_router.paused',
    kind: 'gauge',
    help: '1 while a deployment is paused or its client suspended.',
  },
  cacheCalls: {
    name: 'model_router.cache.calls',
    kind: 'counter',
    help: 'Calls that may be cached, by what the cache did.',
  },
  cost: { name: 'model_router.cost', kind: 'counter', help: 'US dollars spent, of what is known, by deployment.' },
  costUnpriced: {
    name: 'model_router.cost.unpriced',
    kind: 'counter',
    help: 'Attempts whose cost is not known, by deployment.',
  },
  budgetLimit: { name: 'model_router.budget.limit', kind: 'gauge', help: 'US dollars that a spend budget allows.' },
  budgetSpent: {
    name: 'model_router.budget.spent',
    kind: 'gauge',
    help: 'US dollars spent in the current window of a budget.',
  },
  budgetReserved: {
    name: 'model_router.budget.reserved',
    kind: 'gauge',
    help: 'US dollars reserved for calls that are running.',
  },
  slaErrorBudgetLeft: {
    name: 'model_router.sla.error_budget_left',
    kind: 'gauge',
    help: 'Share of the error budget left this month; below 0 the promise is broken.',
  },
} as const satisfies Record<string, { name: string; kind: 'histogram' | 'counter' | 'gauge'; help: string }>;

/** Upper bounds of durations, in seconds: 0.01, doubling. */
export const DURATION_BUCKETS: readonly number[] = Array.from({ length: 17 }, (_, i) => (2 ** i * 10) / 1000);

/** The outcomes of calls. `refused`: by a limit of your own. */
export const CALL_OUTCOMES = ['success', 'failed', 'deadline', 'caller-error', 'refused', 'aborted'] as const;
export type CallOutcome = (typeof CALL_OUTCOMES)[number];

/** The outcomes of attempts. A record, so that the compiler reports a missing one. */
const OUTCOMES: Readonly<Record<Exclude<Outcome, 'pending'>, true>> = {
  success: true,
  'caller-error': true,
  'context-length': true,
  'content-filter': true,
  unauthorized: true,
  forbidden: true,
  'model-not-found': true,
  'server-error': true,
  'rate-limited': true,
  connection: true,
  timeout: true,
  deadline: true,
  'invalid-answer': true,
  interrupted: true,
  lost: true,
  aborted: true,
};
export const ATTEMPT_OUTCOMES = Object.keys(OUTCOMES) as readonly (keyof typeof OUTCOMES)[];

/** The usual reasons for a failover: these series start at 0. */
export const FAILOVER_REASONS = [
  'server-error',
  'rate-limited',
  'connection',
  'timeout',
  'invalid-answer',
  'unauthorized',
  'forbidden',
  'model-not-found',
] as const satisfies readonly Outcome[];

export const BREAKER_STATES = { closed: 0, halfOpen: 1, open: 2 } as const;
