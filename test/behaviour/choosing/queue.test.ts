import {
  CapacityExceededError,
  callOptions,
  callRecord,
  DeadlineExceededError,
  type ModelRouter,
  OpenAI,
} from 'model-router';
import { answer, fail, hang } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const body = { model: 'chat', messages: [{ role: 'user' as const, content: 'Hi' }] };
const slow = answer({ latencyMs: 1000 });

describe('a full deployment beside one that cannot be used now', () => {
  const pausedAndFull = { deployments: { a: {}, b: { maxConcurrent: 1 } }, routes: { chat: ['a', 'b'] } };
  const paused = fail(429, { headers: { 'retry-after': '30' } });
  const pauseA = async (router: ModelRouter) => {
    // Each probe that fails doubles the time until the next one.
    for (let i = 0; i < 4; i += 1)
      await settled(router.chat.completions.create({ ...body, model: 'a' }, { maxRetries: 0 }));
  };

  it('gets the call while the other is paused, if its slot is free earlier', async () => {
    const { router, calledModels } = build({ a: paused, b: answer({ latencyMs: 500 }) }, pausedAndFull);
    await pauseA(router);
    const before = calledModels().length;
    const calls = Array.from({ length: 4 }, () => watch(router.chat.completions.create(body)));
    await pass(1900);
    expect(calledModels().slice(before)).toEqual(['b', 'b', 'b', 'b']);
    await pass(200);
    expect(calls.map(({ state }) => state)).toEqual(Array(4).fill('fulfilled'));
    expect(callRecord(calls[3]?.value)?.queuedMs).toBeCloseTo(1500, -1);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('does not get the call if the pause of the other ends earlier', async () => {
    const { router } = build(
      { a: [fail(429, { headers: { 'retry-after-ms': '200' } }), answer({ latencyMs: 100 })], b: hang() },
      pausedAndFull,
    );
    await settled(router.chat.completions.create({ ...body, model: 'a' }, { maxRetries: 0 }));
    watch(router.chat.completions.create({ ...body, model: 'b' }, callOptions({ deadlineMs: 5000 })));
    await pass(1);
    const { value } = await settled(router.chat.completions.create(body));
    expect(callRecord(value)).toMatchObject({ deployment: 'a', attempts: [{ outcome: 'success' }] });
    await pass(5000);
    expect(router.snapshot().deployments.b?.inFlight).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('an abort leaves the queue and the pause', async () => {
    const { router, calledModels } = build({ a: paused, b: answer({ latencyMs: 500 }) }, pausedAndFull);
    await pauseA(router);
    const running = watch(router.chat.completions.create(body));
    await pass(1);
    const controller = new AbortController();
    const leaving = watch(router.chat.completions.create(body, { signal: controller.signal }));
    await pass(1);
    controller.abort();
    await pass(1);
    expect(leaving.error).toBeInstanceOf(OpenAI.APIUserAbortError);
    await pass(600);
    expect(running.state).toBe('fulfilled');
    expect(calledModels().filter((id) => id === 'b')).toHaveLength(1);
    expect(router.snapshot().deployments.b?.inFlight).toBe(0);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('gets the call while the breaker of the other is open', async () => {
    const { router, calledModels } = build(
      { a: fail(503), b: answer({ latencyMs: 500 }) },
      { ...pausedAndFull, breaker: { consecutive: 1, failures: 1, cooldownMs: 60_000 } },
    );
    await settled(router.chat.completions.create(body));
    const before = calledModels().length;
    const calls = Array.from({ length: 3 }, () => watch(router.chat.completions.create(body)));
    await pass(1600);
    expect(calls.map(({ state }) => state)).toEqual(Array(3).fill('fulfilled'));
    expect(calledModels().slice(before)).toEqual(['b', 'b', 'b']);
  });
});

describe('a call that cannot be queued', () => {
  const full = { a: { maxConcurrent: 1, maxQueue: 1 } };

  it('fails at once with an error of the SDK and an event, and sends nothing', async () => {
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

  it('makes room for one of higher priority', async () => {
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

  it('is refused at once if its turn would come after its deadline', async () => {
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
    'is refused if no time is left for an answer when a slot is free: after %i of 2000 ms, with a p95 of 1000, it is %s',
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

  it('ends at its deadline in the queue, at once on an abort, and frees its place', async () => {
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
