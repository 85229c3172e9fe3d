import { callOptions, callRecord, ModelRouter, OpenAI } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const body = { model: 'chat', messages: [{ role: 'user' as const, content: 'Hi' }] };
const slow = answer({ latencyMs: 1000 });

describe('maxConcurrent', () => {
  it('never runs more at once; other calls wait, and the record says how long', async () => {
    const { router, fake } = build({ a: slow }, { deployments: { a: { maxConcurrent: 2 } }, routes: { chat: ['a'] } });
    const calls = Array.from({ length: 6 }, () => watch(router.chat.completions.create(body)));
    await pass(10);
    expect(fake.requests).toHaveLength(2);
    await pass(1000);
    expect(fake.requests).toHaveLength(4);
    await pass(2000);
    expect(calls.map(({ state }) => state)).toEqual(Array(6).fill('fulfilled'));
    expect(calls.map(({ value }) => Math.round((callRecord(value)?.queuedMs ?? -1) / 1000))).toEqual([
      0, 0, 1, 1, 2, 2,
    ]);
    expect(router.snapshot().deployments.a?.inFlight).toBe(0);
  });

  it('rounds the time in the queue to a tenth of a millisecond, as all of a record’s durations', async () => {
    const now = performance.now.bind(performance);
    let reads = 0;
    const clock = vi.spyOn(performance, 'now').mockImplementation(() => now() + reads++ * 0.0123);
    onTestFinished(() => clock.mockRestore());
    const { router } = build({ a: slow }, { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } });
    const [, second] = Array.from({ length: 2 }, () => watch(router.chat.completions.create(body)));
    await pass(2500);
    const { queuedMs = 0 } = callRecord(second?.value) ?? {};
    expect(queuedMs).toBeGreaterThan(999);
    expect(queuedMs).toBe(Math.round(queuedMs * 10) / 10);
  });

  it('skips a full deployment, and queues only where all are full', async () => {
    const { router, calledModels } = build(
      { a: slow, b: slow },
      { deployments: { a: { maxConcurrent: 1 }, b: { maxConcurrent: 1 } }, routes: { chat: ['a', 'b'] } },
    );
    const calls = Array.from({ length: 3 }, () => watch(router.chat.completions.create(body)));
    await pass(10);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(2000);
    expect(calls.every(({ state }) => state === 'fulfilled')).toBe(true);
  });

  it('serves premium calls first', async () => {
    const { router } = build({ a: slow }, { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } });
    const order: string[] = [];
    const call = (name: string, priority: string) =>
      void router.chat.completions.create(body, callOptions({ priority })).then(() => order.push(name));
    call('running', 'standard');
    await pass(1);
    call('standard 1', 'standard');
    call('standard 2', 'standard');
    call('premium', 'premium');
    await pass(5000);
    expect(order).toEqual(['running', 'premium', 'standard 1', 'standard 2']);
  });

  it('counts a stream until its end, or until its reader leaves', async () => {
    const { router, calledModels } = build(
      { a: answer() },
      { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } },
    );
    const { value: stream } = await settled(router.chat.completions.create({ ...body, stream: true }));
    const waiting = watch(router.chat.completions.create(body));
    await pass(100);
    expect(calledModels()).toHaveLength(1);
    for await (const _ of stream ?? []) break;
    await pass(10);
    expect(waiting.state).toBe('fulfilled');
    expect(calledModels()).toHaveLength(2);
  });

  it('limits a client over all its deployments', async () => {
    const { fake, router: unused } = build({ a: slow, b: slow });
    const client = new OpenAI({
      apiKey: 'sk-key-of-default',
      baseURL: 'https://default.test/v1',
      fetch: fake,
      logLevel: 'off',
    });
    for (const spec of [
      { client, maxConcurrent: 1 },
      {
        apiKey: 'sk-key-of-default',
        baseURL: 'https://default.test/v1',
        fetch: fake,
        logLevel: 'off' as const,
        maxConcurrent: 1,
      },
    ]) {
      const before = fake.requests.length;
      const router = new ModelRouter({
        clients: { default: spec },
        deployments: { a: {}, b: {} },
        routes: { chat: ['a', 'b'] },
      });
      const calls = [1, 2].map(() => watch(router.chat.completions.create(body)));
      await pass(10);
      expect(fake.requests.length - before).toBe(1);
      await pass(2000);
      expect(calls.every(({ state }) => state === 'fulfilled')).toBe(true);
      await router.close();
    }
    await unused.close();
  });
});

