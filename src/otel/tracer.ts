import {
  type Attributes,
  type Context,
  context,
  INVALID_TRACEID,
  type Link,
  type Tracer as OtelTracer,
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
  /** The last call's span was dropped: there is no SDK, and nothing has to be remembered. */
  #isIdle = false;

  constructor(
    private readonly tracer: OtelTracer,
    private readonly settings: SpanSettings,
    /** `undefined` without metrics. */
    private readonly metrics: CallMetrics | undefined,
  ) {}

  aroundCall<T>({ record }: CallStart, run: () => T): T {
    const parent = context.active();
    const foreign = foreignSpan(parent);
    const span = foreign ?? this.#startCall(record, parent);
    this.#isIdle = this.metrics === undefined && isDead(span);
    if (this.#isIdle) return run();
    this.#calls.set(record.id, { record, span, isForeign: foreign !== undefined, sent: [] });
    return foreign === undefined ? context.with(trace.setSpan(parent, span), run) : run();
  }

  /** Starts a span with the attributes that a sampler may use. */
  #startCall({ endpoint, requestedModel }: CallRecord, parent: Context): Span {
    const operation = operationOf(endpoint);
    const attributes: Attributes = { [ATTRIBUTES.operation]: operation };
    setText(attributes, ATTRIBUTES.requestModel, requestedModel);
    return this.tracer.startSpan(nameOf(operation, requestedModel), { kind: SpanKind.CLIENT, attributes }, parent);
  }

  callEnded(record: CallRecord, error: EndedError | null): void {
    const call = this.#calls.get(record.id);
    if (call === undefined || call.record !== record) return;
    this.#calls.delete(record.id);
    const { span, isForeign, sent } = call;
    const last = sent.findLast((each) => each.record.deployment === record.deployment);
    const server = this.#serverOf(last?.baseURL);
    this.metrics?.callEnded(record, error, { server, isForeign });
    // Not sampled, so no attributes are built.
    if (span.isRecording()) {
      const attributes = this.#routerAttributes(record);
      if (!isForeign) {
        const model = last?.model ?? record.requestedModel;
        if (model !== record.requestedModel) {
          span.updateName(nameOf(operationOf(record.endpoint), model));
          setText(attributes, ATTRIBUTES.requestModel, model);
        }
        this.#addGenAi(attributes, record, server);
        if (error !== null) {
          attributes[ATTRIBUTES.errorType] = errorTypeOf(error);
          span.setStatus({ code: SpanStatusCode.ERROR });
        }
      }
      span.setAttributes(attributes);
    }
    if (!isForeign) span.end();
  }

  joined(callId: string, runId: string): void {
    const run = this.#calls.get(runId)?.span.spanContext();
    if (run !== undefined) this.#calls.get(callId)?.span.addLink({ context: run } satisfies Link);
  }

  aroundAttempt<T>(start: AttemptStart, run: () => T): T {
    const { record } = start;
    const call = this.#calls.get(start.callId);
    if (call === undefined && this.#isIdle) return run();
    call?.sent.push(start);
    const active = context.active();
    const parent = call === undefined ? active : trace.setSpan(active, call.span);
    const span = this.settings.attempts
      ? this.tracer.startSpan(`attempt ${record.deployment}`, { kind: SpanKind.INTERNAL }, parent)
      : undefined;
    if (span?.isRecording() === true) span.setAttributes(attemptAttributes(start, this.#serverOf(start.baseURL)));
    const own = span === undefined ? parent : trace.setSpan(parent, span);
    this.#attempts.set(record, { span, context: own });
    return context.with(own, run);
  }

  attemptEnded(record: AttemptRecord): void {
    const attempt = this.#attempts.get(record);
    if (attempt === undefined) return;
    this.#attempts.delete(record);
    this.metrics?.attemptEnded(record);
    const { span } = attempt;
    if (span === undefined) return;
    if (!span.isRecording()) return span.end();
    const { outcome, status, resends, costUsd } = record;
    const attributes: Attributes = { 'model_router.outcome': outcome };
    if (status !== null) attributes['http.response.status_code'] = status;
    setText(attributes, 'model_router.request_id', record.requestId);
    if (resends > 0) attributes['model_router.resends'] = resends;
    // Under a separate name: the call has the sum, and nothing may be counted twice.
    if (costUsd !== null) attributes['model_router.attempt_cost_usd'] = costUsd;
    // An attempt that lost to a hedge, or whose caller aborted, has not failed.
    if (outcome !== 'success' && outcome !== 'lost' && outcome !== 'aborted') {
      attributes[ATTRIBUTES.errorType] = outcome;
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.setAttributes(attributes);
    span.end();
  }

  headersFor(record: AttemptRecord): Record<string, string> | undefined {
    const attempt = this.#attempts.get(record);
    if (!this.settings.propagate || attempt === undefined || isPropagatedByUndici()) return undefined;
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

  #routerAttributes(record: CallRecord): Attributes {
    const { id, route, requestedModel, deployment, region, variant, tenant, queuedMs, costUsd } = record;
    const attributes: Attributes = {
      'model_router.call_id': id,
      'model_router.priority': record.priority,
      'model_router.attempts': record.attempts.length,
      'model_router.cache': record.cache,
      'model_router.stream': record.stream,
    };
    setText(attributes, 'model_router.route', route);
    setText(attributes, 'model_router.requested_model', requestedModel);
    setText(attributes, 'model_router.deployment', deployment);
    setText(attributes, 'model_router.region', region);
    setText(attributes, 'model_router.variant', variant);
    if (queuedMs > 0) attributes['model_router.queued_ms'] = queuedMs;
    if (costUsd !== null) attributes['model_router.cost_usd'] = costUsd;
    if (this.settings.tenantLabel) setText(attributes, 'model_router.tenant', tenant);
    return attributes;
  }

  /** All GenAI attributes except the operation and the model, which the span has had since its start. */
  #addGenAi(attributes: Attributes, { servedModel, usage }: CallRecord, server: Server): void {
    attributes[ATTRIBUTES.provider] = server.provider;
    setText(attributes, ATTRIBUTES.responseModel, servedModel);
    setServer(attributes, server);
    if (usage === null) return;
    const { cacheWriteTokens = 0 } = usage;
    const names = NAMES[this.settings.names];
    attributes[ATTRIBUTES.inputTokens] = usage.inputTokens;
    attributes[ATTRIBUTES.outputTokens] = usage.outputTokens;
    if (usage.cachedInputTokens > 0) attributes[ATTRIBUTES.cacheReadTokens] = usage.cachedInputTokens;
    if (cacheWriteTokens > 0) attributes[names.cacheWriteTokens] = cacheWriteTokens;
    if (usage.reasoningTokens > 0) attributes[names.reasoningTokens] = usage.reasoningTokens;
  }
}

/** Neither records nor passes on the context of a recording span: there is no SDK. */
function isDead(span: Span): boolean {
  return !span.isRecording() && span.spanContext().traceId === INVALID_TRACEID;
}

function attemptAttributes({ callId, record, client, region }: AttemptStart, server: Server): Attributes {
  const attributes: Attributes = {
    'model_router.call_id': callId,
    'model_router.attempt': record.number,
    'model_router.deployment': record.deployment,
    'model_router.client': client,
  };
  setText(attributes, 'model_router.region', region);
  if (record.hedge) attributes['model_router.hedge'] = true;
  setServer(attributes, server);
  return attributes;
}

function setServer(attributes: Attributes, { address, port }: Server): void {
  if (address !== undefined) attributes[ATTRIBUTES.address] = address;
  if (port !== undefined) attributes[ATTRIBUTES.port] = port;
}

function errorTypeOf({ code, status, name }: EndedError): string {
  return cut(code ?? (status === null ? name : String(status)));
}

function nameOf(operation: string, model: string | null): string {
  return model === null ? operation : `${operation} ${cut(model)}`;
}

function setText(attributes: Attributes, name: string, value: string | null): void {
  if (value !== null) attributes[name] = cut(value);
}
