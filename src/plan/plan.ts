import type { Failure, Target } from '../types.js';
import { backoffMs } from './backoff.js';

/** Everything that a plan may know. It reads no clock and starts no timer, so the same view gives the same step. */
export interface View {
  readonly now: number;
  readonly deadline: number;
  readonly deadlineIsDefault: boolean;
  readonly attemptTimeoutMs: number | undefined;
  readonly attemptsLeft: number;
  readonly targets: readonly TargetView[];
  readonly failures: readonly Failure[];
  /** Those that this call has asked and that have neither answered nor failed yet. */
  readonly inFlight: readonly Target[];
  /** Whether the retry budget has a token. */
  readonly mayRetry: boolean;
  readonly retry: { readonly baseMs: number; readonly maxMs: number };
  /** 0 to 1, drawn once a call: spreads the calls that wait for the same pause. */
  readonly jitter: number;
}

/** One deployment, as it stands at `View.now`. */
export interface TargetView {
  readonly target: Target;
  /** The breaker gives no permit. */
  readonly out: boolean;
  /** When the breaker lets the next probe through. */
  readonly dueAt: number;
  readonly pausedUntil: number;
  readonly suspendedUntil: number;
  readonly contextWindow: number | undefined;
  /** Its client's own limit for one attempt. */
  readonly timeoutMs: number | undefined;
  /** Of all that was waited for; `undefined` while too little is known. */
  readonly p95Ms: number | undefined;
  /** Of valid answers. */
  readonly fastestMs: number | undefined;
}

export type Step =
  /** Ask `target`, after `waitMs`; look at the plan again after a wait. */
  | {
      type: 'ask';
      target: Target;
      waitMs: number;
      timeoutMs: number;
      untilDeadline: boolean;
      again: boolean;
      forced: boolean;
    }
  | { type: 'stop'; reason: 'failed' | 'attempts' | 'no-time' | 'paused' | 'nothing-left' };

export type Ask = Extract<Step, { type: 'ask' }>;

interface Candidate {
  readonly view: TargetView;
  readonly readyAt: number;
  readonly again: boolean;
  readonly forced: boolean;
}

const STOP = {
  failed: { type: 'stop', reason: 'failed' },
  attempts: { type: 'stop', reason: 'attempts' },
  noTime: { type: 'stop', reason: 'no-time' },
  paused: { type: 'stop', reason: 'paused' },
  nothingLeft: { type: 'stop', reason: 'nothing-left' },
} as const satisfies Record<string, Step>;

/** What to try next, given what has failed so far. Failing over is naming another deployment, retrying naming the same one. */
export function plan(view: View): Step {
  if (view.failures.some(isFinal)) return STOP.failed;
  if (view.attemptsLeft <= 0) return STOP.attempts;
  const candidate = fresh(view) ?? (view.inFlight.length > 0 ? undefined : (waiting(view) ?? lastResort(view)));
  if (candidate === undefined) return nobody(view);
  return toStep(view, candidate);
}

/** Whom to ask beside those that still run: one that this call has not asked, that can be asked now, and has the time. */
export function planHedge(view: View): Ask | undefined {
  if (!view.mayRetry || view.attemptsLeft <= 0 || view.failures.some(isFinal)) return undefined;
  const candidate = fresh(view);
  const step = candidate && toStep(view, candidate);
  return step?.type === 'ask' ? step : undefined;
}

/** What failed so fails everywhere: there, too, where it failed. */
export const isFinal = ({ next }: Failure) => next === 'no';

/** The first deployment that has not been asked yet and can be asked now. */
function fresh(view: View): Candidate | undefined {
  const found = view.targets.find(
    (each) => isFresh(view, each) && (isFirstAttempt(view) || fits(view, each, view.now)),
  );
  return found && { view: found, readyAt: view.now, again: false, forced: false };
}

function isFresh(view: View, each: TargetView): boolean {
  return isOpenTo(view, each) && !each.out && each.pausedUntil <= view.now && each.suspendedUntil <= view.now;
}

const isFirstAttempt = (view: View) => view.failures.length === 0 && view.inFlight.length === 0;

/** Not asked yet by this call, and not ruled out by how the others failed. */
function isOpenTo(view: View, each: TargetView): boolean {
  if (view.inFlight.includes(each.target)) return false;
  return view.failures.every(
    (failure) =>
      failure.target !== each.target &&
      (failure.next !== 'larger' || (each.contextWindow ?? 0) > (windowOf(view, failure) ?? Number.POSITIVE_INFINITY)),
  );
}

function windowOf(view: View, failure: Failure): number | undefined {
  return view.targets.find((each) => each.target === failure.target)?.contextWindow;
}

/** Whoever may be asked soonest: one that asked for a pause, or one of those that failed, after a backoff. */
function waiting(view: View): Candidate | undefined {
  const paused = view.targets
    .filter((each) => isOpenTo(view, each) && !each.out && each.suspendedUntil <= view.now)
    .map((each) => ({ view: each, readyAt: afterPause(view, each), again: false, forced: false }));
  const again = view.mayRetry ? view.targets.flatMap((each) => retryOf(view, each)) : [];
  // A deployment that cannot answer before the deadline does not keep the others from being asked.
  return [...paused, ...again]
    .filter((each) => fits(view, each.view, each.readyAt))
    .reduce<Candidate | undefined>((best, each) => (best && best.readyAt <= each.readyAt ? best : each), undefined);
}

