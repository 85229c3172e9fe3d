import type { Attributes, BatchObservableCallback, Counter, Histogram, Meter } from '@opentelemetry/api';
import type { Snapshot } from '../inspect/snapshot.js';
import { callOutcomeOf, failoversOf } from '../telemetry/call-outcome.js';
import {
  ATTEMPT_OUTCOMES,
  BREAKER_STATES,
  CALL_OUTCOMES,
  DURATION_BUCKETS,
  FAILOVER_REASONS,
  METRICS,
} from '../telemetry/metric-names.js';
import type { AttemptRecord, CacheUse, CallRecord, Usage } from '../telemetry/record-types.js';
import type { EndedError } from '../telemetry/tracing.js';
import { ATTRIBUTES, NAMES, type NameSet, operationOf, type Server, TOKEN_BUCKETS } from './names.js';

/** The label value for names that are neither configured nor the router's own. */
const OTHER = 'other';
const CACHE_RESULTS = {
  hit: 'hit',
  miss: 'miss',
  joined: 'joined',
  stale: 'stale',
  'stale-if-error': 'stale',
} as const satisfies Partial<Record<CacheUse, string>>;
/** Codes of the router's own errors. */
const OWN_CODES = new Set([
  'deadline_exceeded',
  'no_deployment_available',
  'stream_interrupted',
  'invalid_answer',
  'invalid_option',
  'token_budget_exceeded',
  'spend_budget_exceeded',
  'capacity_exceeded',
]);
/** With more pairs of deployments than this, only neighbours have a series from the start. */
const MOST_PAIRS = 200;

export interface MetricSettings {
  readonly names: NameSet;
  readonly tenantLabel: boolean;
}

/** The part of a router that metrics read. */
export interface Observed {
  snapshot(): Snapshot;
}

/** Records the GenAI metrics and the router's own. Labels come from the configuration and from fixed sets only. */
export class CallMetrics {
  readonly #settings: MetricSettings;
  readonly #router: Observed;
  readonly #duration: Histogram;
  readonly #embeddingsDuration: Histogram;
  readonly #firstChunk: Histogram;
  readonly #tokens: (usage: Usage, labels: TokenLabels) => void;
  readonly #callDuration: Histogram;
  readonly #attemptDuration: Histogram;
  readonly #calls: Counter;
  readonly #attempts: Counter;
  readonly #failovers: Counter;
  readonly #cacheCalls: Counter;
  readonly #cost: Counter;
  readonly #unpriced: Counter;
  #known: Known;
  /** The labels of each model's last call, because the next call's are mostly the same. */
  readonly #labels = new Map<string, CallLabels>();
  readonly #stop: () => void;

  constructor(meter: Meter, router: Observed, settings: MetricSettings) {
    this.#settings = settings;
    this.#router = router;
    const names = NAMES[settings.names];
    const seconds = (name: string, description: string) =>
      meter.createHistogram(name, {
        description,
        unit: 's',
        advice: { explicitBucketBoundaries: [...DURATION_BUCKETS] },
      });
    this.#duration = seconds(names.duration, 'Duration of a call, over all its attempts.');
    this.#embeddingsDuration =
      names.embeddingsDuration === names.duration
        ? this.#duration
        : seconds(names.embeddingsDuration, 'Duration of a call for embeddings, over all its attempts.');
    this.#firstChunk = seconds(names.firstChunk, 'Time until the first content of a stream.');
    this.#tokens = tokenRecorder(meter, settings.names);
    const counter = ({ name, help }: (typeof METRICS)[keyof typeof METRICS], unit?: string) =>
      meter.createCounter(name, { description: help, ...(unit !== undefined && { unit }) });
    this.#callDuration = seconds(METRICS.callDuration.name, METRICS.callDuration.help);
    this.#attemptDuration = seconds(METRICS.attemptDuration.name, METRICS.attemptDuration.help);
    this.#calls = counter(METRICS.calls);
    this.#attempts = counter(METRICS.attempts);
    this.#failovers = counter(METRICS.failovers);
    this.#cacheCalls = counter(METRICS.cacheCalls);
    this.#cost = counter(METRICS.cost, 'USD');
    this.#unpriced = counter(METRICS.costUnpriced);
    const snapshot = router.snapshot();
    this.#known = knownOf(snapshot);
    this.#addZeros(snapshot);
    this.#stop = this.#observe(meter);
  }

