import { describe, expect, it, vi } from 'vitest';
import { useFakeTime } from '../../helpers/clock.js';
import fc from '../../helpers/property.js';
import { expectNothingLeft, givenCalls, makeCalls, sentTo } from '../../helpers/random-calls.js';
import { countedSignal } from '../../helpers/signals.js';

const given = givenCalls(fc.constant(undefined));

describe('under any upstreams and callers, a call', () => {
  useFakeTime();

  it('settles once and in time, has an accurate record, and leaves nothing open', async () => {
    await fc.assert(
      fc.asyncProperty(given, async (each) => {
        vi.clearAllTimers();
        const { made, fake, router } = await makeCalls(each);
        for (const { call, watched, record, listeners } of made) {
          expect(watched.settlements).toBe(1);
          if (watched.state === 'rejected') expect(watched.error).toBeInstanceOf(Error);
          const { attempts = [], durationMs = Number.NaN } = record() ?? {};
          expect(attempts.length).toBeLessThanOrEqual(call.maxAttempts);
          expect(attempts.map((attempt) => attempt.number)).toEqual(attempts.map((_, index) => index + 1));
          expect(attempts.every((attempt) => attempt.outcome !== 'pending')).toBe(true);
          // A stream's deadline covers its first content: until then it is not returned.
          if (!call.isStream || watched.state === 'rejected') {
            expect(durationMs).toBeLessThanOrEqual(call.deadlineMs);
            if (call.abortMs !== undefined) expect(durationMs).toBeLessThanOrEqual(Math.max(0, call.abortMs));
          }
          for (const attempt of attempts) expect(attempt.startedMs).toBeLessThanOrEqual(call.deadlineMs);
          expect(listeners()).toBe(0);
        }
        const recorded = made.flatMap(({ record }) => record()?.attempts ?? []);
        expect(fake.requests.map((request) => request.model).toSorted()).toEqual(recorded.flatMap(sentTo).toSorted());
        const { deployments } = router.snapshot();
        expect(Object.values(deployments).every(({ inFlight }) => inFlight === 0)).toBe(true);
        const requests = Object.values(deployments).reduce((sum, deployment) => sum + deployment.requests, 0);
        expect(requests).toBe(recorded.length);
        await expectNothingLeft({ router, fake });
      }),
      { numRuns: 150 },
    );
  }, 120_000);

  it('returns the result of the last attempt', async () => {
    await fc.assert(
      fc.asyncProperty(given, async (each) => {
        vi.clearAllTimers();
        const { made, router, fake } = await makeCalls(each);
        for (const { call, watched, record } of made) {
          const { attempts = [] } = record() ?? {};
          const last = attempts.at(-1)?.outcome;
          // Nothing follows an answer, and a plain call was answered if and only if its last attempt was.
          expect(attempts.slice(0, -1).every(({ outcome }) => outcome !== 'success')).toBe(true);
          if (!call.isStream) expect(watched.state === 'fulfilled').toBe(last === 'success');
          if (last === 'deadline') expect(watched.error).toMatchObject({ code: 'deadline_exceeded' });
          if (last === 'deadline') expect(record()?.durationMs).toBe(call.deadlineMs);
          if (last === 'aborted') expect(call.abortMs).toBeDefined();
        }
        await router.close();
        await fake.close();
      }),
      { numRuns: 100 },
    );
  }, 120_000);
});

it('counts and calls the listeners on a signal', () => {
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
