import { textTable } from '../util/text-table.js';
import type { AbTable, BucketSums, Variant } from './ab-table.js';
import { halfWidth, type Interval, meanOf, quantileRanks } from './intervals.js';
import type { LatencyCounts } from './latency-counts.js';

/** Observations of one variant. Times are in milliseconds; `null` without data. */
export interface AbVariant {
  readonly weight: number;
  /** Distinct assignment keys; without keys, calls. */
  readonly keys: number;
  readonly calls: number;
  /** Calls that another deployment answered, because the assigned one could not. */
  readonly crossed: number;
  readonly errors: number;
  readonly p50: number | null;
  readonly p95: number | null;
  readonly p99: number | null;
  /** The median time to the first chunk of streams. */
  readonly timeToFirstChunkMs: number | null;
  /** Mean per call with a known cost, in US dollars. */
  readonly costUsd: number | null;
  /** Mean per call, input and output. */
  readonly tokens: number | null;
  readonly escalations: number;
  readonly feedback: Readonly<Record<string, { readonly calls: number; readonly mean: number }>>;
}

/** The difference between two variants: the second minus the first. */
export interface AbComparison {
  readonly metric: string;
  readonly unit: string;
  readonly method: string;
  readonly variants: readonly [string, string];
  readonly difference: number | null;
  /**
   * The true difference lies within it, at every look, with the report's confidence; `null` while there is too little
   * data.
   */
  readonly interval: Interval | null;
  /** About how many more calls until the interval excludes 0, if the measured difference is real; `null` if unknown. */
  readonly callsNeeded: number | null;
}

/** What `router.abReport(route)` returns: the variants of a weighted route, compared. `String()` of it is a table. */
export interface AbReport {
  readonly route: string;
  /** When this comparison started (ISO). A change of variants or weights restarts it. */
  readonly since: string;
  /** The keys are not distributed by the weights, so the comparison is not reliable. */
  readonly sampleRatioMismatch: boolean;
  readonly variants: Readonly<Record<string, AbVariant>>;
  /** The probability that any of these intervals is wrong is at most 5 % for all together. */
  readonly comparisons: readonly AbComparison[];
  toString(): string;
}

const ALPHA = 0.05;
/** No interval with fewer filled buckets in each variant, or fewer errors in both. */
const LEAST_BUCKETS = 30;
const LEAST_ERRORS = 30;
const SEQUENCE = 'asymptotic confidence sequence over 64 buckets of keys';
const QUANTILES = 'sequential quantile bounds over 64 buckets of keys';

type Metric = { readonly name: string; readonly unit: string } & (
  | { readonly of: (variant: Variant) => BucketSums | undefined }
  | { readonly latency: (variant: Variant) => LatencyCounts; readonly q: number }
);

const METRICS: readonly Metric[] = [
  { name: 'errors', unit: 'share of calls', of: (variant) => variant.errors },
  { name: 'p50', unit: 'ms', latency: (variant) => variant.latency, q: 0.5 },
  { name: 'p95', unit: 'ms', latency: (variant) => variant.latency, q: 0.95 },
  { name: 'costUsd', unit: 'US dollars a call', of: (variant) => variant.costUsd },
  { name: 'tokens', unit: 'tokens a call', of: (variant) => variant.tokens },
];

/** The current comparison. You may read it as often as you like without raising false alarms. */
export function abReport(route: string, table: AbTable): AbReport {
  const variants = [...table.variants.values()];
  const feedback = new Set(variants.flatMap((each) => [...each.feedback.keys()]));
  const metrics: Metric[] = [
    ...METRICS,
    ...[...feedback].map((name) => ({
      name: `feedback.${name}`,
      unit: 'mean',
      of: (variant: Variant) => variant.feedback.get(name),
    })),
  ];
  const [control, ...others] = variants.filter((each) => each.weight > 0);
  const pairs = control === undefined ? [] : others.map((each) => [control, each] as const);
  const alpha = ALPHA / Math.max(1, pairs.length * metrics.length);
  return {
    route,
    since: table.since,
    sampleRatioMismatch: table.isMismatched,
    variants: Object.fromEntries(variants.map((each) => [each.id, shown(each)])),
    comparisons: pairs.flatMap(([a, b]) => metrics.map((metric) => compare(metric, a, b, alpha))),
    toString() {
      return asText(this);
    },
  };
}

function shown(variant: Variant): AbVariant {
  const { errors, latency, firstChunk, costUsd, tokens, feedback } = variant;
  const mean = ({ sum, calls }: BucketSums) => (calls === 0 ? null : sum / calls);
  return {
    weight: variant.weight,
    keys: variant.keys.size,
    calls: errors.calls,
    crossed: variant.crossed,
    errors: errors.sum,
    p50: latency.quantile(0.5) ?? null,
    p95: latency.quantile(0.95) ?? null,
    p99: latency.quantile(0.99) ?? null,
    timeToFirstChunkMs: firstChunk.quantile(0.5) ?? null,
    costUsd: mean(costUsd),
    tokens: mean(tokens),
    escalations: variant.escalations,
    feedback: Object.fromEntries(
      [...feedback].map(([name, sums]) => [name, { calls: sums.calls, mean: mean(sums) ?? 0 }]),
    ),
  };
}