  callEnded(
    record: CallRecord,
    error: EndedError | null,
    { server, isForeign }: { server: Server; isForeign: boolean },
  ): void {
    const route = record.route ?? OTHER;
    this.#callDuration.record(record.durationMs / 1000, { route });
    this.#calls.add(1, { route, outcome: callOutcomeOf(record.attempts, error) });
    const cache: string | undefined = Reflect.get(CACHE_RESULTS, record.cache);
    if (cache !== undefined) this.#cacheCalls.add(1, { cache });
    if (record.attempts.length > 1)
      for (const { from, to, reason } of failoversOf(record.attempts)) this.#failovers.add(1, { from, to, reason });
    // A cached answer, or another call's answer, has no operation of its own.
    if (isForeign || (record.attempts.length === 0 && error === null)) return;
    const { operation, all, input, output } = this.#labelsOf(record, server);
    const duration = operation === 'embeddings' ? this.#embeddingsDuration : this.#duration;
    const failure = error === null ? all : { ...all, [ATTRIBUTES.errorType]: errorLabel(error) };
    duration.record(record.durationMs / 1000, failure);
    if (record.stream && record.timeToFirstChunkMs !== null)
      this.#firstChunk.record(record.timeToFirstChunkMs / 1000, all);
    const { usage } = record;
    if (usage !== null) this.#tokens(usage, { all, input, output });
  }

  attemptEnded({ deployment, outcome, durationMs, costUsd }: AttemptRecord): void {
    this.#attemptDuration.record(durationMs / 1000, { deployment });
    this.#attempts.add(1, { deployment, outcome });
    if (costUsd === null) this.#unpriced.add(1, { deployment });
    else if (costUsd > 0) this.#cost.add(costUsd, { deployment });
  }

  end(): void {
    this.#stop();
  }

  /** An unlisted model's name comes from the caller. */
  #modelLabel(deployment: string | null): string {
    return (deployment === null ? undefined : this.#lookUp(deployment)?.model) ?? OTHER;
  }

