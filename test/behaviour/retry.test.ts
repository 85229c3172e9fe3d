import { callRecord, ModelRouter } from 'model-router';
import { answer, fail, fakeFetch, reset } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, messages, sendChat, sendChatWith } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

describe('the wait before a retry at the same deployment', () => {
  it.each([
    [0.8, [225, 450, 900]],
    [0.2, [150, 300, 600]],
    [0, [125, 250, 500]],
  ])('is between half of an exponential cap and all of it: random %f', async (random, waits) => {
    const { router, fake } = build(
      { a: fail(500) },
      { maxAttempts: 4, random: () => random, breaker: false, retry: { baseMs: 250 } },
    );
    const call = watch(sendChat(router));
    await pass(0);
    for (const [index, wait] of waits.entries()) {
      expect(fake.count).toBe(index + 1);
      await pass(wait - 1);
      expect(fake.count).toBe(index + 1);
      await pass(1);
    }
    expect(fake.count).toBe(4);
    expect(call.state).toBe('rejected');
  });

  it('can be turned off with baseMs: 0', async () => {
    const { router, fake } = build({ a: fail(500) }, { retry: { baseMs: 0 } });
    expect((await settled(sendChat(router))).at).toBe(0);
    expect(fake.count).toBe(3);
  });

  it('never exceeds retry.maxMs', async () => {
    const { router } = build(
      { a: fail(500) },
      { maxAttempts: 5, random: () => 0.5, retry: { baseMs: 100, maxMs: 200 }, breaker: false },
    );
    const { error } = await settled(sendChat(router));
    expect(callRecord(error)?.attempts.map((attempt) => attempt.startedMs)).toEqual([0, 75, 225, 375, 525]);
  });

  it('is drawn again each time', async () => {
    const draws = [0, 0.2, 0.8];
    const { router } = build({ a: fail(500) }, { random: () => draws.shift() ?? 0, retry: { baseMs: 250 } });
    const { error } = await settled(sendChat(router));
    // The first draw is the call's own, for pauses.
    expect(callRecord(error)?.attempts.map((attempt) => attempt.startedMs)).toEqual([0, 150, 600]);
  });

  it('is skipped if the deadline would leave no time for an answer', async () => {
    const { router, fake } = build({ a: fail(500) }, { random: () => 0.6, retry: { baseMs: 250 } });
    expect(await settled(sendChatWith(router, { deadlineMs: 200 }))).toMatchObject({ error: { status: 500 }, at: 0 });
    expect(fake.count).toBe(1);
    await settled(sendChatWith(router, { deadlineMs: 201, maxAttempts: 2 }));
    expect(fake.count).toBe(3);
  });

  it('ends at once when the caller aborts', async () => {
    const { router, fake } = build({ a: fail(500) }, { random: () => 0.6, retry: { baseMs: 250 } });
    const controller = new AbortController();
    const call = watch(sendChat(router, 'standard', { signal: controller.signal }));
    await pass(199);
    controller.abort();
    await pass(0);
    expect(call).toMatchObject({ at: 199, error: { message: 'Request was aborted.' } });
    await pass(10_000);
    expect(fake.count).toBe(1);
  });

  it('goes to the deployment that is available first, when all have failed', async () => {
    const draws = [0, 0.8, 0.4];
    const { router, calledModels } = build(
      { a: fail(500), b: [fail(500), answer()] },
      { random: () => draws.shift() ?? 0, retry: { baseMs: 250 } },
    );
    const call = await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b', 'b']);
    expect(call).toMatchObject({ state: 'fulfilled', at: 175 });
  });

  it('is made until the attempts are used up after a broken connection, as on a plain client', async () => {
    const { router, fake } = build({ a: reset() }, { maxAttempts: 4 });
    await settled(sendChat(router));
    expect(fake.count).toBe(4);
  });

  it('is made at a single deployment after a timeout while connecting: nothing was sent', async () => {
    const timedOut = Object.assign(new Error('Connect Timeout Error'), { code: 'UND_ERR_CONNECT_TIMEOUT' });
    let count = 0;
    const answering = fakeFetch({ models: { a: answer() } });
    const fetch: typeof globalThis.fetch = (...given) =>
      ++count === 1 ? Promise.reject(new TypeError('fetch failed', { cause: timedOut })) : answering(...given);
    const router = new ModelRouter({ clients: { default: { apiKey: 'k', fetch } }, logLevel: 'off' });
    const { value } = await settled(router.chat.completions.create({ model: 'a', messages }));
    expect(count).toBe(2);
    expect(callRecord(value)?.attempts).toMatchObject([{ outcome: 'connection', costUsd: 0 }, { outcome: 'success' }]);
  });
});

