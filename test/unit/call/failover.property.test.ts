import fc from 'fast-check';
import { type BreakerOptions, type CallRecord, callRecord, ModelRouter } from 'model-router';
import {
  answer,
  type Behaviour,
  cut,
  empty,
  errorEvent,
  fail,
  hang,
  hangAfterHeaders,
  html,
  reset,
  stall,
} from 'model-router/testing';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { pass, type Watched, watch } from '../../helpers/clock.js';
import { collect, messages } from '../../helpers/messages.js';
import { fakeClients } from '../../helpers/routers.js';
import { countedSignal } from '../../helpers/signals.js';

const latencyMs = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 3000 }));

/** What an upstream does with one request. */
const behaviour: fc.Arbitrary<Behaviour> = fc.oneof(
  { weight: 3, arbitrary: latencyMs.map((ms) => answer({ latencyMs: ms, chunks: ['a', 'b'], chunkMs: ms / 4 })) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom(400, 401, 403, 404, 408, 429, 429, 500, 503),
        latencyMs,
        fc.constantFrom('', '0.2', '1', '30', 'NaN'),
      )
      .map(([status, ms, after]) =>
        fail(status, { latencyMs: ms, headers: after === '' ? {} : { 'retry-after': after } }),
      ),
  },
  latencyMs.map((ms) => reset({ latencyMs: ms })),
  latencyMs.map((ms) => cut({ latencyMs: ms })),
  latencyMs.map((ms) => errorEvent({ latencyMs: ms, afterChunks: 0 })),
  fc.constantFrom<Behaviour[]>(
    hang(),
    hang({ ignoreAbort: true }),
    hangAfterHeaders(),
    empty(),
    html(),
    stall({ ms: 2000 }),
  ),
);