  /** The labels of a call's operation. */
  #labelsOf({ endpoint, deployment }: CallRecord, server: Server): CallLabels {
    const operation = operationOf(endpoint);
    const model = this.#modelLabel(deployment);
    const known = this.#labels.get(model);
    if (known !== undefined && known.operation === operation && known.server === server) return known;
    const { provider, address, port } = server;
    const all: Attributes = {
      [ATTRIBUTES.operation]: operation,
      [ATTRIBUTES.provider]: provider,
      [ATTRIBUTES.requestModel]: model,
      ...(address !== undefined && { [ATTRIBUTES.address]: address }),
      ...(port !== undefined && { [ATTRIBUTES.port]: port }),
    };
    const ofTokens = (type: string) => ({ ...all, [ATTRIBUTES.tokenType]: type });
    const labels = { operation, server, all, input: ofTokens('input'), output: ofTokens('output') };
    this.#labels.set(model, labels);
    return labels;
  }

  #lookUp(deployment: string): { model: string | null } | undefined {
    const found = this.#known.get(deployment);
    if (found !== undefined) return found;
    this.#known = knownOf(this.#router.snapshot());
    return this.#known.get(deployment);
  }

  /** Adds series at 0: a series that is missing until its first failure silences alerts on it. */
  #addZeros({ deployments, routes }: Snapshot): void {
    for (const deployment of Object.keys(deployments)) {
      this.#cost.add(0, { deployment });
      this.#unpriced.add(0, { deployment });
      for (const outcome of ATTEMPT_OUTCOMES) this.#attempts.add(0, { deployment, outcome });
    }
    for (const route of [...Object.keys(routes), OTHER])
      for (const outcome of CALL_OUTCOMES) this.#calls.add(0, { route, outcome });
    for (const cache of new Set(Object.values(CACHE_RESULTS))) this.#cacheCalls.add(0, { cache });
    for (const { deployments: names } of Object.values(routes)) {
      const isLarge = names.length * (names.length - 1) > MOST_PAIRS;
      for (const [i, from] of names.entries())
        for (const to of isLarge ? names.slice(i + 1, i + 2) : names)
          if (from !== to) for (const reason of FAILOVER_REASONS) this.#failovers.add(0, { from, to, reason });
    }
  }

  #observe(meter: Meter): () => void {
    const gauge = ({ name, help }: (typeof METRICS)[keyof typeof METRICS], unit?: string) =>
      meter.createObservableGauge(name, { description: help, ...(unit !== undefined && { unit }) });
    const breaker = gauge(METRICS.breakerState);
    const paused = gauge(METRICS.paused);
    const limit = gauge(METRICS.budgetLimit, 'USD');
    const spent = gauge(METRICS.budgetSpent, 'USD');
    const reserved = gauge(METRICS.budgetReserved, 'USD');
    const left = gauge(METRICS.slaErrorBudgetLeft);
    const all = [breaker, paused, limit, spent, reserved, left];
    const callback: BatchObservableCallback = (result) => {
      const { deployments, routes, spend } = this.#router.snapshot();
      for (const [deployment, each] of Object.entries(deployments)) {
        result.observe(breaker, BREAKER_STATES[each.state], { deployment });
        const isOut = each.pausedUntil !== null || each.suspendedUntil !== null;
        result.observe(paused, isOut ? 1 : 0, { deployment });
        if (each.sla !== undefined) result.observe(left, each.sla.errorBudgetLeft ?? 1, { deployment });
      }
      for (const [route, each] of Object.entries(routes))
        if (each.sla !== undefined) result.observe(left, each.sla.errorBudgetLeft ?? 1, { route });
      for (const { budget, per, route, tenant, limitUsd, spentUsd, reservedUsd } of spend.budgets) {
        // Tenant names come from outside.
        if (per === 'tenant' && !this.#settings.tenantLabel) continue;
        const labels = { budget, route: route ?? '', ...(tenant !== null && { tenant }) };
        result.observe(limit, limitUsd, labels);
        result.observe(spent, spentUsd, labels);
        result.observe(reserved, reservedUsd, labels);
      }
    };
    meter.addBatchObservableCallback(callback, all);
    return () => meter.removeBatchObservableCallback(callback, all);
  }
}

type Known = ReadonlyMap<string, { model: string | null }>;

function knownOf({ deployments }: Snapshot): Known {
  return new Map(Object.entries(deployments));
}

function errorLabel({ code, status }: EndedError): string {
  if (code !== null && OWN_CODES.has(code)) return code;
  return status === null || status < 400 || status > 599 ? OTHER : String(status);
}

/** With `gen_ai.token.type`, or without. */
interface TokenLabels {
  readonly all: Attributes;
  readonly input: Attributes;
  readonly output: Attributes;
}

interface CallLabels extends TokenLabels {
  readonly operation: string;
  readonly server: Server;
}

function tokenRecorder(meter: Meter, names: NameSet): (usage: Usage, labels: TokenLabels) => void {
  const { tokens } = NAMES[names];
  if ('histogram' in tokens) {
    const histogram = meter.createHistogram(tokens.histogram, {
      description: 'Tokens of a call.',
      unit: '{token}',
      advice: { explicitBucketBoundaries: TOKEN_BUCKETS },
    });
    // All other kinds are parts of these two.
    return ({ inputTokens, outputTokens }, { input, output }) => {
      histogram.record(inputTokens, input);
      histogram.record(outputTokens, output);
    };
  }
  const counter = (name: string) => meter.createCounter(name, { unit: '{token}' });
  const input = counter(tokens.input);
  const output = counter(tokens.output);
  const cacheRead = counter(tokens.cacheRead);
  const cacheWrite = counter(tokens.cacheWrite);
  const reasoning = counter(tokens.reasoning);
  return (usage, { all }) => {
    input.add(usage.inputTokens, all);
    output.add(usage.outputTokens, all);
    cacheRead.add(usage.cachedInputTokens, all);
    cacheWrite.add(usage.cacheWriteTokens ?? 0, all);
    reasoning.add(usage.reasoningTokens, all);
  };
}
