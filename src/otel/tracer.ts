import {
  type Attributes,
  type Context,
  context,
  type Link,
  type Tracer as OtelTracer,
  ProxyTracer,
  ProxyTracerProvider,
  propagation,
  type Span,
  SpanKind,
  SpanStatusCode,
  trace,
} from '@opentelemetry/api';
import type { AttemptRecord, CallRecord } from '../telemetry/record-types.js';
import type { AttemptStart, CallStart, EndedError, Tracer } from '../telemetry/tracing.js';
import { cut } from '../util/shown.js';
import { foreignSpan, isPropagatedByUndici } from './foreign.js';
import type { CallMetrics } from './metrics.js';
import { ATTRIBUTES, NAMES, type NameSet, operationOf, type Server, serverOf } from './names.js';

const MAX_SERVERS = 1000;

/** What the API returns while no SDK is registered. */
const NO_PROVIDER = new ProxyTracerProvider().getDelegate();

export interface SpanSettings {
  readonly names: NameSet;
  readonly attempts: boolean;
  readonly propagate: boolean;
  readonly tenantLabel: boolean;
}

/** A running call. */
interface OpenCall {
  readonly record: CallRecord;
  readonly span: Span;
  /** Created by another instrumentation, which ends it and sets its GenAI attributes. */
  readonly isForeign: boolean;
  /** The attempts that were sent, in order. */
  readonly sent: AttemptStart[];
}

interface OpenAttempt {
  readonly span: Span | undefined;
  readonly context: Context;
}

/**
 * Creates a span for each call, and one below it for each attempt. Each span ends exactly once, at the latest with
 * `end()`.
 */
export class SpanTracer implements Tracer {
  /** By id: a shared call's attempts have the id of the call that started it. */
  readonly #calls = new Map<string, OpenCall>();
  readonly #attempts = new Map<AttemptRecord, OpenAttempt>();
  /** By base URL: one for each client. */
  readonly #servers = new Map<string | undefined, Server>();

  constructor(
    private readonly tracer: OtelTracer,
    private readonly settings: SpanSettings,
    /** `undefined` without metrics. */
    private readonly metrics: CallMetrics | undefined,
  ) {}

  /** False without an SDK, unless a span is active: it may be annotated, or sent on as `traceparent`. */
  get isOn(): boolean {
    return this.metrics !== undefined || isRecorded(this.tracer) || trace.getSpan(context.active()) !== undefined;
  }

  aroundCall<T>({ record }: CallStart, run: () => T): T {
    const parent = context.active();
    const foreign = foreignSpan(parent);
    const span = foreign ?? this.#startCall(record, parent);
    this.#calls.set(record.id, { record, span, isForeign: foreign !== undefined, sent: [] });
    return foreign === undefined ? context.with(trace.setSpan(parent, span), run) : run();
  }

