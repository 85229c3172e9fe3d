import type { Failure, Target } from '../types.js';
import { backoffMs } from './backoff.js';

/** Everything that a plan may know. It reads no clock and starts no timer, so the same view gives the same step. */
export interface PlanView {
  readonly now: number;
  readonly deadline: number;
  readonly deadlineIsDefault: boolean;
  readonly attemptTimeoutMs: number | undefined;
  /** The call itself set it, so it overrides the deployment's own. */
  readonly attemptTimeoutIsOwn: boolean;
  readonly attemptsLeft: number;
  readonly targets: readonly TargetView[];
  /** Whether a deployment has no free slot, or no rate left, for this call now. */
  readonly isFull: (each: TargetView) => boolean;
  readonly failures: readonly Failure[];
  /** Targets of this call's attempts that have neither answered nor failed yet. */
  readonly inFlight: readonly Target[];
  /** Whether the retry budget has a token. */
  readonly mayRetry: boolean;
  readonly retry: { readonly baseMs: number; readonly maxMs: number };
  /** 0 to 1, drawn once per call: spreads the calls that wait for the same pause. */
  readonly jitter: number;
}

/** The state of one deployment at `PlanView.now`. */
export interface TargetView {
  readonly target: Target;
  /** Its breaker is open and gives no permit. */
  readonly isOpen: boolean;
  /** When its breaker allows the next probe. */
  readonly retryAt: number;
  readonly pausedUntil: number;
  /** Its rate-limit headers leave too little for this call, so others come first. */
  readonly isDepleted: boolean;
  /** When one call may probe it during the pause. */
  readonly probeAt: number;
  readonly suspendedUntil: number;
  readonly contextWindow: number | undefined;
  /** Its own limit for one attempt. */
  readonly attemptTimeoutMs: number | undefined;
  /** Its client's own limit for one attempt. */
  readonly timeoutMs: number | undefined;
  /** Over all completed waits; `undefined` without enough data. */
  readonly p95Ms: number | undefined;
  /** Over valid answers. */
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
      /** It probes a paused deployment, to find out whether the server answers again. */
      probe: boolean;
    }
  /** All available deployments are full: wait for the first free slot, at most until another one is ready. */
  | { type: 'queue'; targets: readonly Target[]; waitMs: number | undefined }
  | { type: 'stop'; reason: 'failed' | 'attempts' | 'no-time' | 'paused' | 'nothing-left' }
  /** A retry of `target` is due, but the retry budget has no token. */
  | { type: 'stop'; reason: 'withheld'; target: Target };

export type AttemptStep = Extract<Step, { type: 'attempt' }>;
export type StopStep = Extract<Step, { type: 'stop' }>;

interface Candidate {
  readonly view: TargetView;
  readonly readyAt: number;
  readonly isRetry: boolean;
  readonly panic: boolean;
}

/** A view plus facts about many deployments that are computed once per plan. */
interface Known extends PlanView {
  /** `undefined` if no deployment's context window was too small. */
  readonly overflow?: Overflow;
}

/** What a deployment needs after the input was too long for others. */
interface Overflow {
  /** A larger window than this; `undefined` if no deployment that failed declares its window. */
  readonly window: number | undefined;
  /** A deployment that failed declares no window. */
  readonly hasUndeclared: boolean;
  /** Then one other deployment that declares none is tried. */
  readonly mayBeUndeclared: boolean;
}

/** The reserve is estimated from this many deployments, because a call seldom gets further than the first few. */
const LOOKAHEAD = 32;

const STOP = {
  failed: { type: 'stop', reason: 'failed' },
  attempts: { type: 'stop', reason: 'attempts' },
  noTime: { type: 'stop', reason: 'no-time' },
  paused: { type: 'stop', reason: 'paused' },
  nothingLeft: { type: 'stop', reason: 'nothing-left' },
} as const satisfies Record<string, Step>;