const given = fc.record({
  scripts: fc.array(fc.array(behaviour, { minLength: 1, maxLength: 4 }), { minLength: 1, maxLength: 3 }),
  calls: fc.array(
    fc.record({
      startMs: fc.integer({ min: 0, max: 2000 }),
      abortMs: fc.option(fc.integer({ min: 0, max: 3000 }), { nil: undefined, freq: 3 }),
      deadlineMs: fc.integer({ min: 1, max: 5000 }),
      attemptTimeoutMs: fc.option(fc.integer({ min: 1, max: 3000 }), { nil: undefined }),
      maxAttempts: fc.integer({ min: 1, max: 5 }),
      isStream: fc.boolean(),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  breaker: fc.constantFrom<(false | BreakerOptions)[]>(false, {}, { consecutive: 1, cooldownMs: 1000 }),
  chance: fc.array(fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), { minLength: 1, maxLength: 8 }),
});
type Given = typeof given extends fc.Arbitrary<infer T> ? T : never;

interface Made {
  readonly call: Given['calls'][number];
  readonly watched: Watched<unknown>;
  readonly record: () => CallRecord | undefined;
  readonly listeners: () => number;
}

/** Makes the calls, and waits until the last one has long been over. */
async function run({ scripts, calls, breaker, chance }: Given) {
  const models = Object.fromEntries(scripts.map((script, index) => [`m${index}`, script]));
  const { fake, clients } = fakeClients(['default', 'other'], { models });
  let drawn = 0;
  const router = new ModelRouter({
    clients,
    deployments: Object.fromEntries(
      Object.keys(models).map((name, i) => [name, { client: i === 1 ? 'other' : 'default' }]),
    ),
    routes: { standard: Object.keys(models) },
    random: () => chance[drawn++ % chance.length] ?? 0,
    breaker,
    chunkTimeoutMs: 1000,
  });
  const made = calls.map((call): Made => {
    const { controller, signal, listeners } = countedSignal();
    const settledPromise = new Promise<unknown>((resolve, reject) => {
      setTimeout(() => begin(router, call, signal).then(resolve, reject), call.startMs);
    });
    if (call.abortMs !== undefined) setTimeout(() => controller.abort(), call.startMs + call.abortMs);
    const watched = watch(settledPromise);
    return { call, watched, listeners, record: () => callRecord(watched.value ?? watched.error) };
  });
  await pass(10_000);
  return { made, fake, router };
}

/** A plain call, or a stream read to its end: gives something that has the record of the call. */
async function begin(
  router: ModelRouter,
  { isStream, ...call }: Given['calls'][number],
  signal: AbortSignal,
): Promise<unknown> {
  const { deadlineMs, maxAttempts, attemptTimeoutMs } = call;
  const view = router.withOptions({ deadlineMs, maxAttempts, ...(attemptTimeoutMs && { attemptTimeoutMs }) });
  if (!isStream) return view.chat.completions.create({ model: 'standard', messages }, { signal });
  const stream = await view.chat.completions.create({ model: 'standard', messages, stream: true }, { signal });
  await collect(stream);
  return stream;
}

describe('whatever upstreams and callers do, a call', () => {
  beforeEach(() => {
    vi.useFakeTimers();
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('settles once and in time, is recorded as it was, and leaves nothing behind', async () => {
    await fc.assert(
      fc.asyncProperty(given, async (each) => {
        vi.clearAllTimers();
        const { made, fake, router } = await run(each);
        for (const { call, watched, record, listeners } of made) {
          expect(watched.settlements).toBe(1);
          if (watched.state === 'rejected') expect(watched.error).toBeInstanceOf(Error);
          const { attempts = [], durationMs = Number.NaN } = record() ?? {};
          expect(attempts.length).toBeLessThanOrEqual(call.maxAttempts);
          expect(attempts.map((attempt) => attempt.number)).toEqual(attempts.map((_, index) => index + 1));
          expect(attempts.every((attempt) => attempt.outcome !== 'pending')).toBe(true);
          // A stream's deadline is that of its first content: until then it is not handed out.
          if (!call.isStream || watched.state === 'rejected') {
            expect(durationMs).toBeLessThanOrEqual(call.deadlineMs);
            if (call.abortMs !== undefined) expect(durationMs).toBeLessThanOrEqual(Math.max(0, call.abortMs));
          }
          for (const attempt of attempts) expect(attempt.startedMs).toBeLessThanOrEqual(call.deadlineMs);
          expect(listeners()).toBe(0);
        }
        const recorded = made.flatMap(({ record }) => record()?.attempts ?? []);
        expect(fake.requests.map((request) => request.model).toSorted()).toEqual(
          recorded.map((attempt) => attempt.deployment).toSorted(),
        );
        const { deployments } = router.snapshot();
        expect(Object.values(deployments).every(({ inFlight }) => inFlight === 0)).toBe(true);
        const requests = Object.values(deployments).reduce((sum, deployment) => sum + deployment.requests, 0);
        expect(requests).toBe(fake.count);
        // What is left: one timer for all windows, and one for each open breaker.
        const open = Object.values(deployments).filter(({ state }) => state === 'open').length;
        expect(vi.getTimerCount()).toBe(each.breaker === false ? 0 : 1 + open);
        expect(fake.requests.filter(({ outcome }) => outcome === 'open').every(isDeaf)).toBe(true);
        router.close();
        expect(vi.getTimerCount()).toBe(0);
        await fake.close();
      }),
      { numRuns: 150, interruptAfterTimeLimit: 15_000, markInterruptAsFailure: false },
    );
  });

  it('gives what the last attempt came to', async () => {
    await fc.assert(
      fc.asyncProperty(given, async (each) => {
        vi.clearAllTimers();
        const { made, router, fake } = await run(each);
        for (const { call, watched, record } of made) {
          const { attempts = [] } = record() ?? {};
          const last = attempts.at(-1)?.outcome;
          // Nothing goes on after an answer, and a plain call was answered if and only if its last attempt was.
          expect(attempts.slice(0, -1).every(({ outcome }) => outcome !== 'success')).toBe(true);
          if (!call.isStream) expect(watched.state === 'fulfilled').toBe(last === 'success');
          if (last === 'deadline') expect(watched.error).toMatchObject({ code: 'deadline_exceeded' });
          if (last === 'deadline') expect(record()?.durationMs).toBe(call.deadlineMs);
          if (last === 'aborted') expect(call.abortMs).toBeDefined();
        }
        router.close();
        await fake.close();
      }),
      { numRuns: 100, interruptAfterTimeLimit: 10_000, markInterruptAsFailure: false },
    );
  });
});

/** It hangs whatever it is told: a transport that is broken for good. */
function isDeaf({ status }: { status: number | undefined }): boolean {
  return status === undefined;
}

it('the listeners on a signal are counted, and hear it', () => {
  const { controller, signal, listeners } = countedSignal();
  const [once, often] = [vi.fn(), vi.fn()];
  signal.addEventListener('abort', once, { once: true });
  signal.addEventListener('abort', often);
  expect(listeners()).toBe(2);
  controller.abort();
  expect([once.mock.calls.length, often.mock.calls.length, listeners()]).toEqual([1, 1, 1]);
  signal.removeEventListener('abort', often);
  expect(listeners()).toBe(0);
});
