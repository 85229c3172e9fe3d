import { describe, expect, it } from 'vitest';
import type { failure } from '../../../src/classify.js';
import { type PlanView, plan, type Step, type TargetView } from '../../../src/plan/plan.js';
import { failed, type TestTarget, targetView, viewOf } from '../../helpers/plan-views.js';
import fc from '../../helpers/property.js';

type Outcome = Parameters<typeof failure>[0];
type AttemptStep = Extract<Step, { type: 'attempt' }>;

const outcome = fc.constantFrom<Outcome[]>(
  ...(['server-error', 'rate-limited', 'connection', 'timeout', 'invalid-answer', 'unauthorized'] as const),
  ...(['forbidden', 'model-not-found', 'context-length', 'caller-error', 'aborted'] as const),
);

const moment = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, fc.integer({ min: 1, max: 15_000 }));
const perhapsMs = fc.option(fc.integer({ min: 1, max: 12_000 }), { nil: undefined });

const target: fc.Arbitrary<TestTarget> = fc
  .record({
    retryAt: moment,
    pausedUntil: moment,
    suspendedUntil: moment,
    contextWindow: fc.constantFrom(undefined, 4000, 8000, 16_000),
    timeoutMs: perhapsMs,
    fastestMs: perhapsMs,
    over: fc.integer({ min: 0, max: 5000 }),
  })
  .map(({ over, ...rest }) =>
    targetView({ ...rest, p95Ms: rest.fastestMs === undefined ? undefined : rest.fastestMs + over }),
  );

const call = fc.record({
  targets: fc.array(target, { maxLength: 4 }),
  settings: fc.record({
    deadline: fc.integer({ min: 1, max: 20_000 }),
    deadlineIsDefault: fc.boolean(),
    attemptTimeoutMs: perhapsMs,
    attemptsLeft: fc.integer({ min: 1, max: 6 }),
    mayRetry: fc.boolean(),
    jitter: fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
  }),
  /** The script of the attempts: their outcomes, after what share of their time, and the random number for a retry. */
  script: fc.array(
    fc.tuple(outcome, fc.double({ min: 0, max: 1, noNaN: true }), fc.double({ min: 0, max: 0.99, noNaN: true })),
    {
      minLength: 6,
      maxLength: 6,
    },
  ),
});

/** The breaker of each deployment as it stands at `now`. */
const at = (targets: readonly TestTarget[], now: number) =>
  targets.map((each) => ({ ...each, isOpen: each.retryAt > now }));

/** Follows the plan through a whole call, and passes on each step with its view. */
function follow({ targets, settings, script }: ReturnType<typeof sample>): {
  steps: [PlanView, AttemptStep][];
  end: [PlanView, Step];
} {
  const steps: [PlanView, AttemptStep][] = [];
  let view = viewOf(at(targets, 0), settings);
  for (let n = 0; ; ) {
    const step = plan(view);
    if (step.type !== 'attempt') return { steps, end: [view, step] };
    if (step.waitMs > 0) {
      const now = view.now + step.waitMs;
      // The loop consults the plan again after a wait. Then the awaited deployment can be tried, unless there is a
      // better one.
      view = { ...view, now, targets: at(targets, now) };
      expect(plan(view).type).toBe('attempt');
      continue;
    }
    steps.push([view, step]);
    const [what = 'caller-error', share = 0, jitter = 0] = script[n] ?? [];
    const now = view.now + step.timeoutMs * (what === 'timeout' ? 1 : share);
    const chosen = targets.find((each) => each.target === step.target) ?? targetView();
    const failures = [...view.failures, failed(chosen, what, { endedAt: now, jitter })];
    view = { ...view, now, targets: at(targets, now), failures, attemptsLeft: view.attemptsLeft - 1 };
    n += 1;
  }
}

const sample = () => fc.sample(call, 1)[0] ?? { targets: [], settings: viewOf([]), script: [] };

/** Checks every step of every call. */
function holds(check: (view: PlanView, step: AttemptStep, chosen: TargetView) => void): void {
  fc.assert(
    fc.property(call, (given) => {
      for (const [view, step] of follow(given).steps) {
        const chosen = view.targets.find((each) => each.target === step.target);
        if (chosen === undefined) throw new Error('It chose a target that is not in the view');
        check(view, step, chosen);
      }
    }),
    { numRuns: 500 },
  );
}

const failuresOf = (view: PlanView, { target: chosen }: AttemptStep) =>
  view.failures.filter((each) => each.target === chosen);

