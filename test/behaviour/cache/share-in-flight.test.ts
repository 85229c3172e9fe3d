import { callOptions, callRecord } from 'model-router';
import { answer, fail, hang } from 'model-router/testing';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { read, sendChat, streamChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();
afterEach(() => vi.unstubAllGlobals());

const use = (holder: unknown) => callRecord(holder)?.cache;
const said = (completion: Awaited<ReturnType<typeof sendChat>>) => completion.choices[0]?.message.content;
const twice = () => [answer({ content: 'old', latencyMs: 10 }), answer({ content: 'new', latencyMs: 10 })];
const stale = { mode: 'all', ttlMs: 1000, staleMs: 500 } as const;

describe('shareInFlight: false', () => {
  it('sends an upstream call for each caller, and shares the stored answer', async () => {
    const { router, calledModels } = build({ a: answer({ latencyMs: 10 }) }, { cache: true, shareInFlight: false });
    const calls = [sendChat(router), sendChat(router), streamChat(router).then(read)];
    await pass(20);
    const [one, two] = await Promise.all(calls);
    expect([one, two].map(use)).toEqual(['miss', 'miss']);
    expect(calledModels()).toHaveLength(3);
    expect(use(await sendChat(router))).toBe('hit');
    expect(router.snapshot().cache).toMatchObject({ joined: 0, misses: 3 });
  });

  it('lets no call hang on another that disappears', async () => {
    const { router } = build({ a: [hang(), answer()] }, { cache: true, shareInFlight: false });
    const controller = new AbortController();
    const leader = watch(sendChat(router, 'standard', { signal: controller.signal }));
    const other = watch(sendChat(router));
    await pass(1);
    expect(other.state).toBe('fulfilled');
    controller.abort();
    await pass(0);
    expect(leader.state).toBe('rejected');
    expect(use(await sendChat(router))).toBe('hit');
  });

  it('is the default on Cloudflare Workers, and nowhere else', async () => {
    vi.stubGlobal('navigator', { userAgent: 'Cloudflare-Workers' });
    const worker = build({ a: answer({ latencyMs: 10 }) }, { cache: true });
    const sharing = build({ a: answer({ latencyMs: 10 }) }, { cache: true, shareInFlight: true });
    vi.unstubAllGlobals();
    const other = build({ a: answer({ latencyMs: 10 }) }, { cache: true });
    for (const { router } of [worker, sharing, other]) void Promise.all([sendChat(router), sendChat(router)]);
    await pass(10);
    expect([worker, sharing, other].map(({ calledModels }) => calledModels().length)).toEqual([2, 1, 1]);
  });

  it('is checked', () => {
    expect(() => build({ a: answer() }, { shareInFlight: 'no' as unknown as boolean })).toThrow(
      expect.objectContaining({ code: 'invalid_option', option: 'shareInFlight' }),
    );
  });
});

describe('a stale answer where calls in flight are not shared', () => {
  const setup = () => build({ a: twice() }, { cache: stale, shareInFlight: false });

  it('is refreshed in the foreground without waitUntil', async () => {
    const { router, calledModels } = setup();
    await settled(sendChat(router));
    await pass(1000);
    const call = watch(sendChat(router));
    await pass(9);
    expect(call.state).toBe('pending');
    await pass(1);
    expect([use(call.value), said(call.value as never)]).toEqual(['miss', 'new']);
    expect(calledModels()).toHaveLength(2);
  });

  it('is still served if that fails', async () => {
    const { router } = build(
      { a: [answer({ content: 'old' }), fail(500)] },
      { cache: stale, shareInFlight: false, maxAttempts: 1 },
    );
    await sendChat(router);
    await pass(1000);
    const served = await sendChat(router);
    expect([use(served), said(served)]).toEqual(['stale-if-error', 'old']);
  });

  it('is refreshed again where the platform has ended a refresh and its timers', async () => {
    const { router, calledModels } = build(
      { a: [answer(), hang()] },
      { cache: { ...stale, staleMs: 500_000 }, waitUntil: () => {} },
    );
    await sendChat(router);
    await pass(1000);
    vi.stubGlobal('setTimeout', () => 0);
    expect(use(await sendChat(router))).toBe('stale');
    vi.unstubAllGlobals();
    vi.advanceTimersByTime(119_999);
    expect(use(await sendChat(router))).toBe('stale');
    expect(calledModels()).toHaveLength(2);
    vi.advanceTimersByTime(1);
    expect(use(await sendChat(router))).toBe('stale');
    await pass(0);
    expect(calledModels()).toHaveLength(3);
  });

  it('is refreshed in the background with waitUntil, which gets a promise of the stored answer', async () => {
    const { router, calledModels } = setup();
    await settled(sendChat(router));
    await pass(1000);
    const waited: Promise<unknown>[] = [];
    const waitUntil = (promise: Promise<unknown>) => void waited.push(promise);
    const served = await sendChat(router, 'standard', callOptions({ waitUntil }));
    expect([use(served), said(served), waited.length]).toEqual(['stale', 'old', 1]);
    const done = watch(Promise.all(waited));
    await pass(9);
    expect(done.state).toBe('pending');
    await pass(1);
    expect(done.state).toBe('fulfilled');
    expect(said(await sendChat(router))).toBe('new');
    expect(calledModels()).toHaveLength(2);
  });
});

describe('waitUntil', () => {
  it('also gets the promise of a slow store, from the constructor too', async () => {
    const waited: Promise<unknown>[] = [];
    let isStored = false;
    const set = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      isStored = true;
    };
    const store = { get: () => undefined, set, delete: () => undefined, clear: () => undefined };
    const waitUntil = (promise: Promise<unknown>) => void waited.push(promise);
    const { router } = build({ a: answer() }, { cache: true, cacheStore: store, waitUntil });
    await sendChat(router);
    expect(isStored).toBe(false);
    await pass(50);
    await Promise.all(waited);
    expect([waited.length, isStored]).toEqual([1, true]);
  });

  it('harms no call where it throws, and is checked', async () => {
    const waitUntil = () => {
      throw new Error('The request is over.');
    };
    const { router } = build({ a: twice() }, { cache: stale, waitUntil });
    await settled(sendChat(router));
    await pass(1000);
    expect(use(await sendChat(router))).toBe('stale');
    await pass(10);
    await expect(sendChat(router, 'standard', callOptions({ waitUntil: 5 as never }))).rejects.toMatchObject({
      option: 'waitUntil',
    });
  });
});
