import { callRecord } from 'model-router';
import { answer, fail, reset } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { ask, askWith, errorOf } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

describe('the wait before the same deployment is asked again', () => {
  it.each([
    [0.9, [225, 450, 900]],
    [0.5, [125, 250, 500]],
    [0.1, [25, 50, 100]],
  ])('is full jitter over an exponential cap: random %f', async (random, waits) => {
    const { router, fake } = build({ a: fail(500) }, { maxAttempts: 4, random: () => random, breaker: false });
    const call = watch(ask(router));
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

  it('can be nothing at all', async () => {
    const { router, fake } = build({ a: fail(500) }, { random: () => 0 });
    expect((await settled(ask(router))).at).toBe(0);
    expect(fake.count).toBe(3);
  });

  it('grows no further than retry.maxMs', async () => {
    const { router } = build(
      { a: fail(500) },
      { maxAttempts: 5, random: () => 0.5, retry: { baseMs: 100, maxMs: 200 }, breaker: false },
    );
    const { error } = await settled(ask(router));
    expect(callRecord(error)?.attempts.map((attempt) => attempt.startedMs)).toEqual([0, 50, 150, 250, 350]);
  });

  it('is drawn anew each time', async () => {
    const draws = [0, 0.2, 0.8];
    const { router } = build({ a: fail(500) }, { random: () => draws.shift() ?? 0 });
    const { error } = await settled(ask(router));
    // The first is the call's own, for pauses.
    expect(callRecord(error)?.attempts.map((attempt) => attempt.startedMs)).toEqual([0, 50, 450]);
  });

  it('is not made where the deadline would not leave time for an answer', async () => {
    const { router, fake } = build({ a: fail(500) }, { random: () => 0.8 });
    expect(await settled(askWith(router, { deadlineMs: 200 }))).toMatchObject({ error: { status: 500 }, at: 0 });
    expect(fake.count).toBe(1);
    await settled(askWith(router, { deadlineMs: 201, maxAttempts: 2 }));
    expect(fake.count).toBe(3);
  });

  it('ends at once when the caller goes away', async () => {
    const { router, fake } = build({ a: fail(500) }, { random: () => 0.8 });
    const controller = new AbortController();
    const call = watch(ask(router, 'standard', { signal: controller.signal }));
    await pass(199);
    controller.abort();
    await pass(0);
    expect(call).toMatchObject({ at: 199, error: { message: 'Request was aborted.' } });
    await pass(10_000);
    expect(fake.count).toBe(1);
  });

  it('is made for whichever of several may be asked first, when all have failed', async () => {
    const draws = [0, 0.8, 0.4];
    const { router, asked } = build({ a: fail(500), b: [fail(500), answer()] }, { random: () => draws.shift() ?? 0 });
    const call = await settled(ask(router));
    expect(asked()).toEqual(['a', 'b', 'b']);
    expect(call).toMatchObject({ state: 'fulfilled', at: 100 });
  });

  it('is made once after a connection that broke', async () => {
    const { router, fake } = build({ a: reset() }, { maxAttempts: 9 });
    await settled(ask(router));
    expect(fake.count).toBe(2);
  });
});

describe('Retry-After', () => {
  const inMs = (ms: number) => new Date(Date.now() + ms).toUTCString();

  it.each<[string, () => Record<string, string>, number]>([
    ['seconds', () => ({ 'retry-after': '2' }), 2000],
    ['parts of a second', () => ({ 'retry-after': '1.5' }), 1500],
    ['milliseconds, above seconds', () => ({ 'retry-after-ms': '700', 'retry-after': '9' }), 700],
    ['an HTTP date', () => ({ 'retry-after': inMs(3000) }), 3000],
    ['60 s at most', () => ({ 'retry-after': '3600' }), 60_000],
    ['60 s at most, as a date', () => ({ 'retry-after': inMs(3_600_000) }), 60_000],
    ['seconds, where the milliseconds are nonsense', () => ({ 'retry-after-ms': 'NaN', 'retry-after': '2' }), 2000],
  ])('is waited out on the last deployment: %s', async (_, headers, ms) => {
    for (const status of [429, 503]) {
      const { router, fake } = build({ a: [fail(status, { headers: headers() }), answer()] });
      const call = watch(ask(router));
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
      const call = await settled(ask(router));
      expect(call).toMatchObject({ state: 'fulfilled', at: expect.any(Number) });
      expect(callRecord(call.value)?.attempts[1]?.startedMs).toBe(0);
      expect(router.snapshot().deployments.a?.pausedUntil).toBeNull();
    }
  });

  it('does not hear of a wall clock that jumps', async () => {
    const { router, fake } = build({ a: [fail(429, { headers: { 'retry-after': '2' } }), answer()] });
    const call = watch(ask(router));
    await pass(1000);
    vi.setSystemTime(Date.now() + 86_400_000);
    await pass(999);
    expect(fake.count).toBe(1);
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });

  it('of other errors pauses nobody', async () => {
    const { router } = build({ a: [fail(500, { headers: { 'retry-after': '2' } }), answer()] });
    expect((await settled(ask(router))).at).toBe(0);
  });
});

describe('the retry budget', () => {
  it('is ten retries, and one more for every ten calls', async () => {
    const { router, fake } = build({ a: fail(500) }, { maxAttempts: 2, breaker: false });
    for (let i = 0; i < 10; i += 1) await errorOf(ask(router));
    expect(fake.count).toBe(20);
    // Ten first attempts have brought one token more.
    await errorOf(ask(router));
    expect(fake.count).toBe(22);
    for (let i = 0; i < 8; i += 1) await errorOf(ask(router));
    expect(fake.count).toBe(30);
    await errorOf(ask(router));
    expect(fake.count).toBe(32);
  });

  it('of 0 allows none', async () => {
    const { router, fake } = build({ a: fail(500) }, { retry: { budget: 0 } });
    await errorOf(ask(router));
    expect(fake.count).toBe(1);
  });

  it('is of no concern to failing over', async () => {
    const { router, fake } = build({ a: fail(500), b: answer() }, { retry: { budget: 0 }, breaker: false });
    for (let i = 0; i < 30; i += 1) await ask(router);
    expect(fake.count).toBe(60);
  });

  it('is shared by all calls of a router, whatever they ask', async () => {
    const { router, fake } = build({ a: fail(500), b: fail(500) }, { maxAttempts: 6, breaker: false });
    await errorOf(ask(router, 'a'));
    await errorOf(ask(router.withOptions({ priority: 'premium' }), 'b'));
    expect(fake.count).toBe(12);
    await errorOf(ask(router, 'a'));
    expect(fake.count).toBe(13);
  });

  it('is not overdrawn by calls that run at once', async () => {
    const { router, fake } = build({ a: fail(500, { latencyMs: 5 }) }, { maxAttempts: 2, breaker: false });
    await settled(Promise.allSettled(Array.from({ length: 15 }, () => ask(router))));
    expect(fake.count).toBe(15 + 11);
  });
});
