import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fail, fakeFetch, hang } from 'model-router/testing';
import { expect, it, vi } from 'vitest';
import { pass, useFakeTime, type Watched, watch } from '../../helpers/clock.js';
import fc from '../../helpers/property.js';

useFakeTime();

const call = fc.record({
  startMs: fc.nat(1500),
  priority: fc.constantFrom('standard', 'standard', 'premium'),
  route: fc.constantFrom('a', 'b', 'both'),
  deadlineMs: fc.integer({ min: 50, max: 3000 }),
  /** 0 hangs. */
  latencyMs: fc.oneof({ weight: 6, arbitrary: fc.integer({ min: 1, max: 900 }) }, fc.constant(0)),
  isRefused: fc.boolean(),
  isStream: fc.boolean(),
  maxAttempts: fc.integer({ min: 1, max: 3 }),
  abortMs: fc.option(fc.nat(1000), { nil: undefined, freq: 6 }),
});

const given = fc.record({
  slots: fc.record({
    a: fc.integer({ min: 1, max: 2 }),
    b: fc.integer({ min: 1, max: 2 }),
    client: fc.integer({ min: 1, max: 3 }),
  }),
  calls: fc.array(call, { minLength: 4, maxLength: 30 }),
  /** Whether servers request pauses: a call that waits for the end of a pause waits for no slot. */
  hasPauses: fc.boolean(),
});

interface Made {
  readonly startedAt: number;
  readonly priority: string;
  readonly places: readonly string[];
  sentAt: number | undefined;
  watched: Watched<unknown> | undefined;
}

it('the queue obeys priorities, slots and deadlines over random histories', async () => {
  const seen = { queued: 0, premium: 0, refused: 0 };
  await fc.assert(
    fc.asyncProperty(given, async ({ slots, calls, hasPauses }) => {
      vi.clearAllTimers();
      const made: Made[] = [];
      // Errors that are thrown inside a call become that call's error, so they are collected here.
      const broken: string[] = [];
      const fetch = fakeFetch(({ model = '', body }) => {
        const index = Number(Reflect.get(Object(body), 'user'));
        const [one, given] = [made[index], calls[index]];
        if (one === undefined || given === undefined) return hang();
        one.sentAt ??= performance.now();
        const isWaiting = ({ priority, places, startedAt, sentAt, watched }: Made) =>
          priority === 'premium' &&
          places.includes(model) &&
          startedAt < performance.now() &&
          sentAt === undefined &&
          watched?.state === 'pending';
        if (given.priority === 'standard' && !hasPauses && made.some(isWaiting))
          broken.push(`call ${index} was sent to ${model} while a premium call waited`);
        const { latencyMs } = given;
        if (latencyMs === 0) return hang();
        if (hasPauses && given.isRefused)
          return fail(429, { latencyMs, headers: { 'retry-after-ms': `${given.startMs}` } });
        return answer({ latencyMs, chunks: ['a', 'b'], chunkMs: 100 });
      });
      const router = new ModelRouter({
        clients: { default: { apiKey: 'k', baseURL: 'http://x.test/v1', fetch, maxConcurrent: slots.client } },
        deployments: { a: { maxConcurrent: slots.a }, b: { maxConcurrent: slots.b } },
        routes: { a: ['a'], b: ['b'], both: ['a', 'b'] },
        breaker: false,
        logLevel: 'off',
      });
      const inFlight = () => Object.values(router.snapshot().deployments).map((each) => each.inFlight);
      const send = (
        index: number,
        { priority, route, deadlineMs, maxAttempts, isStream, abortMs }: (typeof calls)[0],
      ) => {
        const controller = new AbortController();
        if (abortMs !== undefined) setTimeout(() => controller.abort(), abortMs);
        const places = route === 'both' ? ['a', 'b'] : [route];
        const one: Made = { startedAt: performance.now(), priority, places, sentAt: undefined, watched: undefined };
        made[index] = one;
        const promise = router.chat.completions.create(
          { model: route, messages: [{ role: 'user', content: 'Hi' }], user: `${index}`, stream: isStream },
          { ...callOptions({ priority, deadlineMs, maxAttempts }), signal: controller.signal },
        );
        const read = async () => {
          const reply = await promise;
          if (Symbol.asyncIterator in reply) for await (const _ of reply);
        };
        one.watched = watch(read());
        const check = () => {
          const queuedMs = callRecord(promise)?.queuedMs ?? Number.NaN;
          const waitedMs = (one.sentAt ?? performance.now()) - one.startedAt;
          if (!(queuedMs <= deadlineMs && waitedMs <= deadlineMs)) broken.push(`call ${index} waited ${waitedMs} ms`);
          if (queuedMs > 0) seen.queued += 1;
          if (queuedMs > 0 && one.sentAt === undefined) seen.refused += 1;
        };
        promise.then(check, check);
      };
      for (const [index, each] of calls.entries()) setTimeout(() => send(index, each), each.startMs);
      for (let ms = 0; ms < 6000; ms += 50) {
        await pass(50);
        const [a = -1, b = -1] = inFlight();
        expect(Math.min(a, b)).toBeGreaterThanOrEqual(0);
        expect(a).toBeLessThanOrEqual(slots.a);
        expect(b).toBeLessThanOrEqual(slots.b);
        expect(a + b).toBeLessThanOrEqual(slots.client);
      }
      expect(broken).toEqual([]);
      expect(inFlight()).toEqual([0, 0]);
      expect(made.every(({ watched }) => watched?.settlements === 1)).toBe(true);
      seen.premium += made.filter(({ priority, sentAt }) => priority === 'premium' && sentAt !== undefined).length;
      // Every slot has been returned: as many calls start at once as before.
      for (const route of ['a', 'b'] as const) {
        const free = Math.min(slots[route], slots.client);
        const rest = {
          priority: 'standard' as const,
          route,
          deadlineMs: 500,
          maxAttempts: 1,
          latencyMs: 0,
          abortMs: undefined,
        };
        for (let i = 0; i < free; i += 1) send(-1, { ...rest, startMs: 0, isRefused: false, isStream: false });
        await pass(1);
        expect(Math.max(...inFlight())).toBe(free);
        await pass(1000);
      }
      await router.close();
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: 150 },
  );
  // Proves that the histories contain all cases.
  expect(Math.min(...Object.values(seen))).toBeGreaterThan(50);
}, 120_000);
