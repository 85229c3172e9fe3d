import type { Failure, Target } from '../types.js';
import { backoffMs } from './backoff.js';

/** Everything that a plan may know. It reads no clock and starts no timer, so the same view gives the same step. */
export interface View {
  readonly now: number;
  readonly deadline: number;
  readonly deadlineIsDefault: boolean;
  readonly attemptTimeoutMs: number | undefined;
  /** It was set for this very call, so it goes before a deployment's own. */
  readonly attemptTimeoutIsOwn: boolean;
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
  readonly isOpen: boolean;
  /** When the breaker lets the next probe through. */
  readonly retryAt: number;
  readonly pausedUntil: number;
  /** It has no slot, or no rate, for this call now. */
  readonly isFull: boolean;
  /** Its rate-limit headers say that too little is left for this call: others go first. */
  readonly isDepleted: boolean;
  /** From when a call may go through the pause as its probe. */
  readonly probeAt: number;
  readonly suspendedUntil: number;
  readonly contextWindow: number | undefined;
  /** Its own limit for one attempt. */
  readonly attemptTimeoutMs: number | undefined;
  /** Its client's own limit for one attempt. */
  readonly timeoutMs: number | undefined;
  /** Of all that was waited for; `undefined` while too little is known. */
  readonly p95Ms: number | undefined;
  /** Of valid answers. */
  readonly fastestMs: number | undefined;
}

export type Step =
  /** Try `target`, after `waitMs`; look at the plan again after a wait. */
  | {
      type: 'attempt';
      target: Target;
      waitMs: number;
      timeoutMs: number;
      untilDeadline: boolean;
      isRetry: boolean;
      panic: boolean;
      /** It goes through a pause, to find out whether the server answers again. */
      probe: boolean;
    }
  /** All that could be tried now are full: wait for the first slot of any of them. */
  | { type: 'queue'; targets: readonly Target[] }
  | { type: 'stop'; reason: 'failed' | 'attempts' | 'no-time' | 'paused' | 'nothing-left' }
  /** There would be a retry of `target`, but the retry budget has no token. */
  | { type: 'stop'; reason: 'withheld'; target: Target };

export type AttemptStep = Extract<Step, { type: 'attempt' }>;

interface Candidate {
  readonly view: TargetView;
  readonly readyAt: number;
  readonly isRetry: boolean;
  readonly panic: boolean;
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
  const mayWait = view.inFlight.length === 0;
  const open = withoutFull(view);
  const candidate = fresh(open) ?? (mayWait ? later(open, view.mayRetry) : undefined);
  if (candidate !== undefined) return toStep(view, candidate);
  const full = mayWait && open !== view ? view.targets.filter((each) => each.isFull && mayQueue(view, each)) : [];
  if (full.length > 0) return { type: 'queue', targets: full.map((each) => each.target) };
  const withheld = mayWait && !view.mayRetry ? later(view, true) : undefined;
  if (withheld?.isRetry) return { type: 'stop', reason: 'withheld', target: withheld.view.target };
  return nobody(view);
}

/** The same view where none is full: for most calls that is the view itself. */
function withoutFull(view: View): View {
  if (!view.targets.some((each) => each.isFull)) return view;
  return { ...view, targets: view.targets.filter((each) => !each.isFull) };
}

/** Whether a call may go to a full deployment once it has a slot: now, or again after a failure. */
function mayQueue(view: View, each: TargetView): boolean {
  if (each.pausedUntil > view.now || !isUsable(view, each)) return false;
  return isOpenTo(view, each) || (view.mayRetry && mayRetryAt(view, each, 'yes'));
}

/** Whom to ask beside those that still run: one that this call has not asked, that can be asked now, and has the time. */
export function planHedge(view: View): AttemptStep | undefined {
  if (!view.mayRetry || view.attemptsLeft <= 0 || view.failures.some(isFinal)) return undefined;
  const candidate = fresh(withoutFull(view));
  const step = candidate && toStep(view, candidate);
  return step?.type === 'attempt' ? step : undefined;
}

/** What failed so fails everywhere: there, too, where it failed. */
export const isFinal = ({ failover }: Failure) => failover === 'no';

/** The first deployment that has not been asked yet and can be asked now. */
function fresh(view: View): Candidate | undefined {
  const canTry = (each: TargetView) => isFresh(view, each) && (isFirstAttempt(view) || fits(view, each, view.now));
  const found = view.targets.find((each) => !each.isDepleted && canTry(each)) ?? view.targets.find(canTry);
  return found && { view: found, readyAt: view.now, isRetry: false, panic: false };
}

function isFresh(view: View, each: TargetView): boolean {
  return isOpenTo(view, each) && !each.isOpen && each.pausedUntil <= view.now && each.suspendedUntil <= view.now;
}

const isFirstAttempt = (view: View) => view.failures.length === 0 && view.inFlight.length === 0;

/** Not asked yet by this call, and not ruled out by how the others failed. */
function isOpenTo(view: View, each: TargetView): boolean {
  if (view.inFlight.includes(each.target)) return false;
  return view.failures.every(
    (failure) => failure.target !== each.target && (failure.failover !== 'larger' || mayHoldMore(view, failure, each)),
  );
}

/** A larger window; where neither of the two declares its window, one other deployment is tried. */
function mayHoldMore(view: View, failure: Failure, { contextWindow }: TargetView): boolean {
  const own = windowOf(view, failure);
  if (own !== undefined) return (contextWindow ?? 0) > own;
  return contextWindow === undefined && view.failures.filter(({ failover }) => failover === 'larger').length === 1;
}

