import type { AttemptRecord } from 'model-router';
import { describe, expect, it, vi } from 'vitest';
import { useFakeTime } from '../../helpers/clock.js';
import fc from '../../helpers/property.js';
import { expectNothingLeft, givenCalls, makeCalls, sentTo } from '../../helpers/random-calls.js';

const given = givenCalls(fc.integer({ min: 1, max: 1500 }));
/** Ten seconds at one per second. */
const LEAST_TOKENS = 10;

describe('under any upstreams and callers, a hedged call', () => {
  useFakeTime();

  it('settles once and in time, never has two attempts at one deployment, takes a token per hedge, and leaves nothing open', async () => {
    let hedged = 0;
    let lost = 0;
    await fc.assert(
      fc.asyncProperty(given, async (each) => {
        vi.clearAllTimers();
        const { made, fake, router } = await makeCalls(each);
        for (const { call, watched, record, listeners } of made) {
          expect(watched.settlements).toBe(1);
          const { attempts = [], durationMs = Number.NaN, deployment } = record() ?? {};
          const outcomes = attempts.map(({ outcome }) => outcome);
          hedged += attempts.filter(isHedge).length;
          lost += outcomes.filter((outcome) => outcome === 'lost').length;
          expect(attempts.length).toBeLessThanOrEqual(call.maxAttempts);
          expect(attempts.map(({ number }) => number)).toEqual(attempts.map((_, index) => index + 1));
          expect(outcomes).not.toContain('pending');
          expect(listeners()).toBe(0);
          expectNobodyTwice(attempts);
          if (!call.isStream || watched.state === 'rejected') {
            expect(durationMs).toBeLessThanOrEqual(call.deadlineMs);
            if (call.abortMs !== undefined) expect(durationMs).toBeLessThanOrEqual(Math.max(0, call.abortMs));
          }
          // At most one answer, and no attempt loses without a winner.
          const answered = attempts.filter(({ outcome }) => outcome === 'success');
          expect(answered.length).toBeLessThanOrEqual(1);
          if (!call.isStream) expect(watched.state === 'fulfilled').toBe(answered.length === 1);
          if (!call.isStream && outcomes.includes('lost')) expect(answered.length).toBe(1);
          if (answered[0] !== undefined) expect(answered[0].deployment).toBe(deployment);
          if (outcomes.includes('aborted')) expect(call.abortMs).toBeDefined();
        }
        const recorded = made.flatMap(({ record }) => record()?.attempts ?? []);
        const { deployments } = router.snapshot();
        const sum = (of: 'requests' | 'inFlight' | 'hedges') =>
          Object.values(deployments).reduce((total, deployment) => total + deployment[of], 0);
        expect([sum('requests'), sum('inFlight')]).toEqual([recorded.length, 0]);
        expect(fake.requests.map(({ model }) => model).toSorted()).toEqual(recorded.flatMap(sentTo).toSorted());
        expect(sum('hedges')).toBe(recorded.filter(isHedge).length);
        const tokens = each.budget === 0 ? 0 : LEAST_TOKENS + each.budget * made.length;
        expect(made.reduce((total, { record }) => total + tokensOf(record()?.attempts ?? []), 0)).toBeLessThanOrEqual(
          tokens,
        );
        await expectNothingLeft({ router, fake });
      }),
      { numRuns: 200 },
    );
    // Proves that the cases occurred.
    expect(hedged).toBeGreaterThan(10);
    expect(lost).toBeGreaterThan(0);
  }, 120_000);
});

const isHedge = ({ hedge }: AttemptRecord) => hedge === true;

/** Retries of the same deployment that did not succeed, and hedges. */
function tokensOf(attempts: readonly AttemptRecord[]): number {
  const isRetry = ({ deployment }: AttemptRecord, index: number) =>
    attempts.slice(0, index).some((each) => each.deployment === deployment);
  const inVain = attempts.filter((each, index) => isRetry(each, index) && each.outcome !== 'success');
  return inVain.length + attempts.filter(isHedge).length;
}

function expectNobodyTwice(attempts: readonly AttemptRecord[]): void {
  for (const [index, { deployment, startedMs, durationMs }] of attempts.entries()) {
    const later = attempts.slice(index + 1).filter((each) => each.deployment === deployment);
    for (const each of later) expect(each.startedMs).toBeGreaterThanOrEqual(startedMs + durationMs);
  }
}
