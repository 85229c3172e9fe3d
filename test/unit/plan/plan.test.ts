import { describe, expect, it } from 'vitest';
import { backoffMs } from '../../../src/plan/backoff.js';
import { type PlanView, plan, planHedge } from '../../../src/plan/plan.js';
import { failed, inShort, type TestTarget, targetView, viewOf } from '../../helpers/plan-views.js';

const [a, b, c] = [targetView(), targetView(), targetView()];
const out = (retryAt = 5000) => targetView({ isOpen: true, retryAt });
const paused = (pausedUntil: number) => targetView({ pausedUntil });
const suspends = (suspendedUntil = 60_000) => targetView({ suspendedUntil });

const both = (pausedUntil: number, retryAt: number) => targetView({ isOpen: true, retryAt, pausedUntil });

/** The plan's step, in short. */
const planned = (view: PlanView) => inShort(plan(view), view);

function nextOf(view: PlanView) {
  const step = plan(view);
  if (step.type !== 'attempt') throw new TypeError(`The plan says ${step.type}`);
  return step;
}

describe('the first attempt', () => {
  it.each<[string, TestTarget[], string]>([
    ['goes to the first deployment', [a, b], '0'],
    ['skips an open breaker', [out(), b], '1'],
    ['skips a paused deployment', [paused(5000), b], '1'],
    ['skips a suspended client', [suspends(), b], '1'],
    ['goes to one whose pause ends now', [paused(0), b], '0'],
    ['waits for the pause that ends first', [paused(3000), paused(2000)], '1 after 2000'],
    ['prefers a pause to an open breaker', [out(), paused(2000)], '1 after 2000'],
    ['does not wait for a pause that ends too late', [paused(10_000)], 'paused'],
    ['waits for the first of two pauses that end at once', [paused(2000), paused(2000)], '0 after 2000'],
    ['tries the open breaker that is due first', [out(5000), out(4000), out(6000)], '1 panic'],
    ['tries the first of two open breakers that are due at once', [out(), out()], '0 panic'],
    ['tries an open breaker whose pause ends first', [both(2000, 6000), both(3000, 5000)], '0 after 2000 panic'],
    ['tries it at any position', [both(3000, 5000), both(2000, 6000)], '1 after 2000 panic'],
    ['tries an open breaker if no pause fits', [paused(20_000), out()], '1 panic'],
    ['tries a suspended client if no other is left', [suspends()], '0'],
    ['prefers an open breaker that is due before a suspension ends', [suspends(), out()], '1 panic'],
    ['stops without deployments', [], 'nothing-left'],
  ])('%s', (_, targets, expected) => {
    expect(planned(viewOf(targets))).toBe(expected);
  });

  it('is made even if it may not fit: the deployment may have recovered', () => {
    expect(planned(viewOf([targetView({ fastestMs: 20_000 })]))).toBe('0');
    expect(planned(viewOf([targetView({ fastestMs: 20_000, isOpen: true, retryAt: 5000 })]))).toBe('0 panic');
  });

  it('is not made when the time is over', () => {
    expect(planned(viewOf([a], { now: 9999 }))).toBe('0');
    expect(planned(viewOf([a], { now: 9999.5 }))).toBe('no-time');
  });

  it('is spread over a backoff where many calls wait for the same pause', () => {
    expect(planned(viewOf([paused(2000)], { jitter: 0.4 }))).toBe('0 after 2100');
  });
});

