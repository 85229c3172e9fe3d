import { callRecord } from 'model-router';
import { answer, fail, fakeFetch, hang } from 'model-router/testing';
import { OpenAI, RateLimitError } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, sendChat, sendChatWith } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

const busy = (seconds: number, status = 429) => fail(status, { headers: { 'retry-after': String(seconds) } });

describe.each([429, 503])('a deployment that answers %i with Retry-After', (status) => {
  it('gets no calls for that long, while another one answers', async () => {
    const { router, calledModels } = build({ a: [busy(5, status), answer()], b: answer() });
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(4999);
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b', 'b']);
    await pass(1);
    await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b', 'b', 'a']);
  });

  it('appears in the snapshot with the end of its pause', async () => {
    const { router } = build({ a: busy(5, status), b: answer() });
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a?.pausedUntil).toBe('2030-01-01T00:00:05.000Z');
    await pass(5000);
    expect(router.snapshot().deployments.a?.pausedUntil).toBeNull();
  });

  it('lets one call through after 250 ms, though all deployments are paused', async () => {
    const { router, fake } = build({ a: [busy(5, status), answer({ latencyMs: 40 })] }, { maxAttempts: 1 });
    await settled(sendChat(router));
    const calls = [watch(sendChat(router)), watch(sendChat(router)), watch(sendChat(router))];
    await pass(249);
    expect(fake.count).toBe(1);
    await pass(1);
    expect(fake.count).toBe(2);
    await pass(39);
    expect(calls.map((call) => call.state)).toEqual(['pending', 'pending', 'pending']);
    // Its answer ends the pause for all calls.
    await pass(1);
    expect(fake.count).toBe(4);
    await pass(40);
    expect(calls.map((call) => call.at)).toEqual([290, 330, 330]);
    expect(router.snapshot().deployments.a?.pausedUntil).toBeNull();
  });

  it('lets the next probe through at doubling intervals, as long as it is refused', async () => {
    const { router, fake } = build({ a: busy(60, status) }, { maxAttempts: 1 });
    const started: number[] = [];
    router.on('attempt-started', () => started.push(performance.now()));
    await settled(sendChat(router));
    const calls = Array.from({ length: 6 }, () => watch(sendChat(router)));
    await pass(10_000);
    expect(started).toEqual([0, 250, 750, 1750, 3750, 7750]);
    expect(fake.count).toBe(6);
    expect(calls.filter((call) => call.state === 'rejected')).toHaveLength(5);
  });

  it('fails the next call at once if neither a probe nor the end of the pause fits, with the same status and none of the upstream’s text', async () => {
    const { router, fake } = build({ a: busy(5, status) }, { maxAttempts: 1 });
    const first = await errorOf(sendChat(router));
    const second = await settled(sendChatWith(router, { deadlineMs: 200 }));
    expect(second).toMatchObject({ state: 'rejected', at: 0, error: { status } });
    expect(second.error).toHaveProperty(
      'message',
      `${status} a requested a pause, which lasts another 5 s; nothing was sent.`,
    );
    expect(second.error).toBeInstanceOf(first.constructor);
    expect(second.error).not.toBe(first);
    expect(callRecord(second.error)).toMatchObject({ attempts: [], deployment: null });
    expect(callRecord(first)?.attempts).toHaveLength(1);
    expect(fake.count).toBe(1);
  });

  it('is not probed by the call that it refused: that call waits as long as the server requested', async () => {
    const { router } = build({ a: [busy(5, status), answer()] });
    const refused = watch(sendChat(router));
    await pass(0);
    const other = watch(sendChat(router));
    await pass(250);
    expect([other.state, refused.state]).toEqual(['fulfilled', 'pending']);
    await pass(4749);
    expect(refused.state).toBe('pending');
    await pass(1);
    expect(refused).toMatchObject({ state: 'fulfilled', at: 5000 });
  });
});

