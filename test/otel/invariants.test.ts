import { OpenAIInstrumentation } from '@opentelemetry/instrumentation-openai';
import { MeterProvider } from '@opentelemetry/sdk-metrics';
import {
  BasicTracerProvider,
  SimpleSpanProcessor,
  type SpanExporter,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { type CallRecord, callRecord } from 'model-router';
import { answer, type Behaviour, cut, fail, hang } from 'model-router/testing';
import { OpenAI } from 'openai';
import { expect, it, onTestFinished } from 'vitest';
import { pass, settled, useFakeTime } from '../helpers/clock.js';
import { read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import fc from '../helpers/property.js';
import { build } from '../helpers/routers.js';
import { attribute, isCall, sumOf, telemetry } from '../helpers/telemetry.js';

useFakeTime();
const KEY = 'sk-key-of-default';
const PROMPT = 'a secret prompt';

const steps = fc.constantFrom<Behaviour>(
  answer({ usage: { inputTokens: 11, outputTokens: 5 } }),
  answer({ usage: { inputTokens: 11, outputTokens: 5 }, latencyMs: 300 }),
  fail(500, { message: `${PROMPT} ${KEY}` }),
  fail(400, { message: `${PROMPT} ${KEY}` }),
  fail(429, { headers: { 'retry-after': '1' } }),
  fail(401, { message: `Incorrect API key provided: ${KEY}` }),
  hang(),
  cut(),
);

it('every call has one span, every attempt one; usage and cost come once, and no key and no prompt', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(steps, { minLength: 1, maxLength: 4 }),
      fc.array(steps, { minLength: 1, maxLength: 4 }),
      fc.array(fc.constantFrom('plain', 'stream', 'hedged', 'joined', 'aborted', 'dropped'), {
        minLength: 1,
        maxLength: 5,
      }),
      async (a, b, calls) => {
        const otel = telemetry();
        const { router } = build(
          { a, b },
          {
            attemptTimeoutMs: 1000,
            cache: 'idempotent',
            deadlineMs: 5000,
            deployments: { a: { price: { input: 1, output: 1 } }, b: { price: { input: 1, output: 1 } } },
            routes: { standard: ['a', 'b'] },
          },
        );
        const stop = otel.instrument(router);
        const records: CallRecord[] = [];
        router.on('call-ended', ({ record }) => records.push(record));
        const prompt = [{ role: 'user' as const, content: PROMPT }];
        for (const kind of calls) {
          const body = { model: 'standard', messages: prompt, temperature: kind === 'joined' ? 0 : 1 };
          const controller = new AbortController();
          const send = () => router.chat.completions.create(body, { signal: controller.signal });
          if (kind === 'stream') await settled(router.chat.completions.create({ ...body, stream: true }).then(read));
          else if (kind === 'dropped')
            await settled(
              router.chat.completions.create({ ...body, stream: true }).then(async (stream) => {
                for await (const _ of stream) break;
              }),
            );
          else if (kind === 'hedged') await settled(sendChatWith(router, { hedgeAfterMs: 50 }));
          else if (kind === 'joined') await settled(Promise.allSettled([send(), send(), send()]));
          else if (kind === 'aborted') {
            setTimeout(() => controller.abort(), 20);
            await settled(send());
          } else await settled(send());
        }
        await pass(20_000);
        const spans = otel.spans();
        const attempts = records.reduce((sum, record) => sum + record.attempts.length, 0);
        expect(spans.filter(isCall)).toHaveLength(records.length);
        expect(spans.filter((span) => !isCall(span))).toHaveLength(attempts);
        for (const [name, kind] of [
          ['gen_ai.usage.input_tokens', 'inputTokens'],
          ['gen_ai.usage.output_tokens', 'outputTokens'],
        ] as const)
          expect(sumOf(spans, name)).toBe(records.reduce((sum, { usage }) => sum + (usage?.[kind] ?? 0), 0));
        const costs = records.map(({ costUsd }) => costUsd ?? 0);
        expect(sumOf(spans, 'model_router.cost_usd')).toBeCloseTo(
          costs.reduce((sum, each) => sum + each, 0),
          12,
        );
        const series = await otel.series();
        const shown = spans.map(({ name, attributes, events, links, status }) => [
          name,
          attributes,
          events,
          links,
          status,
        ]);
        const written = JSON.stringify([shown, [...series]]);
        expect(written).not.toContain(KEY);
        expect(written).not.toContain(PROMPT);
        stop();
        expect(otel.spans()).toHaveLength(spans.length);
        await router.close();
      },
    ),
    { numRuns: 60 },
  );
});