describe('after a failure', () => {
  const at = (outcome: Parameters<typeof failed>[1], targets = [a, b, c], more: Partial<PlanView> = {}) =>
    planned(viewOf(targets, { failures: [failed(a, outcome)], attemptsLeft: 2, ...more }));

  it.each([
    ['caller-error', 'failed'],
    ['content-filter', 'failed'],
    ['deadline', 'failed'],
    ['interrupted', 'failed'],
    ['aborted', 'failed'],
    ['unauthorized', '1'],
    ['forbidden', '1'],
    ['model-not-found', '1'],
    ['server-error', '1'],
    ['rate-limited', '1'],
    ['connection', '1'],
    ['timeout', '1'],
    ['invalid-answer', '1'],
    ['context-length', '1'],
  ] as const)('%s: %s', (outcome, expected) => {
    expect(at(outcome)).toBe(expected);
  });

  it.each([
    ['server-error', '0 after 125 retry'],
    ['rate-limited', '0 after 125 retry'],
    ['invalid-answer', '0 after 125 retry'],
    ['connection', '0 after 125 retry'],
    ['unauthorized', 'nothing-left'],
    ['forbidden', 'nothing-left'],
    ['model-not-found', 'nothing-left'],
    ['timeout', '0 after 125 retry'],
  ] as const)('%s, and on no other deployment: %s', (outcome, expected) => {
    expect(at(outcome, [a])).toBe(expected);
    const without = expected === 'nothing-left' ? expected : 'withheld 0';
    expect(at(outcome, [a], { mayRetry: false })).toBe(without);
  });

  it('retries a deployment that timed out only if no other is left', () => {
    const late = failed(a, 'timeout');
    expect(planned(viewOf([a, b], { failures: [late] }))).toBe('1');
    expect(planned(viewOf([a, out()], { failures: [late] }))).toBe('1 panic');
    expect(planned(viewOf([a, paused(3000)], { failures: [late] }))).toBe('1 after 3000');
    expect(planned(viewOf([a, b], { failures: [late, failed(b)] }))).toBe('1 after 125 retry');
    expect(planned(viewOf([a, b], { failures: [late, failed(b, 'unauthorized')] }))).toBe('0 after 125 retry');
    expect(planned(viewOf([a, b], { failures: [late, failed(b, 'timeout', { endedAt: 50 })] }))).toBe(
      '0 after 125 retry',
    );
    const open = out();
    expect(planned(viewOf([open], { failures: [failed(open, 'timeout')] }))).toBe('0 after 125 retry panic');
  });

  it('waits between half of the backoff and all of it', () => {
    const waits = (jitter: number, times = 1) =>
      planned(viewOf([a], { failures: Array.from({ length: times }, () => failed(a, 'server-error', { jitter })) }));
    expect([waits(0), waits(0.5), waits(1)]).toEqual(['0 after 125 retry', '0 after 187.5 retry', '0 after 250 retry']);
    expect([waits(0, 2), waits(1, 2)]).toEqual(['0 after 250 retry', '0 after 500 retry']);
  });

  it('of the context, tries one other where no window is declared', () => {
    const failures = [failed(a, 'context-length')];
    expect(planned(viewOf([a, b, c], { failures }))).toBe('1');
    expect(planned(viewOf([a, b, c], { failures: [...failures, failed(b, 'context-length')] }))).toBe('nothing-left');
    expect(planned(viewOf([a, targetView({ contextWindow: 8000 })], { failures }))).toBe('nothing-left');
  });

  it('of the context, tries only a larger window', () => {
    const windows = [8000, 8000, undefined, 8001].map((contextWindow) => targetView({ contextWindow }));
    const [first = a] = windows;
    expect(planned(viewOf(windows, { failures: [failed(first, 'context-length')] }))).toBe('3');
  });

  it('of the context twice, compares with the larger of both', () => {
    const windows = [8000, 32_000, 16_000, 64_000].map((contextWindow) => targetView({ contextWindow }));
    const [first = a, second = b] = windows;
    const failures = [failed(first, 'context-length'), failed(second, 'context-length')];
    expect(planned(viewOf(windows, { failures }))).toBe('3');
  });

  it('stops when no attempt is left', () => {
    expect(at('server-error', [a, b], { attemptsLeft: 0 })).toBe('attempts');
  });

  it('waits for the deployment that is available first', () => {
    const failures = [failed(a, 'server-error', { jitter: 0.8 }), failed(b, 'server-error', { jitter: 0.4 })];
    expect(planned(viewOf([a, b], { failures }))).toBe('1 after 175 retry');
    expect(planned(viewOf([a, b, paused(50)], { failures }))).toBe('2 after 50');
  });

  it('retries the same one despite its open breaker or suspended client, if no other is left', () => {
    const [open, gone] = [out(), suspends()];
    expect(planned(viewOf([open], { failures: [failed(open)] }))).toBe('0 after 125 retry panic');
    expect(planned(viewOf([gone], { failures: [failed(gone)] }))).toBe('0 after 125 retry');
    // Not a deployment whose failure allows no retry.
    expect(planned(viewOf([open], { failures: [failed(open, 'unauthorized')] }))).toBe('nothing-left');
    // Not before another one that lets calls through.
    expect(planned(viewOf([open, b], { failures: [failed(open), failed(b, 'server-error', { jitter: 1 })] }))).toBe(
      '1 after 250 retry',
    );
    // An untried one comes first.
    expect(planned(viewOf([open, out(9000)], { failures: [failed(open)] }))).toBe('1 panic');
  });

  it('tries another one with an open breaker before it gives up', () => {
    expect(planned(viewOf([a, out()], { failures: [failed(a, 'timeout')] }))).toBe('1 panic');
  });

  it('waits as long as the server requested before it retries there', () => {
    const busy = paused(3000);
    const failures = [failed(busy, 'rate-limited', { jitter: 0.8 })];
    expect(planned(viewOf([busy], { failures }))).toBe('0 after 3000 retry');
    expect(planned(viewOf([busy], { failures, deadline: 3000 }))).toBe('nothing-left');
  });

  it('skips a deployment that could not finish, for another that could', () => {
    const [slow, fast] = [targetView({ fastestMs: 9000 }), targetView({ fastestMs: 100 })];
    expect(planned(viewOf([a, slow, fast], { now: 2000, failures: [failed(a)] }))).toBe('2');
  });

  it.each([
    [8999, '1'],
    [9001, 'no-time'],
  ])('starts no attempt that could not finish: after %i of 10,000 ms, %s', (now, expected) => {
    const other = targetView({ fastestMs: 1000 });
    expect(planned(viewOf([a, other], { now, failures: [failed(a, 'unauthorized')] }))).toBe(expected);
  });

  it('reports that no time is left, not a pause, if a pause ends now', () => {
    const other = targetView({ fastestMs: 1000, pausedUntil: 9500 });
    expect(planned(viewOf([a, other], { now: 9500, failures: [failed(a, 'unauthorized')] }))).toBe('no-time');
    const later = targetView({ fastestMs: 1000, pausedUntil: 9501 });
    expect(planned(viewOf([a, later], { now: 9500, failures: [failed(a, 'unauthorized')] }))).toBe('paused');
  });

  it('starts no attempt with less than a millisecond left', () => {
    const failures = [failed(a)];
    expect(planned(viewOf([a, b], { now: 9999, failures }))).toBe('1');
    expect(planned(viewOf([a, b], { now: 9999.5, failures }))).toBe('no-time');
  });
});