/** Returns what to try next after the failures so far. Another deployment is a failover, the same one a retry. */
export function plan(given: PlanView): Step {
  if (given.failures.some(isFinal)) return STOP.failed;
  if (given.attemptsLeft <= 0) return STOP.attempts;
  const view = withOverflow(given);
  const mayWait = view.inFlight.length === 0;
  // Most plans end here, at the first deployment: nothing before this may read all of them.
  const first = fresh(view);
  if (first !== undefined) return toStep(view, first);
  const candidate = mayWait ? later(view, view.mayRetry) : undefined;
  const full = mayWait ? view.targets.filter((each) => view.isFull(each) && mayQueue(view, each)) : [];
  // A slot is better than an open breaker, and may be free before a pause or a backoff ends.
  const step = candidate && (full.length === 0 || isUsable(view, candidate.view)) ? toStep(view, candidate) : undefined;
  const waitMs = step?.type === 'attempt' ? step.waitMs : undefined;
  if (full.length > 0 && waitMs !== 0) return { type: 'queue', targets: full.map((each) => each.target), waitMs };
  if (step !== undefined) return step;
  const withheld = mayWait && !view.mayRetry ? later(view, true) : undefined;
  if (withheld?.isRetry) return { type: 'stop', reason: 'withheld', target: withheld.view.target };
  return unavailable(view);
}

/** Whether the call would use a full deployment now, a first time or as a retry, if it had a slot. */
function mayQueue(view: Known, each: TargetView): boolean {
  if (each.pausedUntil > view.now || !isUsable(view, each)) return false;
  if (!isFirstAttempt(view) && !fits(view, each, view.now)) return false;
  if (isOpenTo(view, each)) return true;
  return view.mayRetry && mayRetryAt(view, each, 'yes') && retryOf(view, each, false).readyAt <= view.now;
}

/** The deployment for a hedge: untried by this call, available now, and fast enough for the remaining time. */
export function planHedge(view: PlanView): AttemptStep | undefined {
  if (!view.mayRetry || view.attemptsLeft <= 0 || view.failures.some(isFinal)) return undefined;
  const known = withOverflow(view);
  const candidate = fresh(known);
  const step = candidate && toStep(known, candidate);
  return step?.type === 'attempt' ? step : undefined;
}

/** A failure that every deployment would repeat. */
export const isFinal = ({ failover }: Failure) => failover === 'no';

/** The first untried deployment that is available now. */
function fresh(view: Known): Candidate | undefined {
  const canTry = (each: TargetView) =>
    isFresh(view, each) && !view.isFull(each) && (isFirstAttempt(view) || fits(view, each, view.now));
  const found = view.targets.find((each) => !each.isDepleted && canTry(each)) ?? view.targets.find(canTry);
  return found && { view: found, readyAt: view.now, isRetry: false, panic: false };
}

function isFresh(view: Known, each: TargetView): boolean {
  return isOpenTo(view, each) && !each.isOpen && each.pausedUntil <= view.now && each.suspendedUntil <= view.now;
}

const isFirstAttempt = (view: PlanView) => view.failures.length === 0 && view.inFlight.length === 0;

/** Untried by this call, and not excluded by the failures of other deployments. */
function isOpenTo(view: Known, each: TargetView): boolean {
  if (view.inFlight.includes(each.target)) return false;
  if (view.failures.some((failure) => failure.target === each.target)) return false;
  return view.overflow === undefined || mayHoldMore(view.overflow, each);
}

function withOverflow(view: PlanView): Known {
  const tooLong = view.failures.filter(({ failover }) => failover === 'larger');
  if (tooLong.length === 0) return view;
  const failed = new Set(tooLong.map(({ target }) => target));
  const windows = new Map(
    view.targets.flatMap((each) => (failed.has(each.target) ? [[each.target, each.contextWindow]] : [])),
  );
  let window: number | undefined;
  let hasUndeclared = false;
  for (const { target } of tooLong) {
    const own = target && windows.get(target);
    if (own === undefined) hasUndeclared = true;
    else window = Math.max(window ?? 0, own);
  }
  return { ...view, overflow: { window, hasUndeclared, mayBeUndeclared: tooLong.length === 1 } };
}

/** A larger window. If both windows are unknown, one other deployment is tried. */
function mayHoldMore({ window, hasUndeclared, mayBeUndeclared }: Overflow, { contextWindow }: TargetView): boolean {
  if (window !== undefined && (contextWindow ?? 0) <= window) return false;
  return !hasUndeclared || (contextWindow === undefined && mayBeUndeclared);
}