it('beside an OpenAI instrumentation, the router annotates its span and leaves usage and GenAI metrics to it', async () => {
  const otel = telemetry();
  const other = new OpenAIInstrumentation();
  other.setTracerProvider(otel.provider);
  // Like its hook when `openai` is loaded; the hook itself supports only versions below 7.
  other.setMeterProvider(new MeterProvider());
  const [definition]: [{ patch(module: object): void; unpatch(module: object): void }] = Reflect.apply(
    Reflect.get(other, 'init'),
    other,
    [],
  );
  definition.patch({ OpenAI });
  onTestFinished(() => definition.unpatch({ OpenAI }));
  const { router } = build({ a: fail(503), b: answer({ usage: { inputTokens: 70, outputTokens: 30 } }) });
  otel.instrument(router);
  const record = callRecord(await sendChat(router));
  await settled(streamChat(router).then(read));
  const [first, second, call] = otel.spans();
  expect([first?.name, second?.name, call?.name]).toEqual(['attempt a', 'attempt b', 'chat standard']);
  expect(call?.instrumentationScope.name).toBe('@opentelemetry/instrumentation-openai');
  expect(attribute(call, 'model_router.call_id')).toBe(record?.id);
  expect(attribute(call, 'model_router.deployment')).toBe('b');
  for (const each of [first, second]) expect(each?.parentSpanContext?.spanId).toBe(call?.spanContext().spanId);
  expect(
    sumOf(
      [first, second, call].filter((each) => each !== undefined),
      'gen_ai.usage.input_tokens',
    ),
  ).toBe(70);
  const series = await otel.series();
  expect([...series.keys()].filter((name) => name.startsWith('gen_ai.') && series.get(name)?.length !== 0)).toEqual([]);
  expect(series.get('model_router.call.duration')).toMatchObject([{ value: { count: 2 } }]);
  expect(otel.spans().filter(isCall)).toHaveLength(2);
});

it.each<[string, SpanExporter['export']]>([
  ['hangs', () => {}],
  [
    'throws',
    () => {
      throw new Error('the exporter’s fault');
    },
  ],
])('an exporter that %s does not affect calls, and every span ends', async (_, exportSpans) => {
  const otel = telemetry();
  const ended: string[] = [];
  const simple = new SimpleSpanProcessor({ export: exportSpans, shutdown: async () => {} });
  const processor: SpanProcessor = {
    onStart: (...args) => simple.onStart(...args),
    onEnd: (span) => {
      ended.push(span.name);
      simple.onEnd(span);
    },
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const tracer = new BasicTracerProvider({ spanProcessors: [processor] }).getTracer('model-router');
  const { router } = build({ a: fail(503), b: answer() });
  otel.instrument(router, { tracer });
  await sendChat(router);
  await settled(streamChat(router).then(read));
  expect(ended).toEqual(['attempt a', 'attempt b', 'chat b', 'attempt a', 'attempt b', 'chat b']);
  // Calls are counted all the same.
  expect((await otel.series()).get('model_router.call.duration')).toMatchObject([{ value: { count: 2 } }]);
});

it('a meter that throws does not affect calls, and every span ends', async () => {
  const otel = telemetry();
  const { router } = build({ a: answer() });
  const thrower = () => {
    throw new Error('the meter’s fault');
  };
  const broken = { ...otel.meter };
  const instruments = ['createHistogram', 'createCounter', 'createObservableGauge'] as const;
  for (const name of instruments) Reflect.set(broken, name, () => ({ record: thrower, add: () => undefined }));
  Reflect.set(broken, 'addBatchObservableCallback', () => undefined);
  Reflect.set(broken, 'removeBatchObservableCallback', () => undefined);
  otel.instrument(router, { meter: broken as never });
  await expect(sendChat(router)).resolves.toBeDefined();
  expect(otel.spans().map(({ name }) => name)).toEqual(['attempt a', 'chat a']);
});
