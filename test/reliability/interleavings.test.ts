import { callOptions, callRecord, type ModelRouter, NoDeploymentAvailableError } from 'model-router';
import {
  answer,
  type Behaviour,
  cut,
  errorEvent,
  fail,
  hang,
  hangAfterHeaders,
  malformed,
  reset,
  stall,
} from 'model-router/testing';
import { APIUserAbortError } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { EVENT_TYPES } from '../../src/telemetry/events.js';
import { pass, useFakeTime, type Watched, watch } from '../helpers/clock.js';
import { collect, sendChat, streamChat } from '../helpers/messages.js';
import fc from '../helpers/property.js';
import { type Built, build } from '../helpers/routers.js';
import { countedSignal } from '../helpers/signals.js';

useFakeTime();

const FULL = process.env.DRILLS === 'full';
const DEADLINE_MS = 1000;
/** Every turn, or each seventh: not a multiple of the turns between two timers, so that none is always skipped. */
const STEP = FULL ? 1 : 7;

const boom = () => {
  throw new Error('boom');
};
const rejects = async () => boom();

/** Makes every function of the application fail, wherever the router calls one. */
function harm(router: ModelRouter): void {
  for (const type of EVENT_TYPES) {
    router.on(type, boom);
    router.on(type, rejects);
  }
}
const harmful = { logger: { error: boom, warn: boom, info: boom, debug: boom }, logLevel: 'debug', slowMs: 1 } as const;

/** The longest chain of microtasks without a timer, in turns. */
const IDLE_TURNS = 60;

/** Runs this many turns of the microtask queue; if all wait for a timer, the next one fires. */
async function turns(count: number, done: () => boolean): Promise<void> {
  for (let turn = 1; turn <= count && !done(); turn += 1) {
    if (turn % IDLE_TURNS === 0) vi.advanceTimersToNextTimer();
    await Promise.resolve();
  }
}

/** Conditions that must hold at the moment when the last call has settled. */
function expectNothingLeft({ router, fake }: Built, listeners: number, where: string): void {
  const inFlight = Object.values(router.snapshot().deployments).map((each) => each.inFlight);
  expect({ inFlight: Math.max(...inFlight), open: fake.open, listeners }, where).toEqual({
    inFlight: 0,
    open: 0,
    listeners: 0,
  });
}

describe('after any number of turns, through attempts, waits and bodies', () => {
  const scripts = () => ({
    a: [fail(500, { latencyMs: 5 }), fail(429, { headers: { 'retry-after-ms': '30' } }), answer({ latencyMs: 5 })],
    b: [fail(503, { latencyMs: 5 }), hang()],
  });
  const setup = {
    maxAttempts: 5,
    deadlineMs: DEADLINE_MS,
    attemptTimeoutMs: 50,
    random: () => 0.5,
    retry: { baseMs: 100 },
    breaker: false,
  } as const;

  const kinds: [string, (router: ModelRouter, signal?: AbortSignal) => Promise<unknown>][] = [
    ['a plain call', (router, signal) => sendChat(router, 'standard', { ...(signal && { signal }) })],
    [
      'a stream',
      async (router, signal) => collect(await streamChat(router, 'standard', { ...(signal && { signal }) })),
    ],
    [
      'a joined call',
      async (router, signal) => {
        const options = callOptions({ cache: { mode: 'all' } });
        return sendChat(router, 'standard', { ...options, ...(signal && { signal }) });
      },
    ],
  ];

  it.each(kinds)('%s may be aborted', async (_, begin) => {
    let waits = 0;
    for (let k = 0; ; k += STEP) {
      const built = build(scripts(), { ...setup, ...harmful });
      harm(built.router);
      const { controller, signal, listeners } = countedSignal();
      const call = watch(begin(built.router, signal));
      const isOver = () => call.state !== 'pending';
      await turns(k, isOver);
      const where = `aborted after ${k} turns`;
      if (isOver()) {
        expectNothingLeft(built, listeners(), where);
        expect(vi.getTimerCount(), where).toBe(0);
        expect(call.state).toBe('fulfilled');
        expect(waits * STEP).toBeGreaterThan(3 * IDLE_TURNS);
        return;
      }
      if (built.fake.open === 0) waits += 1;
      const now = performance.now();
      controller.abort();
      await turns(IDLE_TURNS - 1, isOver);
      // An answer that was complete before the abort may still be returned.
      if (call.state === 'rejected') expect(call.error, where).toBeInstanceOf(APIUserAbortError);
      expect(call, where).toMatchObject({ settlements: 1, at: now });
      await turns(IDLE_TURNS - 1, () => false);
      expectNothingLeft(built, listeners(), where);
      await built.router.close();
      expect(vi.getTimerCount(), where).toBe(0);
      if (k > 20_000) expect.fail('no call has ended before its abort');
    }
  });

  it.each(kinds)('%s ends in the same way if its router is closed meanwhile', async (_, begin) => {
    for (let k = 0; ; k += STEP) {
      const built = build(scripts(), { ...setup, ...harmful });
      harm(built.router);
      const { signal, listeners } = countedSignal();
      const call = watch(begin(built.router, signal));
      const isOver = () => call.state !== 'pending';
      await turns(k, isOver);
      const wasOver = isOver();
      await built.router.close();
      const where = `closed after ${k} turns`;
      await turns(20_000, isOver);
      // A call has started once it is admitted: before that, the router counts as closed.
      if (call.state === 'rejected') expect(call.error, where).toBeInstanceOf(NoDeploymentAvailableError);
      else expect(call.state, where).toBe('fulfilled');
      if (k > IDLE_TURNS) expect(call.state, where).toBe('fulfilled');
      expectNothingLeft(built, listeners(), where);
      expect(vi.getTimerCount(), where).toBe(0);
      if (wasOver) return;
      if (k > 20_000) expect.fail('no call has ended before its router was closed');
    }
  });
});