function windowOf(view: View, failure: Failure): number | undefined {
  return view.targets.find((each) => each.target === failure.target)?.contextWindow;
}

/**
 * What to try where no deployment is free that this call has not tried yet: wait for a pause or a backoff, whichever ends
 * first; else panic mode; and only where no other deployment is left, one that has timed out before.
 */
function later(view: View, mayRetry: boolean): Candidate | undefined {
  const retried = mayRetry ? view.targets.filter((each) => mayRetryAt(view, each, 'yes')) : [];
  // While another deployment can be tried, a paused one is left alone.
  const mayProbe = !retried.some((each) => isUsable(view, each) && each.pausedUntil <= view.now);
  const untried = view.targets.filter((each) => isOpenTo(view, each)).map((each) => firstTry(view, each, mayProbe));
  const retries = retried.map((each) => retryOf(view, each, mayProbe));
  const all = [...untried, ...retries];
  const timedOut = mayRetry ? view.targets.filter((each) => mayRetryAt(view, each, 'last')) : [];
  return (
    // A deployment that cannot answer before the deadline does not keep the others from being tried.
    soonest(all.filter((each) => isUsable(view, each.view) && fits(view, each.view, each.readyAt))) ??
    // Panic mode: an opening breaker never takes away what a call was allowed before, and one refused key does not
    // silence a router of one client.
    soonest(all.filter((each) => isFirst(view, each) || fits(view, each.view, each.readyAt))) ??
    soonest(timedOut.map((each) => retryOf(view, each, true)).filter((each) => fits(view, each.view, each.readyAt)))
  );
}

/** Its breaker lets calls through, and its client is in use. */
const isUsable = (view: View, each: TargetView) => !each.isOpen && each.suspendedUntil <= view.now;

const failuresAt = (view: View, each: TargetView) => view.failures.filter((failure) => failure.target === each.target);

function mayRetryAt(view: View, each: TargetView, retry: 'yes' | 'last'): boolean {
  return failuresAt(view, each).at(-1)?.retry === retry;
}

function firstTry(view: View, each: TargetView, mayProbe: boolean): Candidate {
  return { view: each, readyAt: throughPause(view, each, mayProbe), isRetry: false, panic: each.isOpen };
}

/** After a backoff, and after what the server asked of this very call. */
function retryOf(view: View, each: TargetView, mayProbe: boolean): Candidate {
  const failures = failuresAt(view, each);
  const last = failures.at(-1);
  const jitter = last?.jitter ?? 0;
  const backoff = (last?.endedAt ?? view.now) + backoffMs(failures.length - 1, view.retry, jitter);
  const refusals = failures.filter(isRefusal).map(({ endedAt, retryAfterMs = 0 }) => endedAt + retryAfterMs);
  const refusedUntil = refusals.length === 0 ? 0 : Math.max(...refusals) + view.jitter * view.retry.baseMs;
  const readyAt = Math.max(backoff, refusedUntil, throughPause(view, each, mayProbe));
  return { view: each, readyAt, isRetry: true, panic: each.isOpen };
}

/** The server asked this very call to stay away: until then it is no probe. */
const isRefusal = ({ status, retryAfterMs }: Failure) =>
  retryAfterMs !== undefined && (status === 429 || status === 503);

/** When a call may go to a deployment that asked for a pause: at its end, spread over one backoff, or as its probe. */
function throughPause(view: View, each: TargetView, mayProbe: boolean): number {
  if (each.pausedUntil <= view.now) return view.now;
  const end = each.pausedUntil + view.jitter * view.retry.baseMs;
  return mayProbe ? Math.min(end, Math.max(view.now, each.probeAt)) : end;
}

/** Of those that are ready at the same time, one that was not tried yet, then the one whose breaker or client is due first. */
function soonest(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (best, each) => (best && isSooner(best, each) ? best : each),
    undefined,
  );
}

/** Before anything has failed, an attempt is made even if the time is short. */
const isFirst = (view: View, { readyAt }: Candidate) => isFirstAttempt(view) && readyAt <= view.now;

function isSooner(one: Candidate, other: Candidate): boolean {
  if (one.readyAt !== other.readyAt) return one.readyAt < other.readyAt;
  if (one.isRetry !== other.isRetry) return other.isRetry;
  return retryAt(one) <= retryAt(other);
}

const retryAt = (candidate: Candidate) => Math.max(candidate.view.retryAt, candidate.view.suspendedUntil);

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
  const timeoutMs = Math.max(1, Math.floor(Math.min(limitOf(view, candidate.view) ?? share, share)));
  return {
    type: 'attempt',
    target: candidate.view.target,
    waitMs: readyAt - view.now,
    timeoutMs,
    untilDeadline: timeoutMs >= Math.floor(left),
    isRetry: candidate.isRetry,
    panic: candidate.panic,
    probe: candidate.view.pausedUntil > readyAt,
  };
}

/** The nearest to the call wins: the call's own, the deployment's, the route's or router's, the client's. */
function limitOf(view: View, each: TargetView): number | undefined {
  if (view.attemptTimeoutIsOwn) return view.attemptTimeoutMs;
  return each.attemptTimeoutMs ?? view.attemptTimeoutMs ?? each.timeoutMs;
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
