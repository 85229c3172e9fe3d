// The cost of observing: OpenTelemetry on a router, and the pages of a large one.
import { gzipSync } from 'node:zlib';
import { type Context, context, SpanKind, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { MeterProvider, MetricReader } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, BatchSpanProcessor, type SpanExporter } from '@opentelemetry/sdk-trace-base';
import type { ModelRouter } from 'model-router';
import { instrument } from 'model-router/otel';
import { statusHandler } from 'model-router/status';
import type { Work } from './pairs.ts';
import { leastMs } from './scale/measure.ts';
import { messages, routerOf } from './scale/setup.ts';

/** With the OpenTelemetry API alone, which records nothing. */
export function withApi(router: ModelRouter): ModelRouter {
  instrument(router);
  return router;
}

/** The hooks that `instrument` uses. */
interface Tracing {
  readonly isOn: boolean;
  headersFor(attempt: object): unknown;
  attemptEnded(attempt: object): void;
  callEnded(call: object, error: null): void;
}

/** Collects metrics on demand. */
class OnDemandReader extends MetricReader {
  protected override async onShutdown(): Promise<void> {}
  protected override async onForceFlush(): Promise<void> {}
}

/** Sends nothing, and stores nothing. */
const exporter: SpanExporter = {
  export: (_, done) => done({ code: 0 }),
  shutdown: async () => {},
};

/** The SDK, which records every span and metric in memory. */
function sdk() {
  const tracers = new BasicTracerProvider({ spanProcessors: [new BatchSpanProcessor(exporter)] });
  const meters = new MeterProvider({ readers: [new OnDemandReader()] });
  return { tracer: tracers.getTracer('model-router'), meter: meters.getMeter('model-router') };
}

/** With the SDK. */
export function withSdk(router: ModelRouter): ModelRouter {
  instrument(router, sdk());
  return router;
}

/** The active context follows async code, as in an application that registers the SDK. Returns the cleanup. */
export function enableContexts(): () => void {
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  return () => context.disable();
}

/**
 * The lowest cost of any instrumentation: the spans, attributes and records that `instrument` makes for one call, written
 * by hand, with constants instead of computed values.
 */
export function byHandWithSdk(router: ModelRouter): Work {
  const { tracer, meter } = sdk();
  const callDuration = meter.createHistogram('model_router.call.duration');
  const calls = meter.createCounter('model_router.calls');
  const attemptDuration = meter.createHistogram('model_router.attempt.duration');
  const attempts = meter.createCounter('model_router.attempts');
  const cost = meter.createCounter('model_router.cost');
  const duration = meter.createHistogram('gen_ai.client.operation.duration');
  const tokens = meter.createHistogram('gen_ai.client.token.usage');
  const server = { 'server.address': 'bench.invalid', 'server.port': 80 };
  const provider = { 'gen_ai.provider.name': 'openai', ...server };
  const operation = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'bench-model', ...provider };
  const input = { ...operation, 'gen_ai.token.type': 'input' };
  const output = { ...operation, 'gen_ai.token.type': 'output' };
  const route = { route: 'bench' };
  const deployment = { deployment: 'primary' };
  const calledWell = { route: 'bench', outcome: 'success' };
  const triedWell = { deployment: 'primary', outcome: 'success' };
  const send = async (within: Context) => {
    const span = tracer.startSpan('attempt primary', { kind: SpanKind.INTERNAL }, within);
    span.setAttributes({
      'model_router.call_id': 'the-id-of-a-call',
      'model_router.attempt': 1,
      'model_router.deployment': 'primary',
      'model_router.client': 'default',
      ...server,
    });
    const startedAt = performance.now();
    const answer = await context.with(trace.setSpan(within, span), () =>
      router.chat.completions.create({ model: 'bench', messages }),
    );
    attemptDuration.record((performance.now() - startedAt) / 1000, deployment);
    attempts.add(1, triedWell);
    cost.add(0.00009, deployment);
    span.setAttributes({
      'model_router.outcome': 'success',
      'http.response.status_code': 200,
      'model_router.request_id': 'req_bench',
      'model_router.attempt_cost_usd': 0.00009,
    });
    span.end();
    return answer;
  };
  return async () => {
    const attributes = { 'gen_ai.operation.name': 'chat', 'gen_ai.request.model': 'bench' };
    const active = context.active();
    const span = tracer.startSpan('chat bench', { kind: SpanKind.CLIENT, attributes }, active);
    const within = trace.setSpan(active, span);
    const startedAt = performance.now();
    const answer = await context.with(within, () => send(within));
    const seconds = (performance.now() - startedAt) / 1000;
    const { prompt_tokens: inputTokens = 0, completion_tokens: outputTokens = 0 } = answer.usage ?? {};
    callDuration.record(seconds, route);
    calls.add(1, calledWell);
    duration.record(seconds, operation);
    tokens.record(inputTokens, input);
    tokens.record(outputTokens, output);
    span.updateName('chat bench-model');
    span.setAttributes({
      'model_router.call_id': 'the-id-of-a-call',
      'model_router.priority': 'standard',
      'model_router.attempts': 1,
      'model_router.cache': 'off',
      'model_router.stream': false,
      'model_router.route': 'bench',
      'model_router.requested_model': 'bench',
      'model_router.deployment': 'primary',
      'model_router.cost_usd': 0.00009,
      'gen_ai.request.model': 'bench-model',
      'gen_ai.response.model': answer.model,
      'gen_ai.usage.input_tokens': inputTokens,
      'gen_ai.usage.output_tokens': outputTokens,
      ...provider,
    });
    span.end();
    return answer;
  };
}

