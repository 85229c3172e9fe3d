import type { Engine } from '../engine.js';
import { round } from '../prices/cost.js';
import type { BurnRateTable } from '../state/burn-alarm.js';
import type { DeploymentState } from '../state/deployment-state.js';
import type { Period } from '../state/service-history.js';
import type { ServiceLevel } from '../state/service-level.js';
import { knownSum, newTotals, type Totals, usageOf } from '../state/totals.js';
import type { Usage } from '../telemetry/record-types.js';
import { numberOf } from '../util/calendar.js';
import { type SpendSnapshot, spendSnapshot } from './spend-snapshot.js';

/** Milliseconds, over the last 5 minutes; `null` without data. */
export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
  p999: number | null;
}

/** Counts of deployments and routes, since the router was created. */
export interface Sums {
  requests: number;
  failures: number;
  /**
   * The share of counted attempts (of a route: calls) that were answered, since the router was created; `null` before
   * the first. Errors of the caller, refused keys, 429s, aborts and refusals by your own limits do not count.
   */
  uptime: number | null;
  /** The same for this UTC hour, day and month, across restarts with a `state`. */
  uptimeBy: { hour: number | null; day: number | null; month: number | null };
  /** Minutes of this month in which at least half of five or more attempts (or calls) failed. */
  downtimeMinutes: number;
  /** This UTC month, measured; present if `sla` is set. */
  sla?: SlaSnapshot;
  /** How fast the error budget is spent; present if `sla` is set. */
  burn?: BurnSnapshot;
  usage: Usage;
  /** US dollars, as far as known; `null` if nothing is known. */
  costUsd: number | null;
  /** Requests of unknown cost, without a price or reported usage. `costUsd` does not include them. */
  unpriced: number;
}

/** An `sla`, measured this month. */
export interface SlaSnapshot {
  uptime: number | null;
  p99Ms: number | null;
  /** The lower of both indicators: 1 is unused, below 0 the SLA is broken. */
  errorBudgetLeft: number | null;
  met: boolean | null;
}

/** How fast error budgets are spent, and the alarms that are active. */
export interface BurnSnapshot {
  /** Active alarms. */
  burning: ('page' | 'ticket')[];
  /** Against `sla.uptime`; `null` if not set. 1 spends the budget in exactly a month. */
  availability: BurnRateTable | null;
  /** Against `sla.p99Ms`. */
  latency: BurnRateTable | null;
}

/** The state and statistics of one deployment, in `router.snapshot()`. */
export interface DeploymentSnapshot extends Sums {
  client: string;
  /** The upstream's name of the model; `null` for unlisted models. */
  model: string | null;
  /** Attempts slower than `slowMs`. */
  slow: number;
  /** Attempts that were started beside another one (`hedgeAfterMs`). */
  hedges: number;
  /** Retries that the retry budget (`retry.budget`, `retry.minPerSecond`) did not allow. */
  retriesWithheld: number;
  state: 'closed' | 'open' | 'halfOpen';
  /** ISO 8601, or `null`. */
  pausedUntil: string | null;
  suspendedUntil: string | null;
  region: string | null;
  /** Whole answers of the last 5 minutes; a timeout counts with the time waited. */
  latencyMs: Percentiles;
  /** Streams of the last 5 minutes, until their first content. */
  timeToFirstChunkMs: Percentiles;
  /** Over the last hour: whole answers, and streams until their first content. */
  latencyHourMs: Percentiles;
  /** The same since the router was created. */
  latencyTotalMs: Percentiles;
  /** Answers with status 429. */
  rateLimited: number;
  inFlight: number;
}

/** A route counts calls; a deployment counts attempts. */
export interface RouteSnapshot extends Sums {
  deployments: string[];
}

/** The router's state as plain JSON. */
export interface Snapshot {
  closed: boolean;
  deployments: Record<string, DeploymentSnapshot>;
  routes: Record<string, RouteSnapshot>;
  cache: CacheSnapshot;
  spend: SpendSnapshot;
}

