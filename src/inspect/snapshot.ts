import type { Engine } from '../engine.js';
import { round } from '../prices/cost.js';
import type { DeploymentState } from '../state/deployment-state.js';
import type { LatencyHistogram } from '../state/latency-histogram.js';
import { knownSum, newTotals, type Totals, usageOf } from '../state/totals.js';
import type { Usage } from '../telemetry/record-types.js';
import { type SpendSnapshot, spendSnapshot } from './spend-snapshot.js';

/** Milliseconds, of the last 5 minutes; `null` where there was nothing. */
export interface Percentiles {
  p50: number | null;
  p95: number | null;
  p99: number | null;
  p999: number | null;
}

export interface Sums {
  requests: number;
  failures: number;
  /** The share of attempts that the deployment did not fail; `null` before the first. */
  uptime: number | null;
  usage: Usage;
  /** US dollars, of what is known; `null` where nothing is. */
  costUsd: number | null;
  /** Those whose cost is not known: no price, or no usage told. They are not in `costUsd`. */
  unpriced: number;
}

export interface DeploymentSnapshot extends Sums {
  client: string;
  /** The upstream's name of the model; `null` for the models that are not listed. */
  model: string | null;
  /** Attempts slower than `slowMs`. */
  slow: number;
  /** Attempts that were begun beside another one (`hedgeAfterMs`). */
  hedges: number;
  /** Retries that the retry budget did not allow: `retry.budget` and `retry.minPerSecond`. */
  retriesWithheld: number;
  state: 'closed' | 'open' | 'halfOpen';
  /** ISO 8601, or `null`. */
  pausedUntil: string | null;
  suspendedUntil: string | null;
  region: string | null;
  latencyMs: Percentiles;
  timeToFirstChunkMs: Percentiles;
  inFlight: number;
}

/** A route's: of its calls, where a deployment's are of attempts. */
export interface RouteSnapshot extends Sums {
  deployments: string[];
}

/** What the router knows, as plain JSON. */
export interface Snapshot {
  closed: boolean;
  deployments: Record<string, DeploymentSnapshot>;
  routes: Record<string, RouteSnapshot>;
  cache: CacheSnapshot;
  spend: SpendSnapshot;
}

/** Of calls that may be cached. `entries` and `bytes` are `null` where the application brings its own store. */
export interface CacheSnapshot {
  hits: number;
  misses: number;
  joined: number;
  /** Answered stale, because that was allowed or because all deployments failed. */
  stale: number;
  entries: number | null;
  bytes: number | null;
  /** US dollars, of what is known. */
  savedUsd: number;
  savedTokens: number;
}

export function snapshot(engine: Engine): Snapshot {
  return {
    closed: engine.closed,
    deployments: Object.fromEntries([...engine.states].map(([id, state]) => [id, ofDeployment(state)])),
    routes: Object.fromEntries(
      [...engine.config.routes].map(([name, { deployments }]) => {
        const totals = engine.routeTotals.get(name);
        return [name, { deployments: [...deployments], ...sums(totals ?? newTotals()) }];
      }),
    ),
    cache: { ...engine.cacheTotals, savedUsd: round(engine.cacheTotals.savedUsd), ...engine.cacheSize },
    spend: spendSnapshot(engine),
  };
}

function ofDeployment(state: DeploymentState): DeploymentSnapshot {
  const { deployment, breaker, client, totals } = state;
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
    ...sums(totals),
    latencyMs: percentiles(state.latency),
    timeToFirstChunkMs: percentiles(state.timeToFirstChunk),
    inFlight: state.inFlight,
  };
}

function sums(totals: Totals): Sums {
  const { requests, failures, costUsd, unpriced } = totals;
  return {
    requests,
    failures,
    uptime: requests === 0 ? null : 1 - failures / requests,
    usage: usageOf(totals),
    costUsd: knownSum(round(costUsd), unpriced),
    unpriced,
  };
}

function percentiles(histogram: LatencyHistogram): Percentiles {
  const at = (q: number) => histogram.quantile(q) ?? null;
  return { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999) };
}

/** A `performance.now()` time that is still to come, as one that people read. */
function wallClock(at: number): string | null {
  const left = at - performance.now();
  return left > 0 ? new Date(Date.now() + left).toISOString() : null;
}