function compare(metric: Metric, a: Variant, b: Variant, alpha: number): AbComparison {
  const { name, unit } = metric;
  const variants = [a.id, b.id] as const;
  if ('q' in metric)
    return {
      ...{ metric: name, unit, method: QUANTILES, variants },
      ...compareQuantiles(metric.latency(a), metric.latency(b), metric.q, alpha),
    };
  return {
    ...{ metric: name, unit, method: SEQUENCE, variants },
    ...compareMeans(name, metric.of(a), metric.of(b), alpha),
  };
}

type Difference = Pick<AbComparison, 'difference' | 'interval' | 'callsNeeded'>;
const UNKNOWN: Difference = { difference: null, interval: null, callsNeeded: null };

function compareMeans(
  name: string,
  sumsA: BucketSums | undefined,
  sumsB: BucketSums | undefined,
  alpha: number,
): Difference {
  if (sumsA === undefined || sumsB === undefined || sumsA.calls === 0 || sumsB.calls === 0) return UNKNOWN;
  const a = meanOf(sumsA.buckets());
  const b = meanOf(sumsB.buckets());
  const difference = b.mean - a.mean;
  const errors = sumsA.sum + sumsB.sum;
  if (Math.min(a.filled, b.filled) < LEAST_BUCKETS || (name === 'errors' && errors < LEAST_ERRORS))
    return { difference, interval: null, callsNeeded: null };
  const n = a.calls + b.calls;
  const standardError = Math.sqrt(a.variance + b.variance);
  const half = halfWidth(standardError, n, alpha);
  return {
    difference,
    interval: [difference - half, difference + half],
    callsNeeded: callsNeeded(n, Math.abs(difference), (total) =>
      halfWidth(standardError * Math.sqrt(n / total), total, alpha),
    ),
  };
}

function compareQuantiles(a: LatencyCounts, b: LatencyCounts, q: number, alpha: number): Difference {
  const [medianA, medianB] = [a.quantile(q), b.quantile(q)];
  if (medianA === undefined || medianB === undefined) return UNKNOWN;
  const difference = medianB - medianA;
  const [boundsA, boundsB] = [quantileBounds(a, q, alpha / 2), quantileBounds(b, q, alpha / 2)];
  if (boundsA === undefined || boundsB === undefined) return { difference, interval: null, callsNeeded: null };
  const half = (boundsA[1] - boundsA[0] + boundsB[1] - boundsB[0]) / 2;
  const n = a.count + b.count;
  return {
    difference,
    interval: [boundsB[0] - boundsA[1], boundsB[1] - boundsA[0]],
    callsNeeded: callsNeeded(n, Math.abs(difference), (total) => half * Math.sqrt(n / total)),
  };
}

function quantileBounds(counts: LatencyCounts, q: number, alpha: number): Interval | undefined {
  if (counts.filledBuckets < LEAST_BUCKETS) return undefined;
  const [from, to] = quantileRanks(q, counts.count / counts.designEffect(q), alpha);
  const low = from <= 0 ? 0 : counts.quantile(from);
  const high = to >= 1 ? undefined : counts.quantile(to);
  return low === undefined || high === undefined ? undefined : [low, high];
}

/** 0 if the interval already excludes 0. */
function callsNeeded(n: number, difference: number, halfAt: (total: number) => number): number | null {
  if (halfAt(n) < difference) return 0;
  for (let total = n; total < 1e7; total *= 1.05) if (halfAt(total) < difference) return Math.ceil(total - n);
  return null;
}

function asText({ route, since, sampleRatioMismatch: mismatch, variants, comparisons }: AbReport): string {
  const number = (value: number | null, digits = 0) => (value === null ? '-' : value.toFixed(digits));
  const rows = Object.entries(variants).map(([id, each]) => [
    ...[id, `${each.weight}`, `${each.keys}`, `${each.calls}`, `${each.crossed}`, `${each.errors}`],
    ...[number(each.p50), number(each.p95), number(each.p99), number(each.costUsd, 6), number(each.tokens)],
    `${each.escalations}`,
  ]);
  const head = [
    'variant',
    'weight',
    'keys',
    'calls',
    'crossed',
    'errors',
    'p50',
    'p95',
    'p99',
    'USD/call',
    'tokens',
    'escalated',
  ];
  const compared = comparisons.map((each) => [
    `${each.metric} (${each.unit})`,
    `${each.variants[1]} - ${each.variants[0]}`,
    each.difference === null ? '-' : each.difference.toPrecision(3),
    each.interval === null
      ? 'too little is known'
      : `${each.interval[0].toPrecision(3)} to ${each.interval[1].toPrecision(3)}`,
    conclusion(each),
  ]);
  return [
    ...(mismatch ? ['SAMPLE RATIO MISMATCH: keys do not split as the weights say; do not trust what follows.'] : []),
    `${route}, since ${since}`,
    textTable([head, ...rows]),
    '',
    textTable([['metric', 'difference of', 'seen', '95 % interval', ''], ...compared]),
  ].join('\n');
}

function conclusion({ interval, callsNeeded: needed }: AbComparison): string {
  if (interval === null) return '';
  if (interval[0] > 0 || interval[1] < 0) return 'differs';
  return needed === null ? 'no difference seen' : `no difference seen yet; about ${needed} more calls would show it`;
}
