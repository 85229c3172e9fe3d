import { describe, expect, it } from 'vitest';
import { isFinal, type PlanView, plan, planHedge } from '../../../src/plan/plan.js';
import { failed, inShort, type TestTarget, targetView, viewOf } from '../../helpers/plan-views.js';

const [a, b, c] = [targetView(), targetView(), targetView()];
const out = targetView({ isOpen: true, retryAt: 5000 });
const paused = targetView({ pausedUntil: 1 });
const suspends = targetView({ suspendedUntil: 1 });

/** A view while the first target still runs. */
const running = (targets: readonly TestTarget[], more: Partial<PlanView> = {}) =>
  viewOf(targets, { inFlight: targets.slice(0, 1).map(({ target }) => target), attemptsLeft: 2, ...more });

/** The deployments that get the call beside the first, by index. */
function hedged(view: PlanView): string {
  const step = planHedge(view);
  return step === undefined ? 'nobody' : inShort(step, view);
}

describe('a hedge', () => {
  it.each<[string, TestTarget[], Partial<PlanView>, string]>([
    ['goes to the next deployment', [a, b, c], {}, '1'],
    ['does not go to one with a running attempt', [a, b, c], { inFlight: [a.target, b.target] }, '2'],
    ['does not go to one that has failed', [a, b, c], { failures: [failed(b)] }, '2'],
    ['needs another deployment', [a], {}, 'nobody'],
    ['skips open breakers, pauses and suspended clients', [a, out, paused, suspends, b], {}, '4'],
    ['does not wait for them', [a, out, paused, suspends], {}, 'nobody'],
    ['skips one that could not finish', [a, targetView({ fastestMs: 10_001 }), c], {}, '2'],
    ['goes to one that can just finish', [a, targetView({ fastestMs: 10_000 }), c], {}, '1'],
    ['needs a token', [a, b], { mayRetry: false }, 'nobody'],
    ['needs an attempt', [a, b], { attemptsLeft: 0 }, 'nobody'],
    ['may be the last attempt', [a, b], { attemptsLeft: 1 }, '1'],
    [
      'does not follow an error that would recur everywhere',
      [a, b, c],
      { failures: [failed(c, 'caller-error')] },
      'nobody',
    ],
    ['is not started without a millisecond left', [a, b], { now: 9999.5 }, 'nobody'],
  ])('%s', (_, targets, more, expected) => {
    expect(hedged(running(targets, more))).toBe(expected);
  });

  it('has the time of an attempt', () => {
    expect(planHedge(running([a, b, c]))).toMatchObject({
      timeoutMs: 5000,
      waitMs: 0,
      isRetry: false,
      untilDeadline: false,
    });
    expect(planHedge(running([a, b]))).toMatchObject({ timeoutMs: 10_000, untilDeadline: true });
  });
});

describe('while another attempt runs', () => {
  const planned = (view: PlanView) => inShort(plan(view), view);

  it('a failure leads to an untried deployment, not to a wait, a retry or an open breaker', () => {
    expect(planned(running([a, b, c], { failures: [failed(b)] }))).toBe('2');
    expect(planned(running([a, b], { failures: [failed(b)] }))).toBe('nothing-left');
    expect(planned(running([a, b, paused], { failures: [failed(b)] }))).toBe('paused');
    expect(planned(running([a, b, out], { failures: [failed(b)] }))).toBe('no-time');
  });

  it('an error that would recur everywhere ends the run', () => {
    expect(planned(running([a, b, c], { failures: [failed(b, 'caller-error')] }))).toBe('failed');
  });

  it('the next is tried only if it can finish', () => {
    expect(planned(running([a, targetView({ fastestMs: 10_001 })]))).toBe('no-time');
  });
});

it.each([
  ['caller-error', true],
  ['content-filter', true],
  ['interrupted', true],
  ['aborted', true],
  ['context-length', false],
  ['timeout', false],
  ['server-error', false],
] as const)('whether %s is final: %s', (outcome, is) => {
  expect(isFinal(failed(a, outcome))).toBe(is);
});
