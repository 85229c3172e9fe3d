import { callRecord } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { RateLimitError } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { ask, askWith, errorOf } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const busy = (seconds: number, status = 429) => fail(status, { headers: { 'retry-after': String(seconds) } });

describe.each([429, 503])('a deployment that answers %i with Retry-After', (status) => {
  it('is left alone for that long, while another one answers', async () => {
    const { router, asked } = build({ a: [busy(5, status), answer()], b: answer() });
    await settled(ask(router));
    expect(asked()).toEqual(['a', 'b']);
    await pass(4999);
    await settled(ask(router));
    expect(asked()).toEqual(['a', 'b', 'b']);
    await pass(1);
    await settled(ask(router));
    expect(asked()).toEqual(['a', 'b', 'b', 'a']);
  });

  it('shows until when', async () => {
    const { router } = build({ a: busy(5, status), b: answer() });
    await settled(ask(router));
    expect(router.snapshot().deployments.a?.pausedUntil).toBe('2030-01-01T00:00:05.000Z');
    await pass(5000);
    expect(router.snapshot().deployments.a?.pausedUntil).toBeNull();
  });

  it('is waited for by the next call too, if an attempt still fits', async () => {
    const { router, fake } = build({ a: [busy(5, status), answer()] }, { maxAttempts: 1 });
    await settled(ask(router));
    const call = watch(ask(router));
    await pass(4999);
    expect(fake.count).toBe(1);
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });

  it('fails the next call at once if none fits, with a copy of what it said', async () => {
    const { router, fake } = build({ a: busy(5, status) }, { maxAttempts: 1 });
    const first = await errorOf(ask(router));
    const second = await settled(askWith(router, { deadlineMs: 5000 }));
    expect(second).toMatchObject({ state: 'rejected', at: 0, error: { status, message: first.message } });
    expect(second.error).toBeInstanceOf(first.constructor);
    expect(second.error).not.toBe(first);
    expect(callRecord(second.error)).toMatchObject({ attempts: [], deployment: null });
    expect(callRecord(first)?.attempts).toHaveLength(1);
    expect(fake.count).toBe(1);
  });
});

describe('a pause', () => {
  it('ends no sooner because of a shorter one: the longer wins', async () => {
    const { router, fake } = build({ a: [busy(1), busy(3), answer()] }, { maxAttempts: 1 });
    const inFlight = watch(Promise.allSettled([ask(router), ask(router)]));
    await pass(0);
    expect(inFlight.state).toBe('fulfilled');
    const next = watch(ask(router));
    await pass(2999);
    expect(fake.count).toBe(2);
    await pass(1);
    expect(next.state).toBe('fulfilled');
  });

  it('a shorter one after a longer one changes nothing', async () => {
    const { router, fake } = build({ a: [busy(3), busy(1), answer()] }, { maxAttempts: 1 });
    await settled(Promise.allSettled([ask(router), ask(router)]));
    const next = watch(ask(router));
    await pass(2999);
    expect(fake.count).toBe(2);
    await pass(1);
    expect(next.state).toBe('fulfilled');
  });

  it('is waited out for the deployment that is due first', async () => {
    const { router, asked } = build({ a: [busy(9), answer()], b: [busy(2), answer()] });
    const call = await settled(ask(router));
    expect(asked()).toEqual(['a', 'b', 'b']);
    expect(call).toMatchObject({ state: 'fulfilled', at: 2000 });
  });

  it('that is too long does not hide one that fits', async () => {
    const { router, asked } = build({ a: [busy(2), answer()], b: busy(9) }, { maxAttempts: 2 });
    await errorOf(ask(router));
    const call = await settled(askWith(router, { deadlineMs: 3000 }));
    expect(call).toMatchObject({ state: 'fulfilled', at: 2000 });
    expect(asked()).toEqual(['a', 'b', 'a']);
  });

  it('spreads those that wait for it over the time of one backoff', async () => {
    const draws = [0, 0, 0.2, 0.8];
    const { router, fake } = build(
      { a: [busy(2), answer()] },
      { maxAttempts: 1, random: () => draws.shift() ?? 0, retry: { baseMs: 500 } },
    );
    await settled(ask(router));
    const waiting = [watch(ask(router)), watch(ask(router))];
    await pass(2099);
    expect(fake.count).toBe(1);
    await pass(1);
    expect(waiting.map((call) => call.state)).toEqual(['fulfilled', 'pending']);
    await pass(299);
    expect(fake.count).toBe(2);
    await pass(1);
    expect(waiting.map((call) => call.at)).toEqual([2100, 2400]);
  });

  it('ends at once for a caller who goes away', async () => {
    const { router, fake } = build({ a: busy(5) }, { maxAttempts: 1 });
    await settled(ask(router));
    const controller = new AbortController();
    const call = watch(ask(router, 'standard', { signal: controller.signal }));
    await pass(1000);
    controller.abort();
    await pass(0);
    expect(call).toMatchObject({ state: 'rejected', at: 1000 });
    expect(fake.count).toBe(1);
  });

  it('without Retry-After is none', async () => {
    const { router } = build({ a: fail(429), b: answer() });
    await settled(ask(router));
    expect(router.snapshot().deployments.a?.pausedUntil).toBeNull();
  });

  it('is kept even where all breakers are open: what a server asked for stands', async () => {
    const { router, fake } = build({ a: [fail(500), busy(5)] }, { maxAttempts: 1, breaker: { consecutive: 1 } });
    await errorOf(ask(router));
    expect(router.snapshot().deployments.a?.state).toBe('open');
    // The safety net asks it once, and is told to stay away.
    expect(await errorOf(ask(router))).toBeInstanceOf(RateLimitError);
    const third = await settled(askWith(router, { deadlineMs: 3000 }));
    expect(third).toMatchObject({ at: 0, error: { status: 429 } });
    expect(fake.count).toBe(2);
  });

  it('of a client that is set aside as well is waited out, if nothing else is left', async () => {
    const noQuota = fail(429, { code: 'insufficient_quota', headers: { 'retry-after': '5' } });
    const { router, fake } = build({ a: [noQuota, answer()] });
    await errorOf(ask(router));
    const call = watch(ask(router));
    await pass(4999);
    expect([call.state, fake.count]).toEqual(['pending', 1]);
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });
});
