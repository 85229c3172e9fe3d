import { getEventListeners } from 'node:events';
import { callRecord, ModelRouter } from 'model-router';
import { answer, type FakeFetch, fail, fakeFetch, type Script } from 'model-router/testing';
import { APIUserAbortError } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { pass, useFakeTime, type Watched, watch } from '../helpers/clock.js';
import { FALLBACK_TEXT, said, saidByFallback } from '../helpers/faults.js';
import { errorOf, messages, read } from '../helpers/messages.js';

interface Built {
  readonly router: ModelRouter;
  readonly upstreams: readonly FakeFetch[];
}

function build(first: Script, second: Script): Built {
  const upstreams = [fakeFetch(first), fakeFetch(second)];
  const [primary, fallback] = upstreams.map((fetch, index) => ({
    apiKey: `sk-${index}`,
    baseURL: `http://${index}.test/v1`,
    fetch,
    logLevel: 'off' as const,
  }));
  const router = new ModelRouter({
    clients: { ...(primary && { primary }), ...(fallback && { fallback }) },
    deployments: { first: { client: 'primary', model: 'm' }, second: { client: 'fallback', model: 'm' } },
    routes: { standard: ['first', 'second'] },
    breaker: false,
    random: () => 0.5,
  });
  return { router, upstreams };
}

/** Waits until a call has settled, plus a turn of the event loop for its cleanup. */
async function over(call: Watched<unknown>): Promise<void> {
  const end = performance.now() + 2000;
  while (call.state === 'pending' && performance.now() < end) await new Promise(setImmediate);
  await new Promise(setImmediate);
}

/** Conditions that must hold once a call is over, however it ended. */
function checkLeftovers({ router, upstreams }: Built, signal: AbortSignal, where: string): void {
  expect(
    upstreams.map(({ open }) => open),
    where,
  ).toEqual([0, 0]);
  expect(getEventListeners(signal, 'abort'), where).toEqual([]);
  expect(
    Object.values(router.snapshot().deployments).map(({ inFlight }) => inFlight),
    where,
  ).toEqual([0, 0]);
}

describe('an abort after any number of turns', () => {
  const MOST_TURNS = 1000;

  it('ends a plain call that fails over, or comes too late', async () => {
    const built = build(fail(500), saidByFallback);
    let rejected = 0;
    for (let turns = 0; turns < MOST_TURNS; turns += 1) {
      const controller = new AbortController();
      const { signal } = controller;
      const call = watch(built.router.chat.completions.create({ model: 'standard', messages }, { signal }));
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const wasOver = call.state !== 'pending';
      controller.abort(new Error('enough'));
      await over(call);
      const where = `aborted after ${turns} turns`;
      checkLeftovers(built, signal, where);
      if (wasOver) {
        expect(call.value?.choices[0]?.message.content, where).toBe(FALLBACK_TEXT);
        expect(rejected).toBeGreaterThan(20);
        return;
      }
      // An answer that was complete before the abort may still be returned.
      if (call.state === 'rejected') {
        rejected += 1;
        expect(call.error, where).toBeInstanceOf(APIUserAbortError);
      } else expect(call.value?.choices[0]?.message.content, where).toBe(FALLBACK_TEXT);
    }
    expect.fail('no call has ended before its abort');
  });

  it('ends a stream without an error, or the call before it', async () => {
    const built = build(fail(500), saidByFallback);
    const seen = { rejected: 0, endedEarly: 0 };
    for (let turns = 0; turns < MOST_TURNS; turns += 1) {
      const controller = new AbortController();
      const { signal } = controller;
      const stream = watch(
        built.router.chat.completions.create({ model: 'standard', messages, stream: true }, { signal }).then(read),
      );
      for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
      const wasOver = stream.state !== 'pending';
      controller.abort();
      await over(stream);
      const where = `aborted after ${turns} turns`;
      checkLeftovers(built, signal, where);
      if (stream.state === 'rejected') {
        seen.rejected += 1;
        expect(stream.error, where).toBeInstanceOf(APIUserAbortError);
      } else {
        expect(stream.value?.error, where).toBeUndefined();
        expect(FALLBACK_TEXT.startsWith(stream.value?.text ?? '?'), where).toBe(true);
        if (stream.value?.text !== FALLBACK_TEXT) seen.endedEarly += 1;
      }
      if (wasOver) {
        expect(stream.value?.text).toBe(FALLBACK_TEXT);
        expect(Object.values(seen).every((times) => times > 3)).toBe(true);
        return;
      }
    }
    expect.fail('no stream has ended before its abort');
  });
});

describe('an abort at any moment', () => {
  useFakeTime();

  it('ends the call at that moment: in attempts, in bodies, in waits', async () => {
    // 0-20 the first attempt, 20-45 the second, then a wait of 125 ms, then the first again until 190, then answers.
    const outcomes = new Set<string>();
    for (let at = 0; at < 300; at += 1) {
      const built = build(
        [fail(500, { latencyMs: 20 }), answer({ ...said, latencyMs: 20 })],
        fail(503, { latencyMs: 25 }),
      );
      const controller = new AbortController();
      const { signal } = controller;
      const promise = built.router.chat.completions.create({ model: 'standard', messages }, { signal });
      const call = watch(promise);
      const start = performance.now();
      await pass(at);
      if (call.state !== 'pending') break;
      controller.abort();
      await pass(0);
      const where = `aborted at ${at} ms`;
      expect(call, where).toMatchObject({ state: 'rejected', at: start + at, settlements: 1 });
      expect(call.error, where).toBeInstanceOf(APIUserAbortError);
      checkLeftovers(built, signal, where);
      const attempts = callRecord(promise)?.attempts ?? [];
      expect(attempts.length, where).toBe(built.upstreams.reduce((sum, { count }) => sum + count, 0));
      outcomes.add(attempts.map(({ outcome }) => outcome).join(' '));
      await built.router.close();
      expect(vi.getTimerCount(), where).toBe(0);
    }
    expect([...outcomes]).toEqual([
      'aborted',
      'server-error aborted',
      'server-error server-error',
      'server-error server-error aborted',
    ]);
  });

  it('before the call sends nothing', async () => {
    const built = build(answer(said), saidByFallback);
    const signal = AbortSignal.abort();
    const call = built.router.chat.completions.create({ model: 'standard', messages }, { signal });
    expect(await errorOf(call)).toBeInstanceOf(APIUserAbortError);
    expect(built.upstreams.map(({ count }) => count)).toEqual([0, 0]);
    await built.router.close();
  });
});
