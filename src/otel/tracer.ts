import {
  type Attributes,
  type Context,
  context,
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

/** A call that is under way. */
interface OpenCall {
  readonly record: CallRecord;
  readonly span: Span;
  /** Made by another instrumentation, which ends it and says what is to say of GenAI. */
  readonly isForeign: boolean;
  readonly context: Context;
  /** What was sent to each deployment. */
  readonly sent: Map<string, AttemptStart>;
}

interface OpenAttempt {
  readonly start: AttemptStart;
  readonly span: Span | undefined;
  readonly context: Context;
}

/** Makes a span of each call, and one below it of each attempt. Each ends exactly once, at the latest with `end()`. */
export class SpanTracer implements Tracer {
  /** By id: a shared call's attempts carry the id of the call that it was begun for. */
  readonly #calls = new Map<string, OpenCall>();
  readonly #attempts = new Map<AttemptRecord, OpenAttempt>();
  /** By base URL: as many as there are clients. */
  readonly #servers = new Map<string | undefined, Server>();

  constructor(
    private readonly tracer: OtelTracer,
    private readonly settings: SpanSettings,
    private readonly metrics: CallMetrics,
  ) {}

  aroundCall<T>({ record }: CallStart, run: () => T): T {
    const foreign = foreignSpan();
    const operation = operationOf(record.endpoint);
    const parent = context.active();
    const span =
      foreign ??
      this.tracer.startSpan(
        nameOf(operation, record.requestedModel),
        {
          kind: SpanKind.CLIENT,
          attributes: {
            [ATTRIBUTES.operation]: operation,
            ...textOf(ATTRIBUTES.requestModel, record.requestedModel),
            ...textOf('model_router.requested_model', record.requestedModel),
            ...textOf('model_router.route', record.route),
          },
        },
        parent,
      );
    const active = foreign === undefined ? trace.setSpan(parent, span) : parent;
    this.#calls.set(record.id, { record, span, isForeign: foreign !== undefined, context: active, sent: new Map() });
    return context.with(active, run);
  }

  callEnded(record: CallRecord, error: EndedError | null): void {
    const call = this.#calls.get(record.id);
    if (call === undefined || call.record !== record) return;
    this.#calls.delete(record.id);
    const { span, isForeign, sent } = call;
    const last = record.deployment === null ? undefined : sent.get(record.deployment);
    const server = this.#serverOf(last?.baseURL);
    this.metrics.callEnded(record, error, { server, isForeign });
    // Not sampled, or no SDK at all: nothing is made for it.
    const isRecording = span.isRecording();
    if (isRecording) span.setAttributes(this.#routerAttributes(record));
    if (isForeign) return;
    if (!isRecording) return span.end();
    const operation = operationOf(record.endpoint);
    const model = last?.model ?? record.requestedModel;
    span.updateName(nameOf(operation, model));
    span.setAttributes(this.#genAiAttributes(record, last, server));
    if (error !== null) {
      span.setAttribute(ATTRIBUTES.errorType, errorTypeOf(error));
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }

  joined(callId: string, runId: string): void {
    const run = this.#calls.get(runId)?.span.spanContext();
    if (run !== undefined) this.#calls.get(callId)?.span.addLink({ context: run } satisfies Link);
  }

  aroundAttempt<T>(start: AttemptStart, run: () => T): T {
    const { record } = start;
    const call = this.#calls.get(start.callId);
    call?.sent.set(record.deployment, start);
    const parent = call === undefined ? context.active() : trace.setSpan(context.active(), call.span);
    const span = this.settings.attempts
      ? this.tracer.startSpan(`attempt ${record.deployment}`, { kind: SpanKind.INTERNAL }, parent)
      : undefined;
    if (span?.isRecording() === true) span.setAttributes(attemptAttributes(start, this.#serverOf(start.baseURL)));
    const active = span === undefined ? parent : trace.setSpan(parent, span);
    this.#attempts.set(record, { start, span, context: active });
    return context.with(active, run);
  }

  attemptEnded(record: AttemptRecord): void {
    const attempt = this.#attempts.get(record);
    if (attempt === undefined) return;
    this.#attempts.delete(record);
    this.metrics.attemptEnded(record);
    const { span } = attempt;
    if (span === undefined) return;
    if (!span.isRecording()) return span.end();
    span.setAttributes({
      'model_router.outcome': record.outcome,
      ...(record.status !== null && { 'http.response.status_code': record.status }),
      ...textOf('model_router.request_id', record.requestId),
      ...(record.resends > 0 && { 'model_router.resends': record.resends }),
      ...(record.costUsd !== null && { 'model_router.cost_usd': record.costUsd }),
    });
    // One that lost a hedge, or whose caller has gone away, has not failed.
    if (record.outcome !== 'success' && record.outcome !== 'lost' && record.outcome !== 'aborted') {
      span.setAttribute(ATTRIBUTES.errorType, record.outcome);
      span.setStatus({ code: SpanStatusCode.ERROR });
    }
    span.end();
  }

  headersFor(record: AttemptRecord): Record<string, string> | undefined {
    const attempt = this.#attempts.get(record);
    if (!this.settings.propagate || attempt === undefined || isPropagatedByUndici()) return undefined;
    const headers: Record<string, string> = {};
    propagation.inject(attempt.context, headers);
    return headers;
  }

  /** Ends what is still open. */
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
    return {
      'model_router.call_id': record.id,
      ...textOf('model_router.route', record.route),
      ...textOf('model_router.requested_model', record.requestedModel),
      ...textOf('model_router.deployment', record.deployment),
      ...textOf('model_router.region', record.region),
      ...textOf('model_router.variant', record.variant),
      'model_router.priority': record.priority,
      'model_router.attempts': record.attempts.length,
      'model_router.cache': record.cache,
      'model_router.stream': record.stream,
      ...(record.queuedMs > 0 && { 'model_router.queued_ms': record.queuedMs }),
      ...(record.costUsd !== null && { 'model_router.cost_usd': record.costUsd }),
      ...(this.settings.tenantLabel && textOf('model_router.tenant', record.tenant)),
    };
  }

  #genAiAttributes(record: CallRecord, last: AttemptStart | undefined, server: Server): Attributes {
    const { usage } = record;
    const { provider, address, port } = server;
    const names = NAMES[this.settings.names];
    return {
      [ATTRIBUTES.operation]: operationOf(record.endpoint),
      [ATTRIBUTES.provider]: provider,
      ...textOf(ATTRIBUTES.requestModel, last?.model ?? record.requestedModel),
      ...textOf(ATTRIBUTES.responseModel, record.servedModel),
      ...(address !== undefined && { [ATTRIBUTES.address]: address }),
      ...(port !== undefined && { [ATTRIBUTES.port]: port }),
      ...(usage !== null && {
        [ATTRIBUTES.inputTokens]: usage.inputTokens,
        [ATTRIBUTES.outputTokens]: usage.outputTokens,
        ...(usage.cachedInputTokens > 0 && { [ATTRIBUTES.cacheReadTokens]: usage.cachedInputTokens }),
        ...((usage.cacheWriteTokens ?? 0) > 0 && { [names.cacheWriteTokens]: usage.cacheWriteTokens ?? 0 }),
        ...(usage.reasoningTokens > 0 && { [names.reasoningTokens]: usage.reasoningTokens }),
      }),
    };
  }
}

function attemptAttributes({ callId, record, client, region }: AttemptStart, { address, port }: Server): Attributes {
  return {
    'model_router.call_id': callId,
    'model_router.attempt': record.number,
    'model_router.deployment': record.deployment,
    'model_router.client': client,
    ...textOf('model_router.region', region),
    ...(record.hedge && { 'model_router.hedge': true }),
    ...(address !== undefined && { [ATTRIBUTES.address]: address }),
    ...(port !== undefined && { [ATTRIBUTES.port]: port }),
  };
}

function errorTypeOf({ code, status, name }: EndedError): string {
  return cut(code ?? (status === null ? name : String(status)));
}

function nameOf(operation: string, model: string | null): string {
  return model === null ? operation : `${operation} ${cut(model)}`;
}

function textOf(name: string, value: string | null): Attributes {
  return value === null ? {} : { [name]: cut(value) };
}