function retryOf(view: View, each: TargetView): Candidate[] {
  const failures = view.failures.filter((failure) => failure.target === each.target);
  const last = failures.at(-1);
  if (last === undefined || each.out || each.suspendedUntil > view.now) return [];
  if (last.again === 'no' || (last.again === 'once' && failures.length > 1)) return [];
  const backoff = last.endedAt + backoffMs(failures.length - 1, view.retry, last.jitter);
  return [{ view: each, readyAt: Math.max(backoff, afterPause(view, each)), again: true, forced: false }];
}

function afterPause(view: View, each: TargetView): number {
  return each.pausedUntil > view.now ? each.pausedUntil + view.jitter * view.retry.baseMs : view.now;
}

/**
 * When all that is left is out: the one whose breaker is due first, or whose client was set aside. What a server asked
 * for is kept: one that is paused as well is only asked after its pause.
 */
function lastResort(view: View): Candidate | undefined {
  return view.targets
    .filter((each) => isOpenTo(view, each))
    .map((each) => ({ view: each, readyAt: afterPause(view, each), again: false, forced: each.out }))
    .filter((each) => isFirst(view, each) || fits(view, each.view, each.readyAt))
    .reduce<Candidate | undefined>((best, each) => (best && isSooner(best, each) ? best : each), undefined);
}

/** Before anything has failed, an attempt is made even if the time is short. */
const isFirst = (view: View, { readyAt }: Candidate) => isFirstAttempt(view) && readyAt <= view.now;

function isSooner(one: Candidate, other: Candidate): boolean {
  return one.readyAt < other.readyAt || (one.readyAt === other.readyAt && dueAt(one) <= dueAt(other));
}

const dueAt = (candidate: Candidate) => Math.max(candidate.view.dueAt, candidate.view.suspendedUntil);

/** Why there is nobody to ask: those that are left asked for a pause, or could not finish any more, or there are none. */
function nobody(view: View): Step {
  const left = view.targets.filter((each) => isOpenTo(view, each));
  if (left.some((each) => each.pausedUntil > view.now)) return STOP.paused;
  return left.length > 0 ? STOP.noTime : STOP.nothingLeft;
}

/** An attempt that cannot finish is not started: it needs the time of the fastest answer seen. */
function fits(view: View, each: TargetView, readyAt: number): boolean {
  return view.deadline - Math.max(view.now, readyAt) >= Math.max(1, each.fastestMs ?? 1);
}

function toStep(view: View, candidate: Candidate): Step {
  const readyAt = Math.max(view.now, candidate.readyAt);
  const left = view.deadline - readyAt;
  if (left < 1) return STOP.noTime;
  const share = left - reserveMs(view, candidate, left);
  // Whole milliseconds: timers have no others, and all that end an attempt must agree.
  const timeoutMs = Math.max(
    1,
    Math.floor(Math.min(view.attemptTimeoutMs ?? candidate.view.timeoutMs ?? share, share)),
  );
  return {
    type: 'ask',
    target: candidate.view.target,
    waitMs: readyAt - view.now,
    timeoutMs,
    untilDeadline: timeoutMs >= Math.floor(left),
    again: candidate.again,
    forced: candidate.forced,
  };
}

/**
 * What is kept back, so that another deployment can still be reached: 1.2 times its p95, within bounds. The next one
 * that could finish in what is kept back is the one that counts.
 */
function reserveMs(view: View, { view: own }: Candidate, left: number): number {
  if (view.attemptsLeft <= 1) return 0;
  for (const each of view.targets) {
    if (each === own || !isFresh(view, each)) continue;
    const share = shareFor(view, each, left);
    if (share >= (each.fastestMs ?? 0)) return isWorthIt(view, own, left - share) ? share : 0;
  }
  return 0;
}

function shareFor(view: View, next: TargetView, left: number): number {
  if (view.deadlineIsDefault) return 0.25 * left;
  const p95 = p95Of(view, next);
  if (p95 === undefined) return 0.5 * left;
  return Math.min(0.6 * left, Math.max(0.25 * left, 1.2 * p95));
}

/**
 * The first deployment may hang, so there is always something kept back. Two in a row seldom do: one full attempt is
 * worth more than two that are cut short.
 */
function isWorthIt(view: View, own: TargetView, rest: number): boolean {
  return view.failures.length === 0 || rest >= (p95Of(view, own) ?? 0);
}

/** A deployment that is not known yet is taken to be as slow as the slowest that is. */
function p95Of(view: View, each: TargetView): number | undefined {
  if (each.p95Ms !== undefined) return each.p95Ms;
  const known = view.targets.flatMap((other) => other.p95Ms ?? []);
  return known.length === 0 ? undefined : Math.max(...known);
}