describe('under all circumstances, the plan', () => {
  it('ends, after no more attempts than allowed', () => {
    fc.assert(
      fc.property(call, (given) => {
        expect(follow(given).steps.length).toBeLessThanOrEqual(given.settings.attemptsLeft);
      }),
      { numRuns: 500 },
    );
  });

  it('returns the same step for the same view, and does not change it', () => {
    holds((view, step) => {
      for (const part of [view, view.targets, view.failures, ...view.targets, ...view.failures]) Object.freeze(part);
      expect(plan(view)).toEqual(step);
    });
  });

  it('keeps every attempt within the deadline, in whole milliseconds, the last one up to it', () => {
    holds((view, { timeoutMs, untilDeadline }) => {
      expect(Number.isInteger(timeoutMs) && timeoutMs >= 1).toBe(true);
      expect(view.now + timeoutMs).toBeLessThanOrEqual(view.deadline);
      // In this order, because `now` may have a fraction that a sum with `timeoutMs` rounds away.
      expect(untilDeadline).toBe(timeoutMs > view.deadline - view.now - 1);
    });
  });

  it('never exceeds an attempt’s limit', () => {
    holds((view, { timeoutMs }, chosen) => {
      expect(timeoutMs).toBeLessThanOrEqual(view.attemptTimeoutMs ?? chosen.timeoutMs ?? timeoutMs);
    });
  });

  it('reserves between 25 % and 60 % for the next attempt, or nothing', () => {
    holds((view, { timeoutMs }, chosen) => {
      if ((view.attemptTimeoutMs ?? chosen.timeoutMs) !== undefined) return;
      const left = view.deadline - view.now;
      const reserve = left - timeoutMs;
      if (reserve < 1) return;
      expect(reserve).toBeGreaterThanOrEqual(0.25 * left);
      expect(reserve).toBeLessThan(0.6 * left + 1);
      expect(view.targets.length > 1 && view.attemptsLeft > 1).toBe(true);
    });
  });

  it('never repeats a request that must not be retried, or without a token', () => {
    holds((view, step) => {
      const before = failuresOf(view, step);
      expect(step.isRetry).toBe(before.length > 0);
      if (before.length === 0) return;
      expect(view.mayRetry).toBe(true);
      expect(before.at(-1)?.retry).not.toBe('no');
    });
  });

  it('stops after a failure that ends the call', () => {
    holds((view) => {
      expect(view.failures.some((each) => each.failover === 'no' && each.retry === 'no')).toBe(false);
    });
  });

  it('goes from a context that is too long to larger windows only, or once where none is declared', () => {
    holds((view, { isRetry }, chosen) => {
      if (isRetry) return;
      const tooLong = view.failures.filter(({ failover }) => failover === 'larger');
      for (const each of tooLong) {
        const failedWindow = view.targets.find(({ target: its }) => its === each.target)?.contextWindow;
        if (failedWindow === undefined && chosen.contextWindow === undefined && tooLong.length === 1) continue;
        expect(chosen.contextWindow ?? 0).toBeGreaterThan(failedWindow ?? Number.POSITIVE_INFINITY);
      }
    });
  });

  it('never sends before the end of a pause', () => {
    holds((view, _, chosen) => {
      expect(chosen.pausedUntil).toBeLessThanOrEqual(view.now);
    });
  });

  it('uses an open breaker or a suspended client only when no other deployment is left', () => {
    holds((view, step, chosen) => {
      expect(step.panic).toBe(chosen.isOpen);
      if (!chosen.isOpen && chosen.suspendedUntil <= view.now) return;
      const others = view.targets.filter(
        (each) =>
          !each.isOpen &&
          Math.max(each.pausedUntil, each.suspendedUntil) <= view.now &&
          view.deadline - view.now >= Math.max(1, each.fastestMs ?? 1) &&
          view.failures.every((failure) => failure.target !== each.target && failure.failover === 'yes'),
      );
      expect(others).toEqual([]);
    });
  });

  it('starts no attempt that cannot finish, except the very first', () => {
    holds((view, _, chosen) => {
      const left = view.deadline - view.now;
      if (view.failures.length > 0) expect(left).toBeGreaterThanOrEqual(chosen.fastestMs ?? 1);
    });
  });

  it('follows the order of the route until the first attempt', () => {
    holds((view, step, chosen) => {
      if (view.failures.length > 0 || chosen.isOpen || chosen.suspendedUntil > view.now) return;
      const before = view.targets.slice(0, view.targets.indexOf(chosen));
      const free = before.filter((each) => !each.isOpen && Math.max(each.pausedUntil, each.suspendedUntil) <= view.now);
      expect(step.isRetry || free.length === 0).toBe(true);
    });
  });
});
