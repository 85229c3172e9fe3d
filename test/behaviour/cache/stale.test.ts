import { callRecord } from 'model-router';
import { answer, fail, hang } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, useFakeTime, watch } from '../../helpers/clock.js';
import { errorOf, read, sendChat, streamChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const use = (holder: unknown) => callRecord(holder)?.cache;
const said = (completion: Awaited<ReturnType<typeof sendChat>>) => completion.choices[0]?.message.content;
const twice = () => [answer({ content: 'old', latencyMs: 10 }), answer({ content: 'new', latencyMs: 10 })];
const first = async (router: Parameters<typeof sendChat>[0]) => {
  const call = sendChat(router);
  await pass(10);
  await call;
};

describe('staleMs', () => {
  it('serves a stale answer and refreshes it in the background, until staleMs is over', async () => {
    const { router, calledModels } = build({ a: twice() }, { cache: { mode: 'all', ttlMs: 1000, staleMs: 500 } });
    const records: unknown[] = [];
    router.on('call-ended', ({ record }) => records.push(record.cache));
    await first(router);
    await pass(999);
    expect(use(await sendChat(router))).toBe('hit');
    await pass(1);
    const stale = await sendChat(router);
    expect([use(stale), said(stale)]).toEqual(['stale', 'old']);
    expect(use(await sendChat(router))).toBe('stale');
    await pass(10);
    expect(calledModels()).toHaveLength(2);
    expect(said(await sendChat(router))).toBe('new');
    expect(records).toEqual(['miss', 'hit', 'stale', 'stale', 'refresh', 'hit']);
    expect(router.snapshot().cache).toMatchObject({ misses: 1, hits: 2, stale: 2 });
  });

  it('no longer serves it when staleMs is over', async () => {
    const { router } = build({ a: twice() }, { cache: { mode: 'all', ttlMs: 1000, staleMs: 500 } });
    await first(router);
    await pass(1500);
    const call = watch(sendChat(router));
    await pass(9);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(use(call.value)).toBe('miss');
  });

  it('keeps the old answer when the refresh fails, and refreshes streams too', async () => {
    const { router, calledModels } = build(
      { a: [answer({ content: 'old' }), fail(400), fail(400), answer({ content: 'new' })] },
      { cache: { mode: 'all', ttlMs: 1000, staleMs: 500 } },
    );
    await read(await streamChat(router));
    await pass(1000);
    for (const expected of ['old', 'old', 'new']) {
      expect((await read(await streamChat(router))).text).toBe(expected);
      await pass(1);
    }
    // A refused request is sent once more, without the router's additions.
    expect(calledModels()).toHaveLength(4);
  });
});

describe('staleIfErrorMs', () => {
  const settings = { cache: { mode: 'all', ttlMs: 1000, staleIfErrorMs: 500 }, maxAttempts: 1 } as const;

  it('serves a stale answer when all deployments fail, until it is over', async () => {
    const { router } = build({ a: [answer({ content: 'old', latencyMs: 10 }), fail(500)] }, settings);
    await first(router);
    await pass(1499);
    const stale = await sendChat(router);
    expect([use(stale), said(stale)]).toEqual(['stale-if-error', 'old']);
    expect(callRecord(stale)?.attempts).toMatchObject([{ status: 500 }]);
    await pass(1);
    expect(await errorOf(sendChat(router))).toMatchObject({ status: 500 });
  });

  it('serves a stale answer at the deadline', async () => {
    const { router } = build({ a: [answer({ latencyMs: 10 }), hang()] }, { ...settings, deadlineMs: 300 });
    await first(router);
    await pass(1000);
    const call = watch(sendChat(router));
    await pass(300);
    expect(call).toMatchObject({ state: 'fulfilled', at: 1310 });
    expect(use(call.value)).toBe('stale-if-error');
  });

  it('hides neither the caller’s own error nor its abort', async () => {
    const { router } = build({ a: [answer({ latencyMs: 10 }), fail(400), hang()] }, settings);
    await first(router);
    await pass(1000);
    expect(await errorOf(sendChat(router))).toMatchObject({ status: 400 });
    const controller = new AbortController();
    const call = watch(sendChat(router, 'standard', { signal: controller.signal }));
    await pass(1);
    controller.abort();
    await pass(0);
    expect(call).toMatchObject({ state: 'rejected', error: { message: 'Request was aborted.' } });
  });
});
