import type { DeploymentSnapshot, RouteSnapshot, Snapshot } from '../inspect/snapshot.js';
import type { Collector, Trouble } from './collector.js';
import type { DeploymentWatch, LastFailure, Minute } from './deployment-watch.js';
import { processId } from './process-id.js';

/**
 * `down`: its breaker is open. `probing`: it gets one call to test whether it works again. `suspended`: its client's
 * key was refused or has no credit. `paused`: it requested a pause. `failing`: its last attempt failed. `unused`: no
 * attempt yet.
 */
export type Health = 'down' | 'suspended' | 'failing' | 'probing' | 'paused' | 'unused' | 'working';

/** One deployment in `status.json`. */
export interface DeploymentStatus extends DeploymentSnapshot {
  health: Health;
  /** When that began, in ISO 8601; `null` if unknown. */
  since: string | null;
  lastFailure: LastFailure | null;
  /** Includes refused keys and rate limits, which `failures` and `uptime` do not count. */
  failedAttempts: number;
  /** Known costs of failed attempts, in US dollars. `costUsd` includes them. */
  failedCostUsd: number;
  /** Attempts of the last 30 minutes, oldest first: answered, failed. */
  minutes: Minute[];
}

/** `status.json`. */
export interface Status extends Omit<Snapshot, 'deployments'> {
  title: string;
  /** ISO 8601. */
  at: string;
  /** Each process counts separately: this is the one that answered. */
  process: { id: number | null; since: string };
  /** Counted calls since then: without the caller's own errors and refusals. */
  calls: { counted: number; answered: number; failovers: number };
  deployments: Record<string, DeploymentStatus>;
  routes: Record<string, RouteSnapshot>;
  /** The last calls with a failed attempt, newest first. */
  trouble: Trouble[];
}

export interface StatusSettings {
  readonly title: string;
  readonly showTenants: boolean;
}

export function statusJson(collector: Collector, { title, showTenants }: StatusSettings): Status {
  const now = Date.now();
  const { deployments, spend, ...snapshot } = collector.snapshot();
  const { byTenant, budgets } = spend;
  const failovers = Array.from(collector.failovers.values(), ({ count }) => count);
  return {
    title,
    at: new Date(now).toISOString(),
    process: { id: processId() ?? null, since: new Date(collector.startedAt).toISOString() },
    calls: {
      counted: collector.calls,
      answered: collector.answered,
      failovers: failovers.reduce((sum, count) => sum + count, 0),
    },
    ...snapshot,
    deployments: Object.fromEntries(
      Object.entries(deployments).map(([id, each]) => [id, ofDeployment(each, collector, id, now)]),
    ),
    spend: {
      ...spend,
      byTenant: showTenants ? byTenant : {},
      budgets: showTenants ? budgets : budgets.filter(({ per }) => per === null),
    },
    trouble: collector.trouble
      .toReversed()
      .map(({ tenant = null, ...rest }) => (showTenants ? { ...rest, tenant } : rest)),
  };
}

function ofDeployment(snapshot: DeploymentSnapshot, collector: Collector, id: string, now: number): DeploymentStatus {
  const watch = collector.deployments.get(id);
  const health = healthOf(snapshot, watch);
  const since = sinceOf(health, watch, collector.suspended.get(snapshot.client)?.at);
  return {
    ...snapshot,
    health,
    since: since === undefined ? null : new Date(since).toISOString(),
    lastFailure: watch?.lastFailure ?? null,
    failedAttempts: Math.max(watch?.failed ?? 0, snapshot.failures),
    failedCostUsd: Math.round((watch?.failedCostUsd ?? 0) * 1e9) / 1e9,
    minutes: watch?.minutes(now) ?? [],
  };
}

function healthOf(
  { suspendedUntil, state, pausedUntil, requests, uptime }: DeploymentSnapshot,
  watch: DeploymentWatch | undefined,
): Health {
  if (suspendedUntil !== null) return 'suspended';
  if (state === 'open') return 'down';
  if (state === 'halfOpen') return 'probing';
  if (pausedUntil !== null) return 'paused';
  if (watch?.failingSince !== undefined) return 'failing';
  // Attempts from before the handler was made are in the snapshot only.
  if (watch?.workingSince === undefined && uptime === 0) return 'failing';
  return requests === 0 ? 'unused' : 'working';
}

function sinceOf(
  health: Health,
  watch: DeploymentWatch | undefined,
  suspendedAt: number | undefined,
): number | undefined {
  if (health === 'suspended') return suspendedAt;
  if (health === 'working') return watch?.workingSince;
  if (health === 'paused') return watch?.failingSince ?? watch?.pausedAt;
  return watch?.failingSince ?? watch?.openedAt;
}