describe('Retry-After', () => {
  const inMs = (ms: number) => new Date(Date.now() + ms).toUTCString();

  it.each<[string, () => Record<string, string>, number]>([
    ['seconds', () => ({ 'retry-after': '2' }), 2000],
    ['parts of a second', () => ({ 'retry-after': '1.5' }), 1500],
    ['milliseconds, before seconds', () => ({ 'retry-after-ms': '700', 'retry-after': '9' }), 700],
    ['an HTTP date', () => ({ 'retry-after': inMs(3000) }), 3000],
    ['60 s at most', () => ({ 'retry-after': '3600' }), 60_000],
    ['60 s at most, as a date', () => ({ 'retry-after': inMs(3_600_000) }), 60_000],
    ['seconds, if the milliseconds are nonsense', () => ({ 'retry-after-ms': 'NaN', 'retry-after': '2' }), 2000],
  ])('is respected on the last deployment: %s', async (_, headers, ms) => {
    for (const status of [429, 503]) {
      const { router, fake } = build({ a: [fail(status, { headers: headers() }), answer()] });
      const call = watch(sendChat(router));
      await pass(ms - 1);
      expect(fake.count).toBe(1);
      await pass(1);
      expect(call.state).toBe('fulfilled');
      expect(fake.count).toBe(2);
    }
  });

  it.each([
    ['NaN', 'NaN'],
    ['below 0', '-5'],
    ['0', '0'],
    ['beyond all numbers', '1e999'],
    ['nothing', ''],
    ['a past date', 'Tue, 01 Jan 2019 00:00:00 GMT'],
    ['a garbage date', 'next Tuesday, perhaps'],
    ['hex', '0x10'],
    ['infinity', 'Infinity'],
  ])('is ignored where it is nonsense: %s', async (_, value) => {
    for (const name of ['retry-after', 'retry-after-ms']) {
      const { router } = build({ a: [fail(429, { headers: { [name]: value } }), answer()] });
      const call = await settled(sendChat(router));
      expect(call).toMatchObject({ state: 'fulfilled', at: expect.any(Number) });
      expect(callRecord(call.value)?.attempts[1]?.startedMs).toBe(0);
      expect(router.snapshot().deployments.a?.pausedUntil).toBeNull();
    }
  });

  it('ignores jumps of the wall clock', async () => {
    const { router, fake } = build({ a: [fail(429, { headers: { 'retry-after': '2' } }), answer()] });
    const call = watch(sendChat(router));
    await pass(1000);
    vi.setSystemTime(Date.now() + 86_400_000);
    await pass(999);
    expect(fake.count).toBe(1);
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });

  it('of other errors pauses no deployment', async () => {
    const { router } = build({ a: [fail(500, { headers: { 'retry-after': '2' } }), answer()] });
    expect((await settled(sendChat(router))).at).toBe(0);
  });
});