/**
 * What to try if no untried deployment is available: wait for a pause or a backoff, whichever ends first; else panic
 * mode; and last, a deployment that has timed out before.
 */
function later(view: Known, mayRetry: boolean): Candidate | undefined {
  const retried = mayRetry ? view.targets.filter((each) => mayRetryAt(view, each, 'yes')) : [];
  // While another deployment can be retried, a paused one is not probed.
  const mayProbe = !retried.some((each) => isUsable(view, each) && each.pausedUntil <= view.now);
  const untried = view.targets.filter((each) => isOpenTo(view, each)).map((each) => firstTry(view, each, mayProbe));
  const retries = retried.map((each) => retryOf(view, each, mayProbe));
  // A full deployment that is ready now is handled by the queue.
  const isFree = (each: Candidate) => each.readyAt > view.now || !view.isFull(each.view);
  const all = [...untried, ...retries].filter(isFree);
  const timedOut = mayRetry ? view.targets.filter((each) => mayRetryAt(view, each, 'last')) : [];
  return (
    // A deployment that cannot answer before the deadline must not block the others.
    soonest(all.filter((each) => isUsable(view, each.view) && fits(view, each.view, each.readyAt))) ??
    // Panic mode: open breakers must not fail a call that could be tried, and one refused key must not stop a router
    // with a single client.
    soonest(all.filter((each) => isFirst(view, each) || fits(view, each.view, each.readyAt))) ??
    soonest(
      timedOut
        .map((each) => retryOf(view, each, true))
        .filter((each) => isFree(each) && fits(view, each.view, each.readyAt)),
    )
  );
}

/** Its breaker gives permits, and its client is not suspended. */
const isUsable = (view: PlanView, each: TargetView) => !each.isOpen && each.suspendedUntil <= view.now;

const failuresAt = (view: PlanView, each: TargetView) =>
  view.failures.filter((failure) => failure.target === each.target);

function mayRetryAt(view: PlanView, each: TargetView, retry: 'yes' | 'last'): boolean {
  return failuresAt(view, each).at(-1)?.retry === retry;
}

function firstTry(view: PlanView, each: TargetView, mayProbe: boolean): Candidate {
  return { view: each, readyAt: throughPause(view, each, mayProbe), isRetry: false, panic: each.isOpen };
}

/** After a backoff, and after the pause that the server requested from this call. */
function retryOf(view: PlanView, each: TargetView, mayProbe: boolean): Candidate {
  const failures = failuresAt(view, each);
  const last = failures.at(-1);
  const jitter = last?.jitter ?? 0;
  const backoff = (last?.endedAt ?? view.now) + backoffMs(failures.length - 1, view.retry, jitter);
  const refusals = failures.filter(isRefusal).map(({ endedAt, retryAfterMs = 0 }) => endedAt + retryAfterMs);
  const refusedUntil = refusals.length === 0 ? 0 : Math.max(...refusals) + view.jitter * view.retry.baseMs;
  const readyAt = Math.max(backoff, refusedUntil, throughPause(view, each, mayProbe));
  return { view: each, readyAt, isRetry: true, panic: each.isOpen };
}

/** The server requested a pause from this call, which must not probe it before the pause ends. */
const isRefusal = ({ status, retryAfterMs }: Failure) =>
  retryAfterMs !== undefined && (status === 429 || status === 503);

/** When a call may use a paused deployment: at the end, spread over one backoff, or earlier as its probe. */
function throughPause(view: PlanView, each: TargetView, mayProbe: boolean): number {
  if (each.pausedUntil <= view.now) return view.now;
  const end = each.pausedUntil + view.jitter * view.retry.baseMs;
  return mayProbe && !view.isFull(each) ? Math.min(end, Math.max(view.now, each.probeAt)) : end;
}

/** Ties: untried deployments first, then the one whose breaker or client recovers first. */
function soonest(candidates: readonly Candidate[]): Candidate | undefined {
  return candidates.reduce<Candidate | undefined>(
    (best, each) => (best && isSooner(best, each) ? best : each),
    undefined,
  );
}