describe('the time of an attempt', () => {
  const next = (p95Ms: number | undefined) => targetView({ p95Ms });

  it.each<[string, TestTarget[], Partial<PlanView>, number]>([
    ['all that is left, for the last deployment', [a], {}, 10_000],
    ['all that is left, for the last attempt', [a, b], { attemptsLeft: 1 }, 10_000],
    ['75 % while the deadline is the default', [a, next(4000)], { deadlineIsDefault: true }, 7500],
    ['half, without statistics of the next one', [a, next(undefined)], {}, 5000],
    ['less 1.2 times the p95 of the next', [a, next(3000)], {}, 6400],
    ['at most 75 %', [a, next(10)], {}, 7500],
    ['at least 40 %', [a, next(9000)], {}, 4000],
    ['all but the reserve of the next available one', [a, out(), next(3000)], {}, 6400],
    ['all, if the next one is not available', [a, out(), paused(100), suspends()], {}, 10_000],
    ['the limit of the attempt', [a, b], { attemptTimeoutMs: 700 }, 700],
    ['no more than its share, whatever the limit', [a, b], { attemptTimeoutMs: 9000 }, 5000],
    ['the limit of its client', [targetView({ timeoutMs: 300 }), b], {}, 300],
    [
      'the limit of the attempt, before its client’s',
      [targetView({ timeoutMs: 300 }), b],
      { attemptTimeoutMs: 700 },
      700,
    ],
    [
      'all, if the next one could not finish in its reserve',
      [a, targetView({ p95Ms: 9500, fastestMs: 9000 })],
      {},
      10_000,
    ],
    [
      'all but the reserve of the next one that could finish',
      [a, targetView({ p95Ms: 9500, fastestMs: 9000 }), next(3000)],
      {},
      6400,
    ],
    ['whole milliseconds', [a, b], { now: 0.25 }, 4999],
  ])('is %s', (_, targets, more, timeoutMs) => {
    expect(nextOf(viewOf(targets, more)).timeoutMs).toBe(timeoutMs);
  });

  it.each<[string, number | undefined, number | undefined, number | undefined, number]>([
    ['less a reserve, if that leaves its own p95', undefined, 7500, 2000, 7500],
    ['else all that is left', undefined, 7501, 2000, 10_000],
    ['else all, as it may be as slow as the slowest known one', 100, undefined, 8000, 10_000],
    ['less a reserve, without any statistics', undefined, undefined, undefined, 5000],
  ])('after a failure is %s', (_, failedP95, ownP95, nextP95, timeoutMs) => {
    const first = next(failedP95);
    const targets = [first, next(ownP95), next(nextP95)];
    const step = nextOf(viewOf(targets, { failures: [failed(first)], attemptsLeft: 2 }));
    expect(step).toMatchObject({ target: targets[1]?.target, timeoutMs });
  });

  it('is the rest at its start, not now', () => {
    expect(nextOf(viewOf([paused(4000)])).timeoutMs).toBe(6000);
    expect(nextOf(viewOf([a, b], { now: 6000 })).timeoutMs).toBe(2000);
  });

  it('ends with the call only if it has all the time left', () => {
    expect(nextOf(viewOf([a])).untilDeadline).toBe(true);
    expect(nextOf(viewOf([a, b])).untilDeadline).toBe(false);
    expect(nextOf(viewOf([a], { attemptTimeoutMs: 10_000 })).untilDeadline).toBe(true);
    expect(nextOf(viewOf([a], { attemptTimeoutMs: 9999 })).untilDeadline).toBe(false);
  });
});