describe('the retry budget', () => {
  /** So small that a few calls exhaust it. */
  const small = { retry: { budget: 0.2, minPerSecond: 0.2 }, maxAttempts: 2, breaker: false } as const;

  it('is a share of the calls of the last 10 s, plus a number per second', async () => {
    const { router, fake } = build({ a: fail(500) }, small);
    for (let i = 0; i < 2; i += 1) await errorOf(sendChat(router));
    expect(fake.count).toBe(4);
    // The two first attempts have brought 0.4 more: the third call brings 0.6, the fifth a whole one.
    for (let i = 0; i < 3; i += 1) await errorOf(sendChat(router));
    expect(fake.count).toBe(8);
    await pass(10_100);
    await errorOf(sendChat(router));
    expect(fake.count).toBe(10);
  });

  it('does not count a retry that succeeds', async () => {
    const { router, fake } = build({ a: (_, n) => (n % 2 === 0 ? fail(503) : answer()) }, small);
    for (let i = 0; i < 30; i += 1) await sendChat(router);
    expect(fake.count).toBe(60);
  });

  it('survives light traffic: 30 % of 503 at one call a second for 30 minutes', async () => {
    const { router } = build({ a: (_, n) => ((n * 7) % 10 < 3 ? fail(503) : answer()) }, { breaker: false });
    let failed = 0;
    for (let i = 0; i < 300; i += 1) {
      await pass(1000);
      if ((await settled(sendChat(router))).state === 'rejected') failed += 1;
    }
    expect(failed).toBe(0);
    expect(router.snapshot().deployments.a?.retriesWithheld).toBe(0);
  });

  it('of 0 and 0 per second allows no retries', async () => {
    const { router, fake } = build({ a: fail(500) }, { retry: { budget: 0, minPerSecond: 0 } });
    await errorOf(sendChat(router));
    expect(fake.count).toBe(1);
  });

  it('of false has no limit', async () => {
    const { router, fake } = build(
      { a: fail(500) },
      { retry: { budget: false, minPerSecond: 0 }, maxAttempts: 2, breaker: false },
    );
    for (let i = 0; i < 200; i += 1) await errorOf(sendChat(router));
    expect(fake.count).toBe(400);
  });

  it('does not limit failover', async () => {
    const { router, fake } = build(
      { a: fail(500), b: answer() },
      { retry: { budget: 0, minPerSecond: 0 }, breaker: false },
    );
    for (let i = 0; i < 30; i += 1) await sendChat(router);
    expect(fake.count).toBe(60);
  });

  it('reports withheld retries: an event, a counter', async () => {
    const { router } = build({ a: fail(500) }, { ...small, retry: { budget: 0, minPerSecond: 0.1 } });
    const events: unknown[] = [];
    router.on('retry-withheld', (event) => events.push(event));
    await errorOf(sendChat(router));
    expect(events).toEqual([]);
    const error = await errorOf(sendChat(router));
    expect(events).toEqual([
      { type: 'retry-withheld', callId: callRecord(error)?.id, route: 'standard', deployment: 'a', number: 2 },
    ]);
    expect(router.snapshot().deployments.a?.retriesWithheld).toBe(1);
  });

  it('is one for each route, and can be set for each', async () => {
    const { router, fake } = build(
      { a: fail(500) },
      {
        ...small,
        retry: { budget: 0, minPerSecond: 0.1 },
        deployments: { a: {} },
        routes: {
          one: ['a'],
          two: ['a'],
          more: { deployments: ['a'], retry: { minPerSecond: 0.3 } },
          all: { deployments: ['a'], retry: { budget: false } },
        },
      },
    );
    const sent = async (model: string) => {
      fake.clear();
      for (let i = 0; i < 5; i += 1) await errorOf(sendChat(router, model));
      return fake.count;
    };
    expect([await sent('one'), await sent('two'), await sent('more'), await sent('all')]).toEqual([6, 6, 8, 10]);
    // Calls to a deployment by name use their client's budget.
    expect([await sent('a'), await sent('a')]).toEqual([6, 5]);
  });

  it('is not overdrawn by concurrent calls', async () => {
    const { router, fake } = build(
      { a: fail(500, { latencyMs: 5 }) },
      { ...small, retry: { budget: 0.1, minPerSecond: 1 } },
    );
    await settled(Promise.allSettled(Array.from({ length: 15 }, () => sendChat(router))));
    expect(fake.count).toBe(15 + 11);
  });
});