/** The first attempt is made even if the time is short. */
const isFirst = (view: PlanView, { readyAt }: Candidate) => isFirstAttempt(view) && readyAt <= view.now;

function isSooner(one: Candidate, other: Candidate): boolean {
  if (one.readyAt !== other.readyAt) return one.readyAt < other.readyAt;
  if (one.isRetry !== other.isRetry) return other.isRetry;
  return retryAt(one) <= retryAt(other);
}

const retryAt = (candidate: Candidate) => Math.max(candidate.view.retryAt, candidate.view.suspendedUntil);

/** Why no deployment is available: the remaining ones are paused, cannot finish in time, or do not exist. */
function unavailable(view: Known): Step {
  const left = view.targets.filter((each) => isOpenTo(view, each));
  if (left.some((each) => each.pausedUntil > view.now)) return STOP.paused;
  return left.length > 0 ? STOP.noTime : STOP.nothingLeft;
}

/** An attempt is only started if the fastest known answer would fit into the remaining time. */
function fits(view: PlanView, each: TargetView, readyAt: number): boolean {
  return view.deadline - Math.max(view.now, readyAt) >= Math.max(1, each.fastestMs ?? 1);
}

function toStep(view: Known, candidate: Candidate): Step {
  const readyAt = Math.max(view.now, candidate.readyAt);
  const left = view.deadline - readyAt;
  if (left < 1) return STOP.noTime;
  const share = left - reserveMs(view, candidate, left);
  // Timers take whole milliseconds, and everything that ends an attempt must agree.
  const timeoutMs = Math.max(1, Math.floor(Math.min(attemptTimeoutOf(view, candidate.view) ?? share, share)));
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

/**
 * The limit that the options set for one attempt: the call's own, else the deployment's, the route's or router's, the
 * client's.
 */
export function attemptTimeoutOf(
  call: Pick<PlanView, 'attemptTimeoutMs' | 'attemptTimeoutIsOwn'>,
  deployment: Pick<TargetView, 'attemptTimeoutMs' | 'timeoutMs'>,
): number | undefined {
  if (call.attemptTimeoutIsOwn) return call.attemptTimeoutMs;
  return deployment.attemptTimeoutMs ?? call.attemptTimeoutMs ?? deployment.timeoutMs;
}

/**
 * The time reserved for a failover: 1.2 times the p95 of the next deployment, within bounds. The first deployment that
 * could finish in its reserve counts.
 */
function reserveMs(view: Known, { view: own }: Candidate, left: number): number {
  if (view.attemptsLeft <= 1) return 0;
  const p95Of = p95Reader(view);
  let looked = 0;
  for (const each of view.targets) {
    if (each === own || !isFresh(view, each)) continue;
    const share = view.deadlineIsDefault ? 0.25 * left : shareFor(p95Of(each), left);
    if (share >= (each.fastestMs ?? 0)) return isWorthIt(view, p95Of, own, left - share) ? share : 0;
    looked += 1;
    if (looked === LOOKAHEAD) return 0;
  }
  return 0;
}

function shareFor(p95: number | undefined, left: number): number {
  if (p95 === undefined) return 0.5 * left;
  return Math.min(0.6 * left, Math.max(0.25 * left, 1.2 * p95));
}

type P95Of = (each: TargetView) => number | undefined;

/**
 * The first deployment may hang, so it always leaves a reserve. Two hangs in a row are rare: one full attempt is worth
 * more than two short ones.
 */
function isWorthIt(view: PlanView, p95Of: P95Of, own: TargetView, rest: number): boolean {
  return view.failures.length === 0 || rest >= (p95Of(own) ?? 0);
}

/** An unknown p95 is assumed to be the slowest known one, which is looked up once per plan. */
function p95Reader({ targets }: PlanView): P95Of {
  let slowest: number | undefined;
  let isRead = false;
  return ({ p95Ms }) => {
    if (p95Ms !== undefined || isRead) return p95Ms ?? slowest;
    isRead = true;
    for (const { p95Ms: known } of targets.slice(0, LOOKAHEAD))
      if (known !== undefined) slowest = Math.max(slowest ?? 0, known);
    return slowest;
  };
}