  /** Starts a span with the attributes that a sampler may use. */
  #startCall({ endpoint, requestedModel }: CallRecord, parent: Context): Span {
    const operation = operationOf(endpoint);
    const attributes: Attributes = { [ATTRIBUTES.operation]: operation };
    if (requestedModel !== null) attributes[ATTRIBUTES.requestModel] = cut(requestedModel);
    return this.tracer.startSpan(nameOf(operation, requestedModel), { kind: SpanKind.CLIENT, attributes }, parent);
  }

  callEnded(record: CallRecord, error: EndedError | null): void {
    const call = this.#calls.get(record.id);
    if (call === undefined || call.record !== record) return;
    this.#calls.delete(record.id);
    const { span, isForeign, sent } = call;
    const last = sent.findLast((each) => each.record.deployment === record.deployment);
    const server = this.#serverOf(last?.baseURL);
    // Not sampled, so no attributes are set.
    if (span.isRecording()) {
      this.#describe(span, record);
      if (!isForeign) {
        const model = last?.model ?? record.requestedModel;
        if (model !== record.requestedModel) {
          span.updateName(nameOf(operationOf(record.endpoint), model));
          setText(span, ATTRIBUTES.requestModel, model);
        }
        this.#addGenAi(span, record, server);
        if (error !== null) {
          span.setAttribute(ATTRIBUTES.errorType, errorTypeOf(error));
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
      }
    }
    if (!isForeign) span.end();
    // After the span: a meter that throws must not leave it open.
    this.metrics?.callEnded(record, error, { server, isForeign });
  }

  joined(callId: string, runId: string): void {
    const run = this.#calls.get(runId)?.span.spanContext();
    if (run !== undefined) this.#calls.get(callId)?.span.addLink({ context: run } satisfies Link);
  }

  aroundAttempt<T>(start: AttemptStart, run: () => T): T {
    const { record } = start;
    const call = this.#calls.get(start.callId);
    call?.sent.push(start);
    const active = context.active();
    const parent =
      call === undefined || trace.getSpan(active) === call.span ? active : trace.setSpan(active, call.span);
    const span = this.settings.attempts
      ? this.tracer.startSpan(`attempt ${record.deployment}`, { kind: SpanKind.INTERNAL }, parent)
      : undefined;
    if (span?.isRecording() === true) describeAttempt(span, start, this.#serverOf(start.baseURL));
    const own = span === undefined ? parent : trace.setSpan(parent, span);
    this.#attempts.set(record, { span, context: own });
    return context.with(own, run);
  }

  attemptEnded(record: AttemptRecord): void {
    const attempt = this.#attempts.get(record);
    if (attempt === undefined) return;
    this.#attempts.delete(record);
    if (attempt.span !== undefined) endAttempt(attempt.span, record);
    this.metrics?.attemptEnded(record);
  }

  headersFor(record: AttemptRecord): Record<string, string> | undefined {
    if (!this.settings.propagate) return undefined;
    const attempt = this.#attempts.get(record);
    if (attempt === undefined || isPropagatedByUndici()) return undefined;
    const headers: Record<string, string> = {};
    propagation.inject(attempt.context, headers);
    return headers;
  }

  /** Ends all open spans. */
  end(): void {
    for (const { span } of this.#attempts.values()) span?.end();
    for (const { span, isForeign } of this.#calls.values()) if (!isForeign) span.end();
    this.#attempts.clear();
    this.#calls.clear();
  }

  #serverOf(baseURL: string | undefined): Server {
    const known = this.#servers.get(baseURL);
    if (known !== undefined) return known;
    const server = serverOf(baseURL);
    if (this.#servers.size < MAX_SERVERS) this.#servers.set(baseURL, server);
    return server;
  }

  #describe(span: Span, record: CallRecord): void {
    const { queuedMs, costUsd } = record;
    span.setAttribute('model_router.call_id', record.id);
    span.setAttribute('model_router.priority', record.priority);
    span.setAttribute('model_router.attempts', record.attempts.length);
    span.setAttribute('model_router.cache', record.cache);
    span.setAttribute('model_router.stream', record.stream);
    setText(span, 'model_router.route', record.route);
    setText(span, 'model_router.requested_model', record.requestedModel);
    setText(span, 'model_router.deployment', record.deployment);
    setText(span, 'model_router.region', record.region);
    setText(span, 'model_router.variant', record.variant);
    if (queuedMs > 0) span.setAttribute('model_router.queued_ms', queuedMs);
    if (costUsd !== null) span.setAttribute('model_router.cost_usd', costUsd);
    if (this.settings.tenantLabel) setText(span, 'model_router.tenant', record.tenant);
  }

  /** All GenAI attributes except the operation and the model, which the span has had since its start. */
  #addGenAi(span: Span, { servedModel, usage }: CallRecord, server: Server): void {
    span.setAttribute(ATTRIBUTES.provider, server.provider);
    setText(span, ATTRIBUTES.responseModel, servedModel);
    setServer(span, server);
    if (usage === null) return;
    const { cacheWriteTokens = 0 } = usage;
    const names = NAMES[this.settings.names];
    span.setAttribute(ATTRIBUTES.inputTokens, usage.inputTokens);
    span.setAttribute(ATTRIBUTES.outputTokens, usage.outputTokens);
    if (usage.cachedInputTokens > 0) span.setAttribute(ATTRIBUTES.cacheReadTokens, usage.cachedInputTokens);
    if (cacheWriteTokens > 0) span.setAttribute(names.cacheWriteTokens, cacheWriteTokens);
    if (usage.reasoningTokens > 0) span.setAttribute(names.reasoningTokens, usage.reasoningTokens);
  }
}

/** Whether a tracer has an SDK behind it. That of the API gets one when an SDK is registered. */
function isRecorded(tracer: OtelTracer): boolean {
  if (!(tracer instanceof ProxyTracer)) return true;
  const provider = trace.getTracerProvider();
  return !(provider instanceof ProxyTracerProvider) || provider.getDelegate() !== NO_PROVIDER;
}

function describeAttempt(span: Span, { callId, record, client, region }: AttemptStart, server: Server): void {
  span.setAttribute('model_router.call_id', callId);
  span.setAttribute('model_router.attempt', record.number);
  span.setAttribute('model_router.deployment', record.deployment);
  span.setAttribute('model_router.client', client);
  setText(span, 'model_router.region', region);
  if (record.hedge) span.setAttribute('model_router.hedge', true);
  setServer(span, server);
}

function endAttempt(span: Span, record: AttemptRecord): void {
  if (!span.isRecording()) return span.end();
  const { outcome, status, resends, costUsd } = record;
  span.setAttribute('model_router.outcome', outcome);
  if (status !== null) span.setAttribute('http.response.status_code', status);
  setText(span, 'model_router.request_id', record.requestId);
  if (resends > 0) span.setAttribute('model_router.resends', resends);
  // Under a separate name: the call has the sum, and nothing may be counted twice.
  if (costUsd !== null) span.setAttribute('model_router.attempt_cost_usd', costUsd);
  // An attempt that lost to a hedge, or whose caller aborted, has not failed.
  if (outcome !== 'success' && outcome !== 'lost' && outcome !== 'aborted') {
    span.setAttribute(ATTRIBUTES.errorType, outcome);
    span.setStatus({ code: SpanStatusCode.ERROR });
  }
  span.end();
}

function setServer(span: Span, { address, port }: Server): void {
  if (address !== undefined) span.setAttribute(ATTRIBUTES.address, address);
  if (port !== undefined) span.setAttribute(ATTRIBUTES.port, port);
}

function errorTypeOf({ code, status, name }: EndedError): string {
  return cut(code ?? (status === null ? name : String(status)));
}

function nameOf(operation: string, model: string | null): string {
  return model === null ? operation : `${operation} ${cut(model)}`;
}

function setText(span: Span, name: string, value: string | null): void {
  if (value !== null) span.setAttribute(name, cut(value));
}
