import { failure } from '../../src/classify.js';
import type { PlanView, Step, TargetView } from '../../src/plan/plan.js';
import type { Failure, Target } from '../../src/types.js';

/** The state of a deployment, and whether it is full. */
export interface TestTarget extends TargetView {
  readonly isFull: boolean;
}

/** A healthy deployment without statistics. */
export function targetView(more: Partial<TestTarget> = {}): TestTarget {
  return {
    // A plan uses a target only by identity.
    target: {} as Target,
    isOpen: false,
    retryAt: 0,
    pausedUntil: 0,
    isFull: false,
    isDepleted: false,
    probeAt: Number.POSITIVE_INFINITY,
    suspendedUntil: 0,
    contextWindow: undefined,
    attemptTimeoutMs: undefined,
    timeoutMs: undefined,
    p95Ms: undefined,
    fastestMs: undefined,
    ...more,
  };
}

/** A call of 10 s that has just started, without jitter. */
export function viewOf(targets: readonly TestTarget[], more: Partial<PlanView> = {}): PlanView {
  return {
    now: 0,
    deadline: 10_000,
    deadlineIsDefault: false,
    attemptTimeoutMs: undefined,
    attemptTimeoutIsOwn: false,
    attemptsLeft: 3,
    targets,
    isFull: (each) => (each as TestTarget).isFull,
    failures: [],
    inFlight: [],
    mayRetry: true,
    retry: { baseMs: 250, maxMs: 8000 },
    jitter: 0,
    ...more,
  };
}

/** The failure that `classify` returns for an outcome, at `target`. */
export function failed(
  { target }: TargetView,
  outcome: Parameters<typeof failure>[0] = 'server-error',
  more: Partial<Failure> = {},
): Failure {
  return { ...failure(outcome, new Error(outcome), 0, 0), target, ...more };
}

/** A step in short: the target's index and the wait, or why the plan stops. */
export function inShort(step: Step, { targets }: PlanView): string {
  if (step.type === 'stop')
    return step.reason === 'withheld'
      ? `withheld ${targets.findIndex((each) => each.target === step.target)}`
      : step.reason;
  if (step.type === 'queue')
    return `queue ${step.targets.map((target) => targets.findIndex((each) => each.target === target)).join(' ')}${step.waitMs === undefined ? '' : ` for ${step.waitMs}`}`;
  const place = targets.findIndex((each) => each.target === step.target);
  const marks = [
    step.waitMs > 0 && `after ${step.waitMs}`,
    step.isRetry && 'retry',
    step.panic && 'panic',
    step.probe && 'probe',
  ];
  return [place, ...marks].filter((each) => each !== false).join(' ');
}