/** Counts of cacheable calls. `entries` and `bytes` are `null` with a `cacheStore` of your own. */
export interface CacheSnapshot {
  hits: number;
  misses: number;
  joined: number;
  /** Stale answers: within `staleMs`, or because all deployments failed. */
  stale: number;
  entries: number | null;
  bytes: number | null;
  /** US dollars, as far as known. */
  savedUsd: number;
  savedTokens: number;
}

export function snapshot(engine: Engine): Snapshot {
  const now = periodsNow();
  return {
    closed: engine.closed,
    deployments: Object.fromEntries([...engine.states].map(([id, state]) => [id, ofDeployment(state, now)])),
    routes: Object.fromEntries(
      [...engine.config.routes].map(([name, { deployments }]) => {
        const totals = engine.routeTotals.get(name);
        const service = engine.services.get(name);
        if (service === undefined) throw new Error(`No service level of the route ${name}.`);
        return [name, { deployments: [...deployments], ...sums(totals ?? newTotals(), service, now) }];
      }),
    ),
    cache: { ...engine.life.cacheTotals, savedUsd: round(engine.life.cacheTotals.savedUsd), ...engine.cacheSize },
    spend: spendSnapshot({ ledger: engine.ledger, spendTable: engine.life.spendTable }),
  };
}

function ofDeployment(state: DeploymentState, now: PeriodsNow): DeploymentSnapshot {
  const { deployment, breaker, client, totals, service } = state;
  return {
    client: client.name,
    model: deployment.model ?? null,
    slow: totals.slow,
    hedges: totals.hedges,
    retriesWithheld: totals.retriesWithheld,
    state: breaker?.state ?? 'closed',
    pausedUntil: wallClock(state.pausedUntil),
    suspendedUntil: wallClock(client.suspendedUntil),
    region: state.region,
    ...sums(totals, service, now),
    latencyMs: percentiles(state.waits(false)),
    timeToFirstChunkMs: percentiles(state.waits(true)),
    latencyHourMs: percentiles(service.lastHour),
    latencyTotalMs: percentiles(service),
    rateLimited: service.rateLimits,
    inFlight: state.inFlight,
  };
}

function sums(totals: Totals, service: ServiceLevel, now: PeriodsNow): Sums {
  const { requests, failures, costUsd, unpriced } = totals;
  return {
    requests,
    failures,
    ...levels(service, now),
    usage: usageOf(totals),
    costUsd: knownSum(round(costUsd), unpriced),
    unpriced,
  };
}

/** The numbers of the current hour, day and month, computed once for all. */
type PeriodsNow = Readonly<Record<Period, number>>;

function periodsNow(): PeriodsNow {
  const now = Date.now();
  return { hour: numberOf('hour', now), day: numberOf('day', now), month: numberOf('month', now) };
}

function levels(
  service: ServiceLevel,
  now: PeriodsNow,
): Pick<Sums, 'uptime' | 'uptimeBy' | 'downtimeMinutes' | 'sla' | 'burn'> {
  service.look();
  const in_ = (period: Period) => {
    const { good, bad } = service.counts(period, now[period]);
    return good + bad === 0 ? null : good / (good + bad);
  };
  const base = {
    uptime: service.uptime,
    uptimeBy: { hour: in_('hour'), day: in_('day'), month: in_('month') },
    downtimeMinutes: service.downtimeMinutes('month', now.month),
  };
  if (service.target === undefined) return base;
  const { uptime, p99Ms, errorBudgetLeft, met } = service.month(now.month);
  return {
    ...base,
    sla: { uptime, p99Ms, errorBudgetLeft, met },
    burn: { burning: service.burning, ...service.burnRates() },
  };
}

const SHARES = [0.5, 0.95, 0.99, 0.999];

function percentiles(from: { quantiles(qs: readonly number[]): number[] | undefined }): Percentiles {
  const [p50 = null, p95 = null, p99 = null, p999 = null] = from.quantiles(SHARES) ?? [];
  return { p50, p95, p99, p999 };
}

/** A future `performance.now()` time as wall-clock time. */
function wallClock(at: number): string | null {
  const left = at - performance.now();
  return left > 0 ? new Date(Date.now() + left).toISOString() : null;
}
