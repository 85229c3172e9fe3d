import { callOptions, callRecord, ModelRouter } from 'model-router';
import type { OpenAI } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { errorOf } from '../helpers/messages.js';
import { completion, messages, recordedFetch, routerOver } from '../helpers/recorded-fetch.js';

/** Threat: an upstream's error, of any shape and size, disables failover, leaks counters, or freezes the process. */
const nested = (depth: number) => `${'{"error":'.repeat(depth)}1${'}'.repeat(depth)}`;
const BODIES: Record<string, string> = {
  'a code that is not a string': '{"error":{"code":{"toString":1}}}',
  'a type that is not a string': '{"error":{"message":"x","type":{"toString":1,"valueOf":2}}}',
  'a message that is not a string': '{"error":{"message":{"toString":null}}}',
  'an array': '[[[[]]]]',
  null: 'null',
  'an error of null': '{"error":null}',
  'a number': '12',
  'an empty body': '',
  'a prototype': '{"error":{"__proto__":{"code":"x"},"constructor":{"prototype":{"y":1}}}}',
  'a code nested 20,000 deep': `{"error":{"code":${nested(20_000)}}}`,
  'an error nested 20,000 deep': nested(20_000),
  '14 MB of text': 'x'.repeat(14e6),
  '14 MB of JSON': JSON.stringify({ error: { message: 'x'.repeat(14e6), code: 'rate_limit_exceeded' } }),
  'a million keys': JSON.stringify({
    error: Object.fromEntries(Array.from({ length: 200_000 }, (_, i) => [`k${i}`, i])),
  }),
};

function streamed(): Response {
  const chunks = [{ delta: { content: 'Hi' } }, { delta: {}, finish_reason: 'stop' }];
  const events = chunks.map((each) => `data: ${JSON.stringify({ choices: [{ index: 0, ...each }] })}\n\n`);
  return new Response(`${events.join('')}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } });
}

const broken = (body: string, status: number, headers: Record<string, string> = {}) =>
  routerOver(
    (sent) =>
      JSON.parse(sent.body).model === 'broken'
        ? new Response(body, { status, headers: { 'content-type': 'application/json', ...headers } })
        : JSON.parse(sent.body).stream === true
          ? streamed()
          : completion(),
    {
      deployments: { broken: {}, healthy: {} },
      routes: { r: ['broken', 'healthy'] },
      maxAttempts: 2,
      logLevel: 'off',
    },
  );

describe.each(Object.entries(BODIES))('an error body of %s', (_name, body) => {
  it.each([500, 503, 429])('with status %i: the fallback answers, and no key appears', async (status) => {
    const { router } = broken(body, status);
    for (const stream of [false, true]) {
      const answer: unknown = await router.chat.completions.create({ model: 'r', messages, stream } as never);
      if (stream) for await (const each of answer as AsyncIterable<unknown>) void each;
      expect(callRecord(answer)).toMatchObject({ deployment: 'healthy', attempts: [{ status }, {}] });
    }
    expect(router.snapshot().deployments).toMatchObject({ broken: { inFlight: 0 }, healthy: { inFlight: 0 } });
    const error = await errorOf(router.chat.completions.create({ model: 'broken', messages }));
    expect(error.message.length).toBeLessThan(70_000);
    expect(JSON.stringify((error as InstanceType<typeof OpenAI.APIError>).error ?? null).length).toBeLessThan(200_000);
  });
});

describe('the size of an error', () => {
  it('is limited while it is read: an endless body fails over', async () => {
    let pulled = 0;
    const endless = () =>
      new ReadableStream<Uint8Array>({
        pull(controller) {
          pulled += 16_384;
          controller.enqueue(new Uint8Array(16_384).fill(120));
        },
      });
    const { fetch } = recordedFetch(({ body }) =>
      JSON.parse(body).model === 'broken' ? new Response(endless(), { status: 500 }) : completion(),
    );
    for (const single of [false, true]) {
      pulled = 0;
      // A router of one client keeps the application's own `fetch`.
      if (single) vi.stubGlobal('fetch', fetch);
      const client = { apiKey: 'sk-0123456789', baseURL: 'https://up.test/v1', ...(!single && { fetch }) };
      const router = new ModelRouter({
        ...(single ? client : { clients: { default: client } }),
        deployments: { broken: {}, healthy: {} },
        routes: { r: ['broken', 'healthy'] },
        logLevel: 'off',
      } as never);
      expect(callRecord(await router.chat.completions.create({ model: 'r', messages }))?.deployment).toBe('healthy');
      expect(pulled).toBeLessThan(200_000);
      await router.close();
    }
    vi.unstubAllGlobals();
  });

  it('is limited in what a pause stores', async () => {
    const { router, sent } = broken(BODIES['14 MB of JSON'] ?? '', 429, { 'retry-after': '60' });
    const call = () =>
      errorOf(router.chat.completions.create({ model: 'broken', messages }, callOptions({ deadlineMs: 10_000 })));
    await call();
    for (let i = 0; i < 50; i++) {
      const before = sent.length;
      const error = (await call()) as InstanceType<typeof OpenAI.APIError>;
      // A probe gets the upstream's own answer.
      if (sent.length > before) continue;
      expect([error.status, error.message.length < 300]).toEqual([429, true]);
      expect(JSON.stringify(error.error).length).toBeLessThan(500);
    }
    expect(sent.length).toBeLessThan(10);
  });
});