describe('backoffMs', () => {
  const retry = { baseMs: 250, maxMs: 8000 };

  it.each([
    [0, 1, 250],
    [0, 0, 125],
    [1, 1, 500],
    [5, 1, 8000],
    [2000, 1, 8000],
    [3, 0, 1000],
    [3, 0.25, 1250],
  ])('before retry %i, with random %f: %i', (retries, jitter, ms) => {
    expect(backoffMs(retries, retry, jitter)).toBe(ms);
  });

  it('is 0 without a base', () => {
    expect(backoffMs(4, { baseMs: 0, maxMs: 0 }, 0.9)).toBe(0);
  });
});

describe('a pause of every deployment', () => {
  const probed = (pausedUntil: number, probeAt: number) => targetView({ pausedUntil, probeAt });
  const refused = (target: TestTarget, retryAfterMs = 3000) =>
    failed(target, 'rate-limited', { status: 429, retryAfterMs });

  it.each<[string, TestTarget[], string]>([
    ['lets a probe through at its time', [probed(5000, 0)], '0 probe'],
    ['not before', [probed(5000, 250)], '0 after 250 probe'],
    ['is waited out if the next probe is due later', [probed(500, 750)], '0 after 500'],
    ['is probed if it ends after the deadline', [probed(60_000, 250)], '0 after 250 probe'],
    ['is probed at whichever deployment is due first', [probed(5000, 400), probed(9000, 300)], '1 after 300 probe'],
    [
      'is probed past an open breaker too',
      [targetView({ pausedUntil: 5000, probeAt: 250, isOpen: true, retryAt: 9000 })],
      '0 after 250 panic probe',
    ],
    ['is left alone while another one is free', [probed(5000, 0), b], '1'],
  ])('%s', (_, targets, expected) => {
    expect(planned(viewOf(targets))).toBe(expected);
  });

  it('is not probed by a call that was refused itself: that call waits as long as the server requested', () => {
    const [one] = [probed(5000, 0)];
    expect(planned(viewOf([one], { failures: [refused(one)] }))).toBe('0 after 3000 retry probe');
    expect(planned(viewOf([paused(5000)], { failures: [refused(paused(5000))], jitter: 0.4 }))).toBe('0 after 5100');
    expect(planned(viewOf([one], { failures: [refused(one, 5000)], jitter: 0.4 }))).toBe('0 after 5100 retry');
    // Another call's answer has ended the pause, but this call's own refusal still counts.
    expect(planned(viewOf([a], { failures: [refused(a)] }))).toBe('0 after 3000 retry');
    // A call that failed in another way may probe.
    expect(planned(viewOf([one], { failures: [failed(one)] }))).toBe('0 after 125 retry probe');
  });

  it('is not probed while a retry of another deployment is possible', () => {
    const other = probed(5000, 0);
    expect(planned(viewOf([a, other], { failures: [failed(a)] }))).toBe('0 after 125 retry');
    expect(planned(viewOf([a, other], { failures: [failed(a, 'unauthorized')] }))).toBe('1 probe');
  });
});