describe('a pause', () => {
  it('keeps the longest time: a shorter one changes nothing', async () => {
    for (const seconds of [
      [1, 3],
      [3, 1],
    ]) {
      const { router, fake } = build({ a: [...seconds.map((each) => busy(each)), answer()] }, { maxAttempts: 1 });
      await settled(Promise.allSettled([sendChat(router), sendChat(router)]));
      const pausedUntil = Date.parse(router.snapshot().deployments.a?.pausedUntil ?? '');
      expect(pausedUntil - Date.now()).toBe(3000);
      expect(fake.count).toBe(2);
    }
  });

  it('has one probe at a time: the other calls wait for it', async () => {
    const { router, fake } = build({ a: [busy(3), hang(), answer()] }, { maxAttempts: 1, deadlineMs: 10_000 });
    await settled(sendChat(router));
    const calls = [watch(sendChat(router)), watch(sendChat(router))];
    await pass(2999);
    expect(fake.count).toBe(2);
    await pass(1);
    expect(calls[1]?.state).toBe('fulfilled');
    expect(fake.count).toBe(3);
  });

  it('lets one more call through for each earlier request that is answered meanwhile', async () => {
    const script = [answer({ latencyMs: 50 }), answer({ latencyMs: 90 }), busy(5)];
    const { router, fake } = build({ a: [...script, busy(5), busy(5), answer()] }, { maxAttempts: 1 });
    for (const _ of script) watch(sendChat(router));
    await pass(10);
    const calls = Array.from({ length: 4 }, () => watch(sendChat(router)));
    await pass(39);
    expect(fake.count).toBe(3);
    await pass(1);
    expect([fake.count, calls[0]?.state]).toEqual([4, 'rejected']);
    await pass(39);
    expect(fake.count).toBe(4);
    await pass(1);
    expect([fake.count, calls[1]?.state]).toEqual([5, 'rejected']);
    // These calls are in addition to the probe that is due 250 ms into the pause.
    await pass(159);
    expect(fake.count).toBe(5);
    await pass(1);
    expect(calls[2]?.state).toBe('fulfilled');
    expect(calls[3]?.state).toBe('fulfilled');
  });

  it('ends for all waiting callers when a probe succeeds', async () => {
    const { router } = build({ a: [busy(5), answer()] }, { maxAttempts: 1, breaker: false });
    await settled(sendChat(router));
    const calls = Array.from({ length: 3 }, () => watch(sendChat(router)));
    await pass(250);
    expect(calls.map((call) => call.at)).toEqual([250, 250, 250]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('of one deployment makes it hardly slower than a plain client: every fifth answer a 429', async () => {
    const script = (_: unknown, n: number) => (n % 5 === 4 ? busy(1) : answer({ latencyMs: 20 }));
    /** 120 calls by 8 callers: the total time, and the number of failures. */
    const run = async (call: () => Promise<unknown>) => {
      const started = performance.now();
      let left = 120;
      let failed = 0;
      const caller = async () => {
        while (left-- > 0) await call().catch(() => failed++);
      };
      await settled(Promise.all(Array.from({ length: 8 }, caller)));
      return { ms: performance.now() - started, failed };
    };
    const { router } = build({ a: script }, { retry: { baseMs: 250 }, random: () => 0.5, maxRetries: 3 });
    const plain = new OpenAI({ apiKey: 'k', maxRetries: 3, fetch: fakeFetch(script), logLevel: 'off' });
    const [ours, theirs] = [await run(() => sendChat(router)), await run(() => sendChat(plain))];
    expect(ours.failed).toBeLessThanOrEqual(theirs.failed);
    expect(ours.ms).toBeLessThan(1.5 * theirs.ms);
  });

  it('of all deployments is waited out for the one that is due first', async () => {
    const { router, calledModels } = build({ a: [busy(9), answer()], b: [busy(2), answer()] });
    const call = await settled(sendChat(router));
    expect(calledModels()).toEqual(['a', 'b', 'b']);
    expect(call).toMatchObject({ state: 'fulfilled', at: 2000 });
  });

  it('spreads the calls that wait for its end over the time of one backoff', async () => {
    const draws = [0, 0, 0.2, 0.8];
    const { router, fake } = build(
      { a: [busy(0.2), answer()] },
      { maxAttempts: 1, random: () => draws.shift() ?? 0, retry: { baseMs: 60 } },
    );
    await settled(sendChat(router));
    const waiting = [watch(sendChat(router)), watch(sendChat(router))];
    await pass(211);
    expect(fake.count).toBe(1);
    await pass(1);
    expect(waiting.map((call) => call.state)).toEqual(['fulfilled', 'pending']);
    await pass(36);
    expect(waiting.map((call) => call.at)).toEqual([212, 248]);
  });

  it('ends at once for a caller that aborts', async () => {
    const { router, fake } = build({ a: busy(5) }, { maxAttempts: 1 });
    await settled(sendChat(router));
    const controller = new AbortController();
    const call = watch(sendChat(router, 'standard', { signal: controller.signal }));
    await pass(100);
    controller.abort();
    await pass(0);
    expect(call).toMatchObject({ state: 'rejected', at: 100 });
    await pass(1000);
    expect(fake.count).toBe(1);
  });

  it('does not start without Retry-After', async () => {
    const { router } = build({ a: fail(429), b: answer() });
    await settled(sendChat(router));
    expect(router.snapshot().deployments.a?.pausedUntil).toBeNull();
  });

  it('lasts even if all breakers are open', async () => {
    const { router, fake } = build({ a: [fail(500), busy(5)] }, { maxAttempts: 1, breaker: { consecutive: 1 } });
    await errorOf(sendChat(router));
    expect(router.snapshot().deployments.a?.state).toBe('open');
    // Panic mode tries it once, and the server requests a pause.
    expect(await errorOf(sendChat(router))).toBeInstanceOf(RateLimitError);
    const third = await settled(sendChatWith(router, { deadlineMs: 200 }));
    expect(third).toMatchObject({ at: 0, error: { status: 429 } });
    expect(fake.count).toBe(2);
  });

  it('of a client that is also suspended is probed, if no other deployment is left', async () => {
    const refused = fail(429, { code: 'account_deactivated', headers: { 'retry-after': '5' } });
    const { router, fake } = build({ a: [refused, answer()] });
    await errorOf(sendChat(router));
    const call = watch(sendChat(router));
    await pass(249);
    expect([call.state, fake.count]).toEqual(['pending', 1]);
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });
});
