// A call with a failover in OpenTelemetry: one span with the usage, one below it for each attempt.
import assert from 'node:assert/strict';
import { context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { callRecord, ModelRouter } from 'model-router';
import { instrument } from 'model-router/otel';
import { answer, fail, startFakeProvider } from 'model-router/testing';

// In an application: NodeSDK with your exporter. Here the spans stay in memory.
const exporter = new InMemorySpanExporter();
const tracers = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const provider = await startFakeProvider({
  models: {
    primary: fail(503, { latencyMs: 20 }),
    fallback: answer({ usage: { inputTokens: 900, outputTokens: 100 }, latencyMs: 40 }),
  },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { primary: {}, fallback: { price: { input: 0.28, output: 0.28 } } },
  routes: { chat: ['primary', 'fallback'] },
  logLevel: 'off',
});
const stop = instrument(router, { tracer: tracers.getTracer('model-router') });

const completion = await router.chat.completions.create({
  model: 'chat',
  messages: [{ role: 'user', content: 'Say hello.' }],
});

const spans = exporter.getFinishedSpans();
const call = spans.find(({ name }) => name === 'chat fallback') ?? assert.fail('a span of the call');
for (const span of [call, ...spans.filter((each) => each !== call)]) {
  const isBelow = span.parentSpanContext?.spanId === call.spanContext().spanId;
  const ms = (span.duration[0] * 1000 + span.duration[1] / 1e6).toFixed(0);
  console.log(`${isBelow ? '  ' : ''}${span.name}  ${ms} ms`);
  for (const [name, value] of Object.entries(span.attributes))
    console.log(`${isBelow ? '  ' : ''}    ${name} = ${value}`);
}

// Usage is on one span only, so a backend that sums over a trace counts no token twice.
const inputTokens = spans.flatMap(({ attributes }) => attributes['gen_ai.usage.input_tokens'] ?? []);
assert.deepEqual(inputTokens, [900]);
assert.equal(callRecord(completion)?.usage?.inputTokens, 900);
assert.deepEqual(
  spans.map(({ name }) => name),
  ['attempt primary', 'attempt fallback', 'chat fallback'],
);

stop();
await router.close();
await provider.close();