describe('a hedge', () => {
  const beside = (targets: TestTarget[], more: Partial<PlanView> = {}) => {
    const view = viewOf(targets, { attemptsLeft: 2, inFlight: [a.target], ...more });
    const step = planHedge(view);
    return step && inShort(step, view);
  };

  it.each<[string, TestTarget[], string | undefined]>([
    ['goes to the next untried deployment', [a, b, c], '1'],
    ['skips open breakers, pauses and suspended clients', [a, out(), paused(5000), suspends(), c], '4'],
    ['does not wait', [a, paused(100)], undefined],
    ['does not use an open breaker', [a, out()], undefined],
    ['needs another deployment', [a], undefined],
    ['does not go to one that cannot finish', [a, targetView({ fastestMs: 10_001 })], undefined],
    ['goes to one that can just finish', [a, targetView({ fastestMs: 10_000 })], '1'],
  ])('%s', (_, targets, expected) => {
    expect(beside(targets)).toBe(expected);
  });

  it('tries no deployment twice: no running one and no failed one', () => {
    expect(beside([a, b, c], { failures: [failed(b)] })).toBe('2');
    expect(beside([a, b], { failures: [failed(b)] })).toBeUndefined();
    expect(beside([a, b, c], { inFlight: [a.target, b.target] })).toBe('2');
  });

  it('needs a token, an attempt, and a request that other deployments may accept', () => {
    expect(beside([a, b], { mayRetry: false })).toBeUndefined();
    expect(beside([a, b], { attemptsLeft: 0 })).toBeUndefined();
    expect(beside([a, b, c], { failures: [failed(b, 'caller-error')] })).toBeUndefined();
  });

  it('reserves time for the attempt after it', () => {
    expect(planHedge(viewOf([a, b, c], { attemptsLeft: 2, inFlight: [a.target] }))?.timeoutMs).toBe(5000);
    expect(planHedge(viewOf([a, b], { attemptsLeft: 2, inFlight: [a.target] }))?.timeoutMs).toBe(10_000);
  });
});

describe('a failure beside another attempt', () => {
  const next = (targets: TestTarget[], more: Partial<PlanView> = {}) =>
    planned(viewOf(targets, { failures: [failed(b)], inFlight: [a.target], attemptsLeft: 2, ...more }));

  it('is followed by an untried deployment only', () => {
    expect(next([a, b, c])).toBe('2');
    expect(next([a, b])).toBe('nothing-left');
    expect(next([a, b, out()])).toBe('no-time');
    expect(next([a, b, paused(100)])).toBe('paused');
    expect(next([a, b], { inFlight: [] })).toBe('0');
  });

  it('of the caller ends all, also when another one has failed after it', () => {
    expect(next([a, b, c], { failures: [failed(a, 'caller-error'), failed(b)], inFlight: [] })).toBe('failed');
  });
});

describe('full deployments', () => {
  const full = (more: Partial<TestTarget> = {}) => targetView({ isFull: true, ...more });

  it.each<[string, readonly TestTarget[], Partial<PlanView>, string]>([
    ['are skipped', [full(), targetView()], {}, '1'],
    ['are queued for only if all are full', [full(), full()], {}, 'queue 0 1'],
    [
      'are waited for, not queued for, if paused or open',
      [full({ pausedUntil: 5000 }), full({ isOpen: true, retryAt: 5000 })],
      {},
      '0 after 5000',
    ],
    ['are queued for until a pause ends', [full(), targetView({ pausedUntil: 2000 })], {}, 'queue 0 for 2000'],
    [
      'are queued for rather than an open breaker',
      [targetView({ isOpen: true, retryAt: 9000 }), full()],
      {},
      'queue 1',
    ],
    ['are not queued for by a hedge', [full()], { inFlight: [targetView().target] }, 'no-time'],
  ])('%s', (_, targets, more, expected) => {
    const view = viewOf(targets, more);
    expect(inShort(plan(view), view)).toBe(expected);
  });

  it('after a failure a retry waits for its slot', () => {
    const only = full();
    const view = viewOf([only], { failures: [failed(only)], attemptsLeft: 2 });
    expect(inShort(plan(view), view)).toBe('0 after 125 retry');
    expect(inShort(plan({ ...view, now: 125 }), view)).toBe('queue 0');
  });

  it('those with nothing left of their rate go last, and are not excluded', () => {
    const depleted = targetView({ isDepleted: true });
    const both = viewOf([depleted, targetView()]);
    expect(inShort(plan(both), both)).toBe('1');
    const alone = viewOf([depleted]);
    expect(inShort(plan(alone), alone)).toBe('0');
  });
});