describe('rates', () => {
  it('leaves no timer when a waiting call is aborted', async () => {
    const { router } = build({ a: answer() }, { deployments: { a: { rpm: 1 } }, routes: { chat: ['a'] } });
    await settled(router.chat.completions.create(body));
    const leaving = new AbortController();
    const left = watch(router.chat.completions.create(body, { signal: leaving.signal }));
    await pass(10);
    expect(left.state).toBe('pending');
    leaving.abort();
    await pass(1);
    expect(left.error).toBeInstanceOf(OpenAI.APIUserAbortError);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('rpm: a burst of ten seconds, then one request a second', async () => {
    const { router, fake } = build({ a: answer() }, { deployments: { a: { rpm: 60 } }, routes: { chat: ['a'] } });
    for (let i = 0; i < 13; i += 1) void router.chat.completions.create(body);
    await pass(10);
    expect(fake.requests).toHaveLength(10);
    await pass(1000);
    expect(fake.requests).toHaveLength(11);
    await pass(2000);
    expect(fake.requests).toHaveLength(13);
  });

  it('tpm: embeddings reserve their input only', async () => {
    const { router, fake } = build({ a: slow }, { deployments: { a: { tpm: 6000 } }, routes: { chat: ['a'] } });
    for (let i = 0; i < 5; i++) watch(router.embeddings.create({ model: 'chat', input: 'Hi' }));
    await pass(10);
    expect(fake.requests).toHaveLength(5);
    await pass(2000);
  });

  it('tpm: reserves the input and the most output, then counts the reported usage', async () => {
    const usage = { inputTokens: 10, outputTokens: 10 };
    const { router, fake } = build(
      { a: answer({ usage, latencyMs: 100 }) },
      { deployments: { a: { tpm: 12_000 } }, routes: { chat: ['a'] } },
    );
    const call = () => router.chat.completions.create({ ...body, max_completion_tokens: 1500 });
    // 2000 tokens fit at once: two calls would not, but each returns what it did not use.
    for (let i = 0; i < 20; i += 1) await settled(call());
    expect(fake.requests).toHaveLength(20);
    expect(performance.now()).toBeLessThan(2100);
    void call();
    void call();
    await pass(0);
    expect(fake.requests.length).toBe(21);
  });

  it('tpm: a usage of zeros returns nothing, because some servers report no other', async () => {
    const usage = { inputTokens: 0, outputTokens: 0 };
    const { router, fake } = build(
      { a: answer({ usage }) },
      { deployments: { a: { tpm: 2500 } }, routes: { chat: ['a'] } },
    );
    const call = () => router.chat.completions.create({ ...body, max_completion_tokens: 1500 });
    await settled(call());
    void call().catch(() => undefined);
    await pass(100);
    expect(fake.requests).toHaveLength(1);
  });

  it('a deployment whose headers say that nothing is left goes last, and is never excluded', async () => {
    const headers = { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '30s' };
    const { router, calledModels } = build(
      { a: answer({ headers }), b: answer() },
      { routes: { chat: ['a', 'b'], alone: ['a'] } },
    );
    await settled(router.chat.completions.create(body));
    await settled(router.chat.completions.create(body));
    expect(calledModels()).toEqual(['a', 'b']);
    await settled(router.chat.completions.create({ ...body, model: 'alone' }));
    expect(calledModels()).toEqual(['a', 'b', 'a']);
    await pass(61_000);
    await settled(router.chat.completions.create(body));
    expect(calledModels().at(-1)).toBe('a');
  });
});

it('a retry waits for a slot, and its call reports the earlier failure', async () => {
  const { router } = build({ a: fail(503) }, { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } });
  const { error } = await settled(router.chat.completions.create(body));
  expect(error).toMatchObject({ status: 503 });
  expect(router.snapshot().deployments.a?.inFlight).toBe(0);
});

it.each([
  ['deployments.a.maxConcurrent', { deployments: { a: { maxConcurrent: 0 } } }],
  ['deployments.a.rpm', { deployments: { a: { rpm: 0 } } }],
  ['deployments.a.maxQueue', { deployments: { a: { maxQueue: -1 } } }],
  ['clients.default.maxConcurrent', { clients: { default: { apiKey: 'k', maxConcurrent: 1.5 } } }],
  ['clients.default.client', { clients: { default: { client: {} as OpenAI, maxConcurrent: 1 } } }],
])('%s is checked', (option, options) => {
  expect(() => new ModelRouter({ clients: { default: { apiKey: 'k' } }, ...options })).toThrow(
    expect.objectContaining({ code: 'invalid_option', option }),
  );
});