const latencyMs = fc.constantFrom(0, 0, 1, 5, 40, 300);
const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 3, arbitrary: latencyMs.map((ms) => answer({ latencyMs: ms, chunks: ['a', 'b', 'c'], chunkMs: ms })) },
  fc
    .tuple(fc.constantFrom(400, 401, 404, 429, 500, 503), latencyMs)
    .map(([status, ms]) => fail(status, { latencyMs: ms })),
  fc.constant(fail(429, { headers: { 'retry-after-ms': '40' } })),
  latencyMs.map((ms) => reset({ latencyMs: ms })),
  fc.constantFrom<Behaviour[]>(hang(), hangAfterHeaders(), stall(), cut(), errorEvent(), malformed()),
);

const act = fc.record({
  turns: fc.nat(120),
  ms: fc.constantFrom(0, 0, 0, 1, 5, 40, 125, 300),
  what: fc.oneof(
    { weight: 6, arbitrary: fc.record({ type: fc.constant('call' as const), kind: fc.nat(3), cached: fc.boolean() }) },
    { weight: 4, arbitrary: fc.record({ type: fc.constant('abort' as const), which: fc.nat(7) }) },
    { weight: 1, arbitrary: fc.record({ type: fc.constant('close' as const) }) },
  ),
});

const given = fc.record({
  a: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
  b: fc.array(behaviour, { minLength: 1, maxLength: 4 }),
  acts: fc.array(act, { minLength: 1, maxLength: 14 }),
  breaker: fc.constantFrom(false as const, { consecutive: 1, cooldownMs: 200 }),
  isHarmed: fc.boolean(),
  chance: fc.constantFrom(0, 0.5, 0.99),
});

interface Made {
  readonly call: Watched<unknown>;
  readonly promise: object;
  readonly startedAt: number;
  readonly isRead: boolean;
  readonly controller: AbortController;
  readonly listeners: () => number;
  abortedAt: number | undefined;
}

