import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fakeFetch, hang } from 'model-router/testing';
import { expect, it, vi } from 'vitest';
import { pass, useFakeTime, type Watched, watch } from '../../helpers/clock.js';
import fc from '../../helpers/property.js';

useFakeTime();

const given = fc.record({
  slots: fc.record({
    a: fc.integer({ min: 1, max: 2 }),
    b: fc.integer({ min: 1, max: 2 }),
    client: fc.integer({ min: 1, max: 3 }),
  }),
  calls: fc.array(
    fc.record({
      startMs: fc.nat(1500),
      priority: fc.constantFrom('standard', 'standard', 'premium'),
      route: fc.constantFrom('a', 'b', 'both'),
      deadlineMs: fc.integer({ min: 50, max: 3000 }),
      /** `undefined` hangs. */
      latencyMs: fc.option(fc.integer({ min: 1, max: 900 }), { nil: undefined, freq: 6 }),
      isStream: fc.boolean(),
      abortMs: fc.option(fc.nat(1000), { nil: undefined, freq: 6 }),
    }),
    { minLength: 4, maxLength: 30 },
  ),
});

interface Made {
  readonly startedAt: number;
  readonly priority: string;
  readonly places: readonly string[];
  sentAt: number | undefined;
  watched: Watched<unknown> | undefined;
}

it('priority, slots and deadlines hold in the queue, whatever comes', async () => {
  let queued = 0;
  let overtaken = 0;
  await fc.assert(
    fc.asyncProperty(given, async ({ slots, calls }) => {
      vi.clearAllTimers();
      const made: Made[] = [];
      const running = { a: 0, b: 0 };
      const fetch = fakeFetch(({ model, body }) => {
        const index = Number(Reflect.get(Object(body), 'user'));
        const [one, call] = [made[index], calls[index]];
        if (one === undefined || call === undefined) throw new Error('An unknown call');
        one.sentAt = performance.now();
        running[model as 'a' | 'b'] += 1;
        // No premium call that came before this moment still waits for a slot of this deployment.
        const waiting = made.filter(
          ({ priority, places, startedAt, sentAt, watched }) =>
            priority === 'premium' &&
            places.includes(model ?? '') &&
            startedAt < performance.now() &&
            sentAt === undefined &&
            watched?.state === 'pending',
        );
        if (call.priority === 'standard') expect(waiting).toEqual([]);
        const { latencyMs } = call;
        if (latencyMs === undefined) return hang();
        return answer({ latencyMs, chunks: ['a', 'b'], chunkMs: 100 });
      });
      const client = { apiKey: 'k', baseURL: 'http://x.test/v1', fetch, maxConcurrent: slots.client };
      const router = new ModelRouter({
        clients: { default: client },
        deployments: { a: { maxConcurrent: slots.a }, b: { maxConcurrent: slots.b } },
        routes: { a: ['a'], b: ['b'], both: ['a', 'b'] },
        breaker: false,
        maxAttempts: 1,
        logLevel: 'off',
      });
      const inFlight = () => Object.values(router.snapshot().deployments).map((each) => each.inFlight);
      for (const [index, call] of calls.entries()) {
        const { priority, route, deadlineMs, isStream, abortMs, startMs } = call;
        setTimeout(() => {
          const controller = new AbortController();
          if (abortMs !== undefined) setTimeout(() => controller.abort(), abortMs);
          const one: Made = {
            startedAt: performance.now(),
            priority,
            places: route === 'both' ? ['a', 'b'] : [route],
            sentAt: undefined,
            watched: undefined,
          };
          made[index] = one;
          const promise = router.chat.completions.create(
            { model: route, messages: [{ role: 'user', content: 'Hi' }], user: `${index}`, stream: isStream },
            { ...callOptions({ priority, deadlineMs }), signal: controller.signal },
          );
          const read = async () => {
            const reply = await promise;
            if (Symbol.asyncIterator in reply) for await (const _ of reply);
          };
          one.watched = watch(read());
          promise
            .catch(() => undefined)
            .then(() => {
              const record = callRecord(promise);
              // Of the clock: what waited in the queue, and what was refused there.
              expect(record?.queuedMs).toBeLessThanOrEqual(deadlineMs);
              if (one.sentAt === undefined) expect(performance.now() - one.startedAt).toBeLessThanOrEqual(deadlineMs);
              else expect(one.sentAt - one.startedAt).toBeLessThanOrEqual(deadlineMs);
              if ((record?.queuedMs ?? 0) > 0) queued += 1;
            }, expect.unreachable);
        }, startMs);
      }
      for (let ms = 0; ms < 6000; ms += 50) {
        await pass(50);
        const [a = -1, b = -1] = inFlight();
        expect(Math.min(a, b)).toBeGreaterThanOrEqual(0);
        expect(a).toBeLessThanOrEqual(slots.a);
        expect(b).toBeLessThanOrEqual(slots.b);
        expect(a + b).toBeLessThanOrEqual(slots.client);
      }
      expect(inFlight()).toEqual([0, 0]);
      expect(made.every(({ watched }) => watched?.settlements === 1)).toBe(true);
      overtaken += made.filter(({ priority, sentAt }) => priority === 'premium' && sentAt !== undefined).length;
      await router.close();
      expect(vi.getTimerCount()).toBe(0);
    }),
    { numRuns: 100 },
  );
  // The histories are not all idle.
  expect(Math.min(queued, overtaken)).toBeGreaterThan(100);
}, 120_000);
