import {
  CapacityExceededError,
  callOptions,
  callRecord,
  DeadlineExceededError,
  ModelRouter,
  OpenAI,
} from 'model-router';
import { answer, fail, hang } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const body = { model: 'chat', messages: [{ role: 'user' as const, content: 'Hi' }] };
const slow = answer({ latencyMs: 1000 });

describe('maxConcurrent', () => {
  it('never runs more at once; the rest waits its turn, and the record says how long', async () => {
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

  it('skips a full deployment, and queues only where all are full', async () => {
    const { router, asked } = build(
      { a: slow, b: slow },
      { deployments: { a: { maxConcurrent: 1 }, b: { maxConcurrent: 1 } }, routes: { chat: ['a', 'b'] } },
    );
    const calls = Array.from({ length: 3 }, () => watch(router.chat.completions.create(body)));
    await pass(10);
    expect(asked()).toEqual(['a', 'b']);
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

  it('counts a stream until its end, and one that is left', async () => {
    const { router, asked } = build(
      { a: answer() },
      { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } },
    );
    const { value: stream } = await settled(router.chat.completions.create({ ...body, stream: true }));
    const waiting = watch(router.chat.completions.create(body));
    await pass(100);
    expect(asked()).toHaveLength(1);
    for await (const _ of stream ?? []) break;
    await pass(10);
    expect(waiting.state).toBe('fulfilled');
    expect(asked()).toHaveLength(2);
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

describe('a call that cannot be queued', () => {
  const full = { a: { maxConcurrent: 1, maxQueue: 1 } };

  it('fails at once with an error of the SDK, an event, and nothing sent', async () => {
    const { router, fake } = build({ a: hang() }, { deployments: full, routes: { chat: ['a'] } });
    const events: unknown[] = [];
    router.on('capacity-refused', (event) => events.push(event));
    void router.chat.completions.create(body).catch(() => undefined);
    void router.chat.completions.create(body).catch(() => undefined);
    await pass(1);
    const { error, at } = await settled(router.chat.completions.create(body));
    expect(error).toBeInstanceOf(CapacityExceededError);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toMatchObject({ status: 429, code: 'capacity_exceeded' });
    expect(at).toBeLessThan(10);
    expect(events).toMatchObject([{ type: 'capacity-refused', route: 'chat', why: 'the queue is full' }]);
    expect(fake.requests).toHaveLength(1);
    const response = await router.asFetch()('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(503);
    expect(response.headers.get('x-should-retry')).toBe('false');
  });

  it('gives way to one of higher priority', async () => {
    const { router } = build({ a: answer({ latencyMs: 500 }) }, { deployments: full, routes: { chat: ['a'] } });
    const running = watch(router.chat.completions.create(body));
    await pass(1);
    const standard = watch(router.chat.completions.create(body));
    await pass(1);
    const premium = watch(router.chat.completions.create(body, callOptions({ priority: 'premium' })));
    await pass(2000);
    expect([running.state, standard.state, premium.state]).toEqual(['fulfilled', 'rejected', 'fulfilled']);
    expect(standard.error).toBeInstanceOf(CapacityExceededError);
  });

  it('is refused at once where its turn would come after its deadline', async () => {
    const { router } = build({ a: slow }, { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } });
    for (let i = 0; i < 3; i += 1) await settled(router.chat.completions.create(body));
    const running = watch(router.chat.completions.create(body));
    await pass(1);
    const started = performance.now();
    const { error, at } = await settled(router.chat.completions.create(body, callOptions({ deadlineMs: 1500 })));
    expect(error).toBeInstanceOf(CapacityExceededError);
    expect((at ?? 0) - started).toBeLessThan(10);
    await pass(2000);
    expect(running.state).toBe('fulfilled');
  });

  it.each([
    [900, 'fulfilled'],
    [1100, 'rejected'],
  ])(
    'needs time for an answer when a slot is free: after %i of 2000 ms, with a p95 of 1000, it is %s',
    async (freeMs, state) => {
      const usual = Array(18).fill(answer({ latencyMs: 100 }));
      const { router, fake } = build(
        { a: [...usual, slow, slow, hang(), answer({ latencyMs: 100 })] },
        { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } },
      );
      for (let i = 0; i < 20; i += 1) await settled(router.chat.completions.create(body));
      const controller = new AbortController();
      watch(router.chat.completions.create(body, { signal: controller.signal }));
      await pass(1);
      const sent = fake.count;
      const call = watch(router.chat.completions.create(body, callOptions({ deadlineMs: 2000 })));
      const startedAt = performance.now();
      await pass(freeMs);
      controller.abort();
      await pass(2000);
      expect(call.state).toBe(state);
      if (state === 'fulfilled') return;
      expect(call.error).toBeInstanceOf(CapacityExceededError);
      expect((call.at ?? 0) - startedAt).toBeCloseTo(1000, -1);
      expect(fake.count).toBe(sent);
    },
  );

  it('counts how long a stream holds its slot, not how soon its first content comes', async () => {
    const { router } = build(
      { a: answer({ latencyMs: 10, chunks: ['a', 'b', 'c'], chunkMs: 1000 }) },
      { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } },
    );
    const stream = async (deadlineMs: number) => {
      const startedAt = performance.now();
      try {
        const chunks = await router.chat.completions.create({ ...body, stream: true }, callOptions({ deadlineMs }));
        for await (const _ of chunks);
        return 'answered';
      } catch (error) {
        expect(error).toBeInstanceOf(CapacityExceededError);
        return performance.now() - startedAt;
      }
    };
    await settled(stream(500));
    const [, refused, answered] = [watch(stream(500)), watch(stream(500)), watch(stream(5000))];
    await pass(1);
    expect(refused.value).toBe(0);
    await pass(10_000);
    expect(answered.value).toBe('answered');
  });

  it('ends at its deadline in the queue, and at an abort at once; neither leaves a place taken', async () => {
    const { router } = build({ a: hang() }, { deployments: { a: { maxConcurrent: 1 } }, routes: { chat: ['a'] } });
    const controller = new AbortController();
    const running = router.chat.completions.create(body, { signal: controller.signal }).catch(() => undefined);
    await pass(1);
    const late = await settled(router.chat.completions.create(body, callOptions({ deadlineMs: 200 })));
    expect(late.error).toBeInstanceOf(DeadlineExceededError);
    const leaving = new AbortController();
    const left = watch(router.chat.completions.create(body, { signal: leaving.signal }));
    await pass(10);
    leaving.abort();
    await pass(1);
    expect(left.error).toBeInstanceOf(OpenAI.APIUserAbortError);
    controller.abort();
    await running;
    expect(router.snapshot().deployments.a?.inFlight).toBe(0);
    const next = watch(router.chat.completions.create(body, callOptions({ deadlineMs: 100 })));
    await pass(1);
    expect(router.snapshot().deployments.a?.inFlight).toBe(1);
    await pass(200);
    expect(next.state).toBe('rejected');
  });
});

describe('rates', () => {
  it('leaves no timer when the call that waited for it is aborted', async () => {
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

  it('tpm: reserves input and the most output, and settles with the real usage', async () => {
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

  it('a deployment with nothing left by its headers goes last, and is never excluded', async () => {
    const headers = { 'x-ratelimit-remaining-requests': '0', 'x-ratelimit-reset-requests': '30s' };
    const { router, asked } = build(
      { a: answer({ headers }), b: answer() },
      { routes: { chat: ['a', 'b'], alone: ['a'] } },
    );
    await settled(router.chat.completions.create(body));
    await settled(router.chat.completions.create(body));
    expect(asked()).toEqual(['a', 'b']);
    await settled(router.chat.completions.create({ ...body, model: 'alone' }));
    expect(asked()).toEqual(['a', 'b', 'a']);
    await pass(61_000);
    await settled(router.chat.completions.create(body));
    expect(asked().at(-1)).toBe('a');
  });
});

it('a retry waits for a slot, too, and what failed before is what is reported', async () => {
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
