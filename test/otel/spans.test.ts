import { context, ProxyTracer, propagation, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { W3CTraceContextPropagator } from '@opentelemetry/core';
import { callRecord } from 'model-router';
import { instrument } from 'model-router/otel';
import { answer, cut, fail, hang } from 'model-router/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, messages, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';
import { attribute, isCall, sumOf, telemetry } from '../helpers/telemetry.js';

useFakeTime();
const usage = { inputTokens: 1000, outputTokens: 100 };

describe('spans', () => {
  it('are one for the call, with all GenAI attributes, and one below it for each attempt, with none', async () => {
    const otel = telemetry();
    const { router } = build({ a: fail(503), b: answer({ usage, servedModel: 'b-2024' }) });
    otel.instrument(router);
    const record = callRecord(await sendChat(router));
    const [first, second, call] = otel.spans();
    expect(otel.spans().map(({ name }) => name)).toEqual(['attempt a', 'attempt b', 'chat b']);
    expect(call).toMatchObject({ kind: SpanKind.CLIENT, status: { code: SpanStatusCode.UNSET } });
    expect(call?.attributes).toMatchObject({
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'b',
      'gen_ai.response.model': 'b-2024',
      'gen_ai.usage.input_tokens': 1000,
      'gen_ai.usage.output_tokens': 100,
      'server.address': 'default.test',
      'server.port': 443,
      'model_router.call_id': record?.id,
      'model_router.requested_model': 'standard',
      'model_router.route': 'standard',
      'model_router.deployment': 'b',
      'model_router.attempts': 2,
    });
    expect(first).toMatchObject({
      kind: SpanKind.INTERNAL,
      status: { code: SpanStatusCode.ERROR },
      attributes: {
        'error.type': 'server-error',
        'http.response.status_code': 503,
        'model_router.outcome': 'server-error',
      },
    });
    expect(second).toMatchObject({
      attributes: { 'model_router.outcome': 'success', 'server.address': 'default.test' },
    });
    for (const each of [first, second]) {
      expect(each?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId);
      expect(Object.keys(each?.attributes ?? {}).filter((name) => name.startsWith('gen_ai.'))).toEqual([]);
    }
  });

  it('are children of the caller’s active span, and are active for the request', async () => {
    const otel = telemetry();
    const seen: (string | undefined)[] = [];
    const { router, fake } = build(
      { a: answer() },
      {
        clients: {
          default: {
            fetch: (input, init) => {
              seen.push(trace.getActiveSpan()?.spanContext().spanId);
              return fake(input, init);
            },
          },
        },
      },
    );
    otel.instrument(router);
    await otel.tracer.startActiveSpan('app', async (app) => {
      await sendChat(router);
      app.end();
    });
    const [attempt, call, app] = otel.spans();
    expect(seen).toEqual([attempt?.spanContext().spanId]);
    expect(call?.parentSpanContext?.spanId).toBe(app?.spanContext().spanId);
  });

  it('are active for what a call does before and after its attempts, such as reading a cache', async () => {
    const otel = telemetry();
    const seen: (string | undefined)[] = [];
    const look = () => {
      seen.push(trace.getActiveSpan()?.spanContext().spanId);
      return undefined;
    };
    const store = { get: look, set: look, delete: look, clear: look };
    const { router } = build({ a: answer() }, { cache: true, cacheStore: store });
    otel.instrument(router);
    await sendChat(router);
    const call = otel.spans().find(isCall)?.spanContext().spanId;
    expect(call).toBeDefined();
    expect(seen).toEqual([call, call]);
  });

  it('have the error of a failed call, by its type alone', async () => {
    const otel = telemetry();
    const { router } = build({ a: fail(400, { code: 'bad_thing', message: 'Secret text.' }) });
    otel.instrument(router);
    await errorOf(sendChat(router));
    const call = otel.spans().find(isCall);
    expect(call).toMatchObject({ status: { code: SpanStatusCode.ERROR }, attributes: { 'error.type': 'bad_thing' } });
    expect(
      JSON.stringify(otel.spans().map(({ attributes, events, status }) => [attributes, events, status])),
    ).not.toMatch(/Secret|Say hello|sk-key/);
  });

  it('of a stream end with it: read, interrupted, dropped by break, aborted', async () => {
    const otel = telemetry();
    const { router } = build({ a: [answer(), cut(), answer(), answer({ chunkMs: 1000 })] });
    otel.instrument(router);
    const stream = await streamChat(router);
    expect(otel.spans()).toEqual([]);
    await read(stream);
    expect(otel.spans()).toHaveLength(2);
    await read(await streamChat(router));
    for await (const _ of await streamChat(router)) break;
    const controller = new AbortController();
    const aborted = watch(streamChat(router, 'standard', { signal: controller.signal }).then(read));
    await pass(0);
    controller.abort();
    await pass(5000);
    expect(aborted.state).not.toBe('pending');
    expect(otel.spans().filter(isCall)).toHaveLength(4);
    expect(otel.spans().filter((span) => !isCall(span))).toHaveLength(4);
  });

  it('end when the caller aborts, at any moment', async () => {
    for (let afterMs = 0; afterMs < 8; afterMs++) {
      const otel = telemetry();
      const { router } = build({ a: fail(503, { latencyMs: 2 }), b: hang() }, { retry: { baseMs: 2 } });
      otel.instrument(router);
      const controller = new AbortController();
      const call = watch(sendChat(router, 'standard', { signal: controller.signal }));
      await pass(afterMs);
      controller.abort();
      await pass(100);
      expect(call.state).toBe('rejected');
      const spans = otel.spans();
      expect(spans.filter(isCall)).toHaveLength(1);
      expect(spans.filter((span) => !isCall(span))).toHaveLength(
        Number(attribute(spans.find(isCall), 'model_router.attempts')),
      );
    }
  });

  it('end after close(), and when instrumentation stops', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer({ latencyMs: 100 }) });
    const stop = otel.instrument(router);
    const answered = watch(sendChat(router));
    await pass(10);
    await router.close();
    await pass(100);
    expect(answered.state).toBe('fulfilled');
    expect(otel.spans()).toHaveLength(2);
    const other = build({ a: hang() });
    const stopOther = otel.instrument(other.router);
    const call = sendChat(other.router, 'standard', { timeout: 1000 });
    call.catch(() => undefined);
    await pass(10);
    stopOther();
    expect(otel.spans()).toHaveLength(4);
    await pass(5000);
    expect(otel.spans()).toHaveLength(4);
    stop();
  });

  it('of a hedged call are one for each attempt, and usage is reported once', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer({ usage, latencyMs: 500 }), b: answer({ usage, latencyMs: 10 }) });
    otel.instrument(router);
    await settled(sendChatWith(router, { hedgeAfterMs: 100 }));
    await pass(1000);
    const spans = otel.spans();
    expect(spans.map(({ name }) => name).sort()).toEqual(['attempt a', 'attempt b', 'chat b']);
    expect(sumOf(spans, 'gen_ai.usage.input_tokens')).toBe(1000);
    expect(
      attribute(
        spans.find(({ name }) => name === 'attempt a'),
        'error.type',
      ),
    ).toBeUndefined();
  });

  it('of joined calls link to the call that was sent; a cache hit has no attempt and no usage', async () => {
    const otel = telemetry();
    const { router, fake } = build({ a: answer({ usage, latencyMs: 50 }) }, { cache: 'idempotent' });
    otel.instrument(router);
    const body = { model: 'standard', messages, temperature: 0 } as const;
    await settled(Promise.all([router.chat.completions.create(body), router.chat.completions.create(body)]));
    await router.chat.completions.create(body);
    expect(fake.requests).toHaveLength(1);
    const calls = otel.spans().filter(isCall);
    expect(calls.map((span) => attribute(span, 'model_router.cache')).sort()).toEqual(['hit', 'joined', 'miss']);
    const find = (cache: string) => calls.find((span) => attribute(span, 'model_router.cache') === cache);
    expect(find('joined')?.links.map(({ context }) => context.spanId)).toEqual([find('miss')?.spanContext().spanId]);
    expect(otel.spans().filter((span) => !isCall(span))).toHaveLength(1);
    expect(sumOf(otel.spans(), 'gen_ai.usage.input_tokens')).toBe(1000);
  });

  it('a tracer that throws does not affect calls', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer() });
    const thrower = () => {
      throw new Error('the tracer’s fault');
    };
    otel.instrument(router, { tracer: { startSpan: thrower, startActiveSpan: thrower } });
    await expect(sendChat(router)).resolves.toBeDefined();
    await expect(streamChat(router).then(read)).resolves.toMatchObject({ error: undefined });
  });

  it('cost nothing without an SDK, and start when one is registered', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer() });
    const snapshot = vi.spyOn(router, 'snapshot');
    const startSpan = vi.spyOn(ProxyTracer.prototype, 'startSpan');
    onTestFinished(instrument(router));
    await sendChat(router);
    expect(snapshot).not.toHaveBeenCalled();
    expect(startSpan).not.toHaveBeenCalled();
    trace.setGlobalTracerProvider(otel.provider);
    await sendChat(router);
    expect(otel.spans().map(({ name }) => name)).toEqual(['attempt a', 'chat a']);
    expect(otel.spans()[0]?.parentSpanContext?.spanId).toBe(otel.spans()[1]?.spanContext().spanId);
  });

  it('have no tenant by default', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer() });
    const stop = otel.instrument(router);
    await sendChatWith(router, { tenant: 'acme' });
    stop();
    otel.instrument(router, { tenantLabel: true });
    await sendChatWith(router, { tenant: 'acme' });
    const tenants = otel
      .spans()
      .filter(isCall)
      .map((span) => attribute(span, 'model_router.tenant'));
    expect(tenants).toEqual([undefined, 'acme']);
  });

  it('propagate the caller’s trace without an SDK', async () => {
    telemetry();
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    onTestFinished(() => propagation.disable());
    const { router, fake } = build({ a: answer() });
    onTestFinished(instrument(router, { propagate: true }));
    const traceId = 'a'.repeat(32);
    const spanId = 'b'.repeat(16);
    const caller = trace.setSpanContext(context.active(), { traceId, spanId, traceFlags: 1 });
    await context.with(caller, () => sendChat(router));
    expect(fake.requests[0]?.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
  });

  it('propagate if configured', async () => {
    const otel = telemetry();
    propagation.setGlobalPropagator(new W3CTraceContextPropagator());
    const { router, fake } = build({ a: answer() });
    const stop = otel.instrument(router);
    await sendChat(router);
    stop();
    otel.instrument(router, { propagate: true });
    await sendChat(router);
    propagation.disable();
    const attempt = otel
      .spans()
      .filter((span) => !isCall(span))[1]
      ?.spanContext();
    expect(fake.requests.map(({ headers }) => headers.traceparent)).toEqual([
      undefined,
      `00-${attempt?.traceId}-${attempt?.spanId}-01`,
    ]);
  });

  it('options are checked', () => {
    const otel = telemetry();
    const { router } = build({ a: answer() });
    expect(() => otel.instrument({} as never)).toThrow(/give a router/);
    expect(() => otel.instrument(router, { names: 'old' as never })).toThrow(/instrument\.names/);
    expect(() => otel.instrument(router, { attempts: 1 as never })).toThrow(/instrument\.attempts/);
    expect(() => otel.instrument(router, { attributes: true } as never)).toThrow(/instrument\.attributes/);
    expect(() => otel.instrument(router, { tracer: {} as never })).toThrow(/instrument\.tracer/);
  });
});
