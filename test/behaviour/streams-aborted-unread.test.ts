import { getEventListeners } from 'node:events';
import { callRecord } from 'model-router';
import { answer, type Behaviour, stall } from 'model-router/testing';
import type { Stream } from 'openai/streaming';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { read, streamChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

useFakeTime();

const slow = answer({ chunks: ['One ', 'two ', 'three.'], chunkMs: 1000 });
const limited: Setup = {
  deployments: { a: { price: { input: 1, output: 10 } } },
  routes: { standard: ['a'] },
  maxAttempts: 1,
  budgets: [{ usd: 1, window: 'month' }],
};

function watched(does: Behaviour, setup: Setup = {}) {
  const { router, fake } = build({ a: does }, { ...limited, ...setup });
  let ended = 0;
  router.on('call-ended', () => {
    ended++;
  });
  const reserved = () => router.snapshot().spend.budgets[0]?.reservedUsd ?? 0;
  const state = () => ({
    ended,
    isKept: reserved() > 0,
    inFlight: router.snapshot().deployments.a?.inFlight,
    outcomes: fake.requests.map(({ outcome }) => outcome),
  });
  return { router, state };
}

const OVER = { ended: 1, isKept: false, inFlight: 0, outcomes: ['aborted'] };

describe('stream.controller.abort() of an unread stream', () => {
  it.each<[string, (router: ReturnType<typeof watched>['router']) => PromiseLike<Stream<unknown>>]>([
    ['chat', (router) => streamChat(router)],
    ['responses', (router) => router.responses.create({ model: 'standard', input: 'Hi', stream: true })],
    ['completions', (router) => router.completions.create({ model: 'standard', prompt: 'Hi', stream: true })],
  ])('ends the call at once: %s', async (_, create) => {
    const { router, state } = watched(slow);
    const handed = await create(router);
    expect(state()).toMatchObject({ ended: 0, isKept: true, inFlight: 1 });
    handed.controller.abort();
    await pass(0);
    expect(state()).toEqual(OVER);
    expect(callRecord(handed)).toMatchObject({ attempts: [{ outcome: 'aborted', error: null }], estimated: true });
    const chunks: unknown[] = [];
    for await (const chunk of handed) chunks.push(chunk);
    expect(chunks).toEqual([]);
    expect(router.snapshot().deployments.a).toMatchObject({ failures: 0 });
  });

  it('ends it also after a partial read, or when all has come', async () => {
    const { router, state } = watched(slow);
    const handed = await streamChat(router);
    await handed[Symbol.asyncIterator]().next();
    handed.controller.abort();
    await pass(0);
    expect(state()).toEqual(OVER);
    const whole = await streamChat(router);
    await settled(read(whole));
    whole.controller.abort();
    await pass(0);
    expect(state()).toMatchObject({ ended: 2, outcomes: ['aborted', 'answered'] });
    expect(callRecord(whole)?.attempts).toMatchObject([{ outcome: 'success' }]);
  });

  it('ends a waiting read, even if the upstream ignores it', async () => {
    const { router, state } = watched(stall({ ignoreAbort: true }));
    const handed = await streamChat(router);
    const reading = watch(read(handed));
    await pass(1500);
    expect(reading.state).toBe('pending');
    handed.controller.abort();
    await pass(0);
    expect(reading).toMatchObject({ state: 'fulfilled', value: { error: undefined } });
    expect(state()).toMatchObject({ ended: 1, isKept: false, inFlight: 0 });
  });

  it('ends a stream that the cache would store, and each caller’s copy of a joined one', async () => {
    const { router, state } = watched(slow, { cache: true });
    const first = await streamChat(router);
    const second = await streamChat(router);
    expect(callRecord(second)?.cache).toBe('joined');
    first.controller.abort();
    await pass(0);
    expect(state()).toMatchObject({ ended: 1, inFlight: 1, isKept: true });
    second.controller.abort();
    await pass(0);
    expect(state()).toMatchObject({ ended: 2, inFlight: 0, isKept: false, outcomes: ['aborted'] });
  });

  it('ends a stream from the cache', async () => {
    const { router, state } = watched(answer('Hello'), { cache: true });
    await read(await streamChat(router));
    const kept = await streamChat(router);
    expect(callRecord(kept)?.cache).toBe('hit');
    kept.controller.abort();
    await pass(0);
    expect(state()).toMatchObject({ ended: 2, inFlight: 0, isKept: false });
    expect(await read(kept)).toMatchObject({ chunks: [] });
  });

  it('leaves no listener on the controller but the one that ties the request to it', async () => {
    const { router } = watched(slow);
    const handed = await streamChat(router);
    const { signal } = handed.controller;
    const before = getEventListeners(signal, 'abort').length;
    await settled(read(handed));
    expect(getEventListeners(signal, 'abort').length).toBe(1);
    expect(before).toBeGreaterThan(1);
  });
});