/** Prints what tracing costs a call without a tracer, and with a tracer but without an SDK that records. */
export async function printHooks(): Promise<void> {
  const router = routerOf(1);
  const tracing: Tracing = Reflect.get(router, Symbol.for('model-router.tracing'));
  const attempt = {};
  const call = { id: 'call' };
  let on = 0;
  /** Every hook that a call with one attempt uses. */
  const once = () => {
    if (tracing.isOn) on++;
    if (tracing.isOn) on++;
    tracing.headersFor(attempt);
    tracing.attemptEnded(attempt);
    tracing.callEnded(call, null);
  };
  const TIMES = 500_000;
  const many = () => {
    for (let i = 0; i < TIMES; i += 1) once();
  };
  const nanoseconds = async () => (await leastMs(10, many)) * (1e6 / TIMES);
  const alone = await nanoseconds();
  instrument(router);
  const followed = await nanoseconds();
  if (on > 0) throw new Error('The API alone was followed.');
  await router.close();
  console.log(`\nThe hooks of a call that OpenTelemetry follows; CPU time, best of 10.`);
  console.log(`not instrumented: ${alone.toFixed(0)} ns; with the API alone: ${followed.toFixed(0)} ns`);
}

/** Prints the cost of the views of a router with 100 deployments, each of which has answered. */
export async function printViews(): Promise<void> {
  const router = routerOf(100);
  const handle = statusHandler(router);
  const get = (path: string) => handle(new Request(`http://bench.invalid/status/${path}`)).text();
  for (let i = 0; i < 2000; i += 1) await router.chat.completions.create({ model: `d${i % 100}`, messages });
  const snapshotMs = await leastMs(50, () => router.snapshot());
  const metricsMs = await leastMs(50, () => get('metrics'));
  const files = await Promise.all(['', 'app.js', 'style.css'].map(get));
  const kb = files.reduce((sum, file) => sum + gzipSync(file).length, 0) / 1024;
  await router.close();
  console.log('\nThe views of 100 deployments; CPU time, best of 50.');
  console.log(`snapshot(): ${snapshotMs.toFixed(2)} ms (goal: 1 ms)`);
  console.log(`/metrics: ${metricsMs.toFixed(2)} ms (goal: 5 ms)`);
  console.log(`the status page with its script and styles: ${kb.toFixed(1)} KB gzip (goal: 15 KB)`);
}
