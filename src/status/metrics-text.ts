import type { Snapshot } from '../inspect/snapshot.js';
import {
  ATTEMPT_OUTCOMES,
  BREAKER_STATES,
  DURATION_BUCKETS,
  FAILOVER_REASONS,
  METRICS,
} from '../telemetry/metric-names.js';
import { type Collector, newRouteCounts, OTHER } from './collector.js';
import { Histogram } from './histogram.js';
import { processId } from './process-id.js';

type Labels = Readonly<Record<string, string>>;
type Sample = readonly [labels: Labels, value: number];

/**
 * All metrics in Prometheus text. Labels are names from the configuration and fixed sets only, so the number of series
 * does not grow with what callers send. Each series starts at 0, because a missing one silences alerts.
 */
export function metricsText(collector: Collector): string {
  const snapshot = collector.snapshot();
  const deployments = Object.entries(snapshot.deployments);
  const watches = deployments.map(([id]) => [id, collector.deployments.get(id)] as const);
  const routes = [...new Set([...Object.keys(snapshot.routes), OTHER])].map(
    (route) => [route, collector.routes.get(route) ?? newRouteCounts()] as const,
  );
  const { hits, misses, joined, stale } = snapshot.cache;
  // Budgets per tenant would put tenants into labels.
  const budgets = snapshot.spend.budgets.filter(({ per }) => per === null);
  const ofBudgets = (pick: (budget: (typeof budgets)[number]) => number): Sample[] =>
    budgets.map((each) => [{ budget: each.budget, route: each.route ?? '' }, pick(each)]);
  return [
    `# HELP model_router_process_info The process that this text describes: each worker counts separately.\n# TYPE model_router_process_info gauge\n`,
    `model_router_process_info${text({ pid: String(processId() ?? '') })} 1\n`,
    histogram(
      METRICS.callDuration,
      routes.map(([route, { duration }]) => [{ route }, duration]),
    ),
    plain(
      METRICS.calls,
      routes.flatMap(([route, { outcomes }]) =>
        Object.entries(outcomes).map(([outcome, count]): Sample => [{ route, outcome }, count]),
      ),
    ),
    histogram(
      METRICS.attemptDuration,
      watches.map(([deployment, watch]) => [{ deployment }, watch?.duration ?? new Histogram()]),
    ),
    plain(
      METRICS.attempts,
      watches.flatMap(([deployment, watch]) =>
        ATTEMPT_OUTCOMES.map((outcome): Sample => [{ deployment, outcome }, watch?.outcomes.get(outcome) ?? 0]),
      ),
    ),
    plain(METRICS.failovers, failovers(collector, snapshot)),
    plain(
      METRICS.breakerState,
      deployments.map(([deployment, { state }]) => [{ deployment }, BREAKER_STATES[state]]),
    ),
    plain(
      METRICS.paused,
      deployments.map(([deployment, { pausedUntil, suspendedUntil }]) => [
        { deployment },
        pausedUntil === null && suspendedUntil === null ? 0 : 1,
      ]),
    ),
    plain(
      METRICS.cacheCalls,
      Object.entries({ hit: hits, miss: misses, joined, stale }).map(([cache, count]) => [{ cache }, count]),
    ),
    plain(
      METRICS.cost,
      deployments.map(([deployment, { costUsd }]) => [{ deployment }, costUsd ?? 0]),
    ),
    plain(
      METRICS.costUnpriced,
      deployments.map(([deployment, { unpriced }]) => [{ deployment }, unpriced]),
    ),
    plain(
      METRICS.budgetLimit,
      ofBudgets(({ limitUsd }) => limitUsd),
    ),
    plain(
      METRICS.budgetSpent,
      ofBudgets(({ spentUsd }) => spentUsd),
    ),
    plain(
      METRICS.budgetReserved,
      ofBudgets(({ reservedUsd }) => reservedUsd),
    ),
    plain(METRICS.slaErrorBudgetLeft, errorBudgets(snapshot)),
  ].join('');
}

/** Failovers that have happened, plus the most likely ones: from each deployment to the next in each route. */
function failovers(collector: Collector, { routes }: Snapshot): Sample[] {
  for (const { deployments } of Object.values(routes))
    for (const [index, from] of deployments.entries()) {
      const to = deployments[index + 1];
      if (to !== undefined) for (const reason of FAILOVER_REASONS) collector.failover({ from, to, reason });
    }
  return Array.from(collector.failovers.values(), ({ count, ...labels }) => [labels, count]);
}

/** Before the first call, the whole error budget is left. */
function errorBudgets({ deployments, routes }: Snapshot): Sample[] {
  const ofAll = (
    kind: 'deployment' | 'route',
    all: Record<string, Snapshot['routes'][string] | Snapshot['deployments'][string]>,
  ) =>
    Object.entries(all).flatMap(([name, { sla }]): Sample[] =>
      sla === undefined ? [] : [[{ [kind]: name }, sla.errorBudgetLeft ?? 1]],
    );
  return [...ofAll('deployment', deployments), ...ofAll('route', routes)];
}

type Metric = (typeof METRICS)[keyof typeof METRICS];

const baseName = ({ name, kind }: Metric) => `${name.replaceAll('.', '_')}${kind === 'counter' ? '_total' : ''}`;

function head(metric: Metric): string {
  const name = baseName(metric);
  return `# HELP ${name} ${metric.help}\n# TYPE ${name} ${metric.kind}\n`;
}

function plain(metric: Metric, samples: readonly Sample[]): string {
  const name = baseName(metric);
  return head(metric) + samples.map(([labels, value]) => `${name}${text(labels)} ${value}\n`).join('');
}

function histogram(metric: Metric, all: readonly (readonly [Labels, Histogram])[]): string {
  const name = baseName(metric);
  const parts = all.map(([labels, { counts, sumSeconds }]) => {
    const own = text(labels);
    const open = `${name}_bucket${own.slice(0, -1)},le="`;
    let below = 0;
    const lines = DURATION_BUCKETS.map((bound, index) => {
      below += counts[index] ?? 0;
      return `${open}${bound}"} ${below}\n`;
    });
    const total = below + (counts[DURATION_BUCKETS.length] ?? 0);
    return `${lines.join('')}${open}+Inf"} ${total}\n${name}_sum${own} ${sumSeconds}\n${name}_count${own} ${total}\n`;
  });
  return head(metric) + parts.join('');
}

function text(labels: Labels): string {
  return `{${Object.entries(labels)
    .map(
      ([name, value]) => `${name}="${value.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"`,
    )
    .join(',')}}`;
}