describe('calls, aborts and a close() in any order', () => {
  it('settle each call once and in time, and leave nothing open afterwards', async () => {
    const seen = { answered: 0, aborted: 0, failed: 0, refused: 0 };
    await fc.assert(
      fc.asyncProperty(given, async ({ a, b, acts, breaker, isHarmed, chance }) => {
        vi.clearAllTimers();
        const built = build(
          { a, b },
          {
            breaker,
            deadlineMs: DEADLINE_MS,
            chunkTimeoutMs: 200,
            random: () => chance,
            retry: { baseMs: 40 },
            ...(isHarmed && harmful),
          },
        );
        if (isHarmed) harm(built.router);
        const made: Made[] = [];
        let closedAt = Number.POSITIVE_INFINITY;
        for (const { turns, ms, what } of acts) {
          if (ms > 0) await pass(ms);
          for (let turn = 0; turn < turns; turn += 1) await Promise.resolve();
          if (what.type === 'close') {
            closedAt = Math.min(closedAt, made.length);
            await built.router.close();
          } else if (what.type === 'abort') {
            const one = made[what.which];
            if (one === undefined || one.controller.signal.aborted) continue;
            if (one.call.state === 'pending') one.abortedAt = performance.now();
            one.controller.abort();
          } else made.push(begin(built.router, what.kind, what.cached));
        }
        const end = performance.now() + 5 * DEADLINE_MS;
        await pass(0);
        while (made.some(({ call }) => call.state === 'pending') && performance.now() < end) {
          await vi.advanceTimersToNextTimerAsync();
        }
        // Everything that ended at this very moment ended together.
        await pass(0);
        for (const [index, { call, startedAt, isRead, abortedAt }] of made.entries()) {
          expect(call.settlements).toBe(1);
          if (!isRead) expect(call.at).toBeLessThanOrEqual(startedAt + DEADLINE_MS);
          if (abortedAt !== undefined) expect(call.at).toBe(abortedAt);
          if (call.state === 'rejected') expect(call.error).toBeInstanceOf(Error);
          if (index >= closedAt) {
            expect(call.state).toBe('rejected');
            if (abortedAt === undefined) expect(call.error).toBeInstanceOf(NoDeploymentAvailableError);
          }
          if (index >= closedAt) seen.refused += 1;
          else if (abortedAt !== undefined) seen.aborted += 1;
          else if (call.state === 'fulfilled') seen.answered += 1;
          else seen.failed += 1;
        }
        expectNothingLeft(built, Math.max(0, ...made.map(({ listeners }) => listeners())), 'at the end');
        const open = Object.values(built.router.snapshot().deployments).filter(({ state }) => state === 'open').length;
        const isClosed = closedAt < Number.POSITIVE_INFINITY;
        expect(vi.getTimerCount()).toBe(breaker === false || isClosed ? 0 : open);
        const all = made.flatMap(({ promise }) => callRecord(promise)?.attempts ?? []);
        expect(all.every(({ outcome }) => outcome !== 'pending')).toBe(true);
        // An abort may come between an attempt's start and its request.
        const unsent = all.filter(({ outcome, durationMs }) => outcome === 'aborted' && durationMs === 0).length;
        const sent = all.reduce((sum, { resends }) => sum + 1 + resends, 0);
        expect(sent).toBeGreaterThanOrEqual(built.fake.count);
        expect(sent - unsent).toBeLessThanOrEqual(built.fake.count);
        await built.router.close();
        expect(vi.getTimerCount()).toBe(0);
      }),
      { numRuns: FULL ? 5000 : 250 },
    );
    expect(Object.values(seen).every((times) => times > 10)).toBe(true);
  }, 600_000);
});

/** A plain call, a stream that is dropped after a chunk, or one that is read to its end. */
function begin(router: ModelRouter, kind: number, cached: boolean): Made {
  const { controller, signal, listeners } = countedSignal();
  const options = { ...callOptions(cached ? { cache: { mode: 'all' } } : {}), signal };
  const made = { startedAt: performance.now(), controller, listeners, abortedAt: undefined };
  if (kind === 1 || kind === 2) {
    const promise = streamChat(router, 'standard', options);
    return { ...made, promise, call: watch(readUpTo(promise, kind === 1 ? 1 : 100)), isRead: true };
  }
  const promise = sendChat(router, 'standard', options);
  return { ...made, promise, call: watch(promise), isRead: false };
}

async function readUpTo(stream: PromiseLike<AsyncIterable<unknown>>, most: number): Promise<number> {
  let chunks = 0;
  for await (const _ of await stream) {
    chunks += 1;
    if (chunks >= most) break;
  }
  return chunks;
}
