import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { trace } from '@opentelemetry/api';
import { PrometheusExporter, PrometheusSerializer } from '@opentelemetry/exporter-prometheus';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { UndiciInstrumentation } from '@opentelemetry/instrumentation-undici';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import { BasicTracerProvider, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { ModelRouter } from 'model-router';
import { instrument } from 'model-router/otel';
import { answer, fail, startFakeProvider } from 'model-router/testing';
import { expect, it, onTestFinished } from 'vitest';
import dashboard from '../../grafana/model-router.json' with { type: 'json' };
import { sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';
import { attribute, telemetry } from '../helpers/telemetry.js';

interface OtlpSpan {
  readonly name: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly attributes: { key: string; value: unknown }[];
}

it('spans arrive at an OTLP receiver', async () => {
  const received: OtlpSpan[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk) => {
      body += chunk;
    });
    request.on('end', () => {
      for (const { scopeSpans } of JSON.parse(body).resourceSpans)
        for (const { spans } of scopeSpans) received.push(...spans);
      response.end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const exporter = new OTLPTraceExporter({ url: `http://127.0.0.1:${port}/v1/traces` });
  const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
  onTestFinished(async () => {
    await provider.shutdown();
    server.close();
  });
  const { router } = build({ a: fail(503), b: answer({ usage: { inputTokens: 7, outputTokens: 3 } }) });
  const stop = instrument(router, { tracer: provider.getTracer('model-router') });
  await sendChat(router);
  stop();
  await provider.forceFlush();
  expect(received.map(({ name }) => name).sort()).toEqual(['attempt a', 'attempt b', 'chat b']);
  const call = received.find(({ name }) => name === 'chat b');
  expect(received.filter(({ parentSpanId }) => parentSpanId === call?.spanId)).toHaveLength(2);
  const tokens = received
    .flatMap(({ attributes }) => attributes)
    .filter(({ key }) => key === 'gen_ai.usage.input_tokens');
  expect(tokens).toEqual([{ key: 'gen_ai.usage.input_tokens', value: { intValue: 7 } }]);
});

it('metrics are text for Prometheus', async () => {
  const exporter = new PrometheusExporter({ preventServerStart: true });
  const provider = new MeterProvider({ readers: [exporter] });
  onTestFinished(() => provider.shutdown());
  const { router } = build(
    { a: answer(), b: answer() },
    {
      budgets: [{ usd: 5, window: 'day' }],
      unknownPrice: 'allow',
      deployments: { a: { sla: { uptime: 0.9 } }, b: {} },
      routes: { standard: ['a', 'b'] },
    },
  );
  onTestFinished(instrument(router, { meter: provider.getMeter('model-router') }));
  await sendChat(router);
  const { resourceMetrics } = await exporter.collect();
  const text = new PrometheusSerializer().serialize(resourceMetrics);
  for (const line of [
    /^gen_ai_client_operation_duration(_seconds)?_count\{.*gen_ai_request_model="a".*\} 1$/m,
    /^gen_ai_client_operation_duration(_seconds)?_bucket\{.*le="655\.36".*\} 1$/m,
    /^gen_ai_client_token_usage_sum\{.*gen_ai_token_type="input".*\} \d+$/m,
    /^model_router_failovers_total\{.*from="a",to="b",reason="timeout".*\} 0$/m,
    /^model_router_breaker_state\{.*deployment="b".*\} 0$/m,
    /^model_router_attempt_duration(_seconds)?_count\{.*deployment="a".*\} 1$/m,
  ])
    expect(text).toMatch(line);
  // The dashboard's queries must fit this text as they fit our own.
  const queried = JSON.stringify(dashboard).match(/model_router_(?!process_info)\w+?(?=[{[)"\\ ])/g) ?? [];
  const inText = new Set(text.match(/^\w+(?=\{)/gm));
  expect(queried.length).toBeGreaterThan(10);
  expect(queried.filter((name) => !inText.has(name))).toEqual([]);
});

it('undici’s spans lie below the attempts, and traceparent is sent once', async () => {
  const otel = telemetry();
  const instrumentation = new UndiciInstrumentation();
  instrumentation.setTracerProvider(otel.provider);
  instrumentation.enable();
  const { propagation } = await import('@opentelemetry/api');
  const { W3CTraceContextPropagator } = await import('@opentelemetry/core');
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  trace.setGlobalTracerProvider(otel.provider);
  const provider = await startFakeProvider({ models: { a: answer() } });
  const router = new ModelRouter({ clients: { default: { apiKey: 'sk-test', baseURL: provider.url } } });
  onTestFinished(async () => {
    instrumentation.disable();
    propagation.disable();
    await router.close();
    await provider.close();
  });
  otel.instrument(router, { propagate: true });
  await sendChat(router, 'a');
  const http = otel.spans().find(({ name }) => name === 'POST');
  const attempt = otel.spans().find(({ name }) => name.startsWith('attempt '));
  expect(http?.parentSpanContext?.spanId).toBe(attempt?.spanContext().spanId);
  expect(attribute(http, 'server.port')).toBe(Number(new URL(provider.url).port));
  const { traceId, spanId } = http?.spanContext() ?? {};
  expect(provider.requests[0]?.headers.traceparent).toBe(`00-${traceId}-${spanId}-01`);
});
