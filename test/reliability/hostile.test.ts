import { getEventListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { callRecord, ModelRouter, NoDeploymentAvailableError, type RouterOptions } from 'model-router';
import { answer, fail, fakeFetch, hang, startFakeProvider } from 'model-router/testing';
import type { ClientOptions } from 'openai';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { EVENT_TYPES } from '../../src/telemetry/events.js';
import { FALLBACK_TEXT, PRIMARY_TEXT, said, saidByFallback } from '../helpers/faults.js';
import { eventually } from '../helpers/leftovers.js';
import { errorOf, messages, read } from '../helpers/messages.js';

const KEY = 'sk-primary-secret';

/** A router whose primary is the given client, and whose fallback answers. */
function routerOver(primary: ClientOptions, settings: Omit<RouterOptions, 'clients'> = {}) {
  const fallback = fakeFetch(saidByFallback);
  const router = new ModelRouter({
    clients: {
      primary: { apiKey: KEY, baseURL: 'http://primary.test/v1', logLevel: 'off', ...primary },
      fallback: { apiKey: 'sk-fallback', baseURL: 'http://fallback.test/v1', fetch: fallback, logLevel: 'off' },
    },
    deployments: { first: { client: 'primary', model: 'm' }, second: { client: 'fallback', model: 'm' } },
    routes: { standard: ['first', 'second'] },
    ...settings,
  });
  return { router, fallback };
}

async function sendBoth(router: ModelRouter) {
  const completion = await router.chat.completions.create({ model: 'standard', messages });
  const stream = await router.chat.completions.create({ model: 'standard', messages, stream: true });
  const { text, error } = await read(stream);
  expect(error).toBeUndefined();
  return {
    texts: [completion.choices[0]?.message.content, text],
    outcomes: [completion, stream].map((each) => callRecord(each)?.attempts.map(({ outcome }) => outcome)),
  };
}

const thrown: Record<string, unknown> = {
  'a string': 'no',
  undefined,
  null: null,
  'a number': 42,
  'an object': {},
  'a frozen error': Object.freeze(new Error('no')),
  'a frozen error that names a key': Object.freeze(new Error(`refused for ${KEY}`)),
  'a frozen error of fetch': Object.freeze(new TypeError('fetch failed', { cause: Object.freeze(new Error(KEY)) })),
  'an abort that was not requested': new DOMException('This operation was aborted', 'AbortError'),
  'an error without a prototype': Object.create(null),
};

describe.each(Object.entries(thrown))('a fetch that throws %s', (_, value) => {
  const throwing: [string, NonNullable<ClientOptions['fetch']>][] = [
    ['later', () => Promise.reject(value)],
    [
      'at once',
      () => {
        throw value;
      },
    ],
  ];

  it.each(throwing)('%s fails over', async (_, fetch) => {
    const { router, fallback } = routerOver({ fetch });
    const { texts, outcomes } = await sendBoth(router);
    expect(texts).toEqual([FALLBACK_TEXT, FALLBACK_TEXT]);
    expect(outcomes.every((each) => each?.length === 2 && each[1] === 'success')).toBe(true);
    expect(fallback.count).toBe(2);
    await router.close();
  });

  it('without a fallback rejects with an Error that shows no key', async () => {
    const { router } = routerOver({ fetch: () => Promise.reject(value) }, { maxAttempts: 1 });
    const error = await errorOf(router.chat.completions.create({ model: 'standard', messages }));
    expect(error.message + error.stack + String(error.cause)).not.toContain(KEY);
    await router.close();
  });
});

describe('an upstream that ignores its abort', () => {
  it('delays nothing, and its late answer is discarded', async () => {
    await using primary = await startFakeProvider({ models: { m: answer({ ...said, latencyMs: 3000, chunkMs: 20 }) } });
    const deaf: NonNullable<ClientOptions['fetch']> = (url, init) => fetch(url, { ...init, signal: null });
    const { router } = routerOver({ baseURL: primary.url, fetch: deaf }, { attemptTimeoutMs: 60 });
    const { texts, outcomes } = await sendBoth(router);
    // Both were answered before the primary's first answer came.
    expect(primary.open).toBe(2);
    expect(texts).toEqual([FALLBACK_TEXT, FALLBACK_TEXT]);
    expect(outcomes).toEqual([
      ['timeout', 'success'],
      ['timeout', 'success'],
    ]);
    await expect.poll(() => primary.open, { timeout: 10_000 }).toBe(0);
    expect(Object.values(router.snapshot().deployments).map(({ inFlight }) => inFlight)).toEqual([0, 0]);
    await router.close();
  });
});

describe("an application's own code that throws", () => {
  const boom = () => {
    throw new Error('boom');
  };

  it('as a logger fails no call', async () => {
    const logger = { error: boom, warn: boom, info: boom, debug: boom };
    const { router } = routerOver({ fetch: fakeFetch(fail(500)) }, { logger, logLevel: 'debug', slowMs: 0.001 });
    expect((await sendBoth(router)).texts).toEqual([FALLBACK_TEXT, FALLBACK_TEXT]);
    await router.close();
  });

  it.each([
    ['throws', boom],
    ['rejects', async () => boom()],
  ])('as a listener that %s fails no call', async (_, listener) => {
    const fetch = fakeFetch([fail(429, { headers: { 'retry-after-ms': '1' } }), fail(401), fail(404), fail(500)]);
    const { router } = routerOver({ fetch }, { slowMs: 0.001, breaker: { consecutive: 1 } });
    for (const type of EVENT_TYPES) {
      router.on(type, listener);
    }
    for (let i = 0; i < 3; i += 1) {
      expect((await sendBoth(router)).texts).toEqual([FALLBACK_TEXT, FALLBACK_TEXT]);
      await sleep(3);
    }
    await router.close();
  });

  it.each<[string, () => number]>([
    ['throws', boom],
    ['returns no number', () => Number.NaN],
  ])('as a random source that %s fails no call, also in its timers', async (_, random) => {
    const settings = { random, attemptTimeoutMs: 20, retry: { baseMs: 1 }, breaker: { consecutive: 1 } } as const;
    const { router } = routerOver({ fetch: fakeFetch([hang(), fail(500)]) }, settings);
    const { outcomes } = await sendBoth(router);
    expect(outcomes).toEqual([
      ['timeout', 'success'],
      ['server-error', 'success'],
    ]);
    expect(router.snapshot().deployments.first?.state).toBe('open');
    const { router: retrying } = routerOver(
      { fetch: fakeFetch([fail(500), answer(said)]) },
      { ...settings, breaker: false },
    );
    const completion = await retrying.chat.completions.create({ model: 'first', messages });
    expect(completion.choices[0]?.message.content).toBe(PRIMARY_TEXT);
    await router.close();
    await retrying.close();
  });

  it.each([
    ['throws', boom],
    ['rejects', async () => boom()],
  ])('as the function that returns the key (%s) fails over', async (_, apiKey) => {
    const { router } = routerOver({ fetch: fakeFetch(answer(said)), apiKey });
    expect((await sendBoth(router)).texts).toEqual([FALLBACK_TEXT, FALLBACK_TEXT]);
    await router.close();
  });
});

describe('a wall clock that jumps', () => {
  afterEach(() => {
    vi.useRealTimers();
  });

  it('moves neither deadlines nor durations', async () => {
    vi.useFakeTimers({ now: Date.UTC(2030, 0, 1), toFake: ['Date'] });
    let jumps = 0;
    const jump = () => {
      jumps += 1;
      vi.setSystemTime(Date.UTC(2030, 0, 1) + (jumps % 2 === 0 ? 1 : -1) * jumps * 3_600_000);
      return jumps % 3 === 0 ? fail(503) : answer({ ...said, latencyMs: 5 });
    };
    const { router } = routerOver({ fetch: fakeFetch(jump) }, { deadlineMs: 2000, breaker: false });
    for (let i = 0; i < 12; i += 1) {
      const completion = await router.chat.completions.create({ model: 'standard', messages });
      expect([PRIMARY_TEXT, FALLBACK_TEXT]).toContain(completion.choices[0]?.message.content);
      const { durationMs = -1, attempts = [] } = callRecord(completion) ?? {};
      for (const ms of [durationMs, ...attempts.map((each) => each.durationMs)]) {
        expect(ms).toBeGreaterThanOrEqual(0);
        expect(ms).toBeLessThan(1000);
      }
    }
    await router.close();
  });

  it('cannot pause a deployment for longer than a minute', async () => {
    vi.useFakeTimers({ now: Date.UTC(2030, 0, 1), toFake: ['Date'] });
    const behaviour = fail(429, { headers: { 'retry-after': new Date(Date.UTC(2030, 0, 1, 6)).toUTCString() } });
    const { router } = routerOver({ fetch: fakeFetch(behaviour) });
    await sendBoth(router);
    const until = Date.parse(router.snapshot().deployments.first?.pausedUntil ?? '');
    expect(until - Date.now()).toBeGreaterThan(59_000);
    expect(until - Date.now()).toBeLessThanOrEqual(60_000);
    await router.close();
  });
});

describe('close() in mid-flight', () => {
  it('lets calls finish, with failover and streams, and refuses later ones', async () => {
    await using primary = await startFakeProvider({ models: { m: answer({ ...said, latencyMs: 30, chunkMs: 10 }) } });
    const { router } = routerOver({ baseURL: primary.url });
    const { router: failing } = routerOver({ fetch: fakeFetch(fail(500, { latencyMs: 30 })) });
    const stream = await router.chat.completions.create({ model: 'standard', messages, stream: true });
    const calls = [router, failing].map((each) => each.chat.completions.create({ model: 'standard', messages }));
    await sleep(10);
    await router.close();
    await failing.close();
    const [plain, failedOver] = await Promise.all(calls);
    expect(plain?.choices[0]?.message.content).toBe(PRIMARY_TEXT);
    expect(failedOver?.choices[0]?.message.content).toBe(FALLBACK_TEXT);
    expect(await read(stream)).toMatchObject({ text: PRIMARY_TEXT, error: undefined });
    const refused = router.chat.completions.create({ model: 'standard', messages });
    expect(await errorOf(refused)).toBeInstanceOf(NoDeploymentAvailableError);
    expect(
      await eventually(
        () => primary.open,
        (open) => open === 0,
      ),
    ).toBe(0);
  });

  it('leaves a hanging call its deadline', async () => {
    const { router } = routerOver({ fetch: fakeFetch(hang()) }, { deadlineMs: 80, maxAttempts: 1 });
    const { signal } = new AbortController();
    const call = router.chat.completions.create({ model: 'standard', messages }, { signal });
    await sleep(10);
    await router.close();
    expect(await errorOf(call)).toMatchObject({ code: 'deadline_exceeded' });
    expect(getEventListeners(signal, 'abort')).toEqual([]);
  });
});
