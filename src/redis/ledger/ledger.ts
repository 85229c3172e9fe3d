import { type CalendarUnit, numberOf, startOf } from '../../util/calendar.js';

/**
 * The shared side of the ledger, as a pure function: how a store answers a worker's claim. The Lua script of
 * `model-router/redis` is the same function; a store of your own can run this one inside a transaction.
 *
 * Each worker has an allowance that it may use on its own. The sum of all allowances, and of what is spent by workers
 * that have left, never exceeds the limit. Claims are absolute, so a lost, repeated or late one changes nothing.
 * Amounts are whole numbers, such as billionths of a dollar. Times are in milliseconds.
 */

/** A calendar window of UTC, or the length of a sliding one. `'rate'`: a rate is shared, and nothing is spent. */
export type LedgerWindow = CalendarUnit | 'rate' | number;

/** The settings of one budget or rate. */
export interface LedgerRules {
  readonly limit: number;
  readonly window: LedgerWindow;
  /** The share of the remaining amount that workers may use while the ledger is silent, from 0 to 1. */
  readonly outageShare: number;
  readonly heartbeatMs: number;
  /** Whether the allowance of a lost worker stays counted until the window ends, or is returned after ten heartbeats. */
  readonly lost: 'count' | 'return';
}

/** A worker's claim for one budget. All amounts are absolute. */
export interface Claim {
  readonly worker: string;
  /** Increments with each claim of this worker. */
  readonly seq: number;
  /** The last `seq` that was answered; 0 for none. */
  readonly ack: number;
  /** The epoch of the last answer; empty before the first. */
  readonly epoch: string;
  /** The window that the amounts belong to; -1 before the first answer. */
  readonly window: number;
  /** The allowance that it limits itself to, until an answer changes it. */
  readonly have: number;
  /** Spent, reserved, and waited for. */
  readonly need: number;
  /** `need`, plus the probable demand of the next seconds. */
  readonly want: number;
  /** The largest amount that one call takes. */
  readonly most: number;
  readonly settled: number;
  /** The worker's allowance for the next window. */
  readonly next: number;
  /** The highest total of any answer so far. */
  readonly seen: number;
  /** The worker claims nothing more once its calls have ended. */
  readonly leaving: boolean;
}

/** The answer to a claim. Amounts are whole numbers, times are in milliseconds. */
export interface Grant {
  readonly epoch: string;
  readonly window: number;
  /** Time until the window ends; `Infinity` for a sliding one. */
  readonly endsInMs: number;
  /** The length of the next window. */
  readonly nextMs: number;
  readonly allowance: number;
  /** The part of the allowance that may be used only while the ledger is silent. */
  readonly outage: number;
  /** The allowance for the next window, if the ledger is silent when it begins. */
  readonly next: number;
  /** The spending of all workers in this window. */
  readonly spent: number;
  /** The part of the limit that no worker has as an allowance. */
  readonly left: number;
  /** The totals that the worker repeats in its claims of this window, and of the next one. */
  readonly seen: number;
  readonly seenNext: number;
  /** Workers that claimed within the last heartbeats. */
  readonly workers: number;
  /** After data loss: for this many milliseconds, allowances are only collected again, not raised. Else 0. */
  readonly rebuildMs: number;
}

/** One worker's part of the state, by its last claim. */
export interface WorkerEntry {
  seq: number;
  allowance: number;
  settled: number;
  next: number;
  seen: number;
  want: number;
  at: number;
  /** It has not claimed since the window began. */
  isSilent: boolean;
}

/** The store's data of one budget or rate, as plain JSON. */
export interface LedgerState {
  epoch: string;
  window: number;
  /** When the last claim came. */
  at: number;
  /** Spent by workers that have left, or are unknown. */
  base: number;
  /** The part of `base` that may still be spent in the next window. */
  carry: number;
  /** Until this time allowances are only collected again; 0: they may be raised. */
  rebuildUntil: number;
  /** It was rebuilt, or is being rebuilt, in this epoch. */
  wasRebuilt: boolean;
  seenMax: number;
  readonly workers: Map<string, WorkerEntry>;
}

const REBUILD_BEATS = 3;
const LIVE_BEATS = 3.5;
/** Other workers do not wait for a worker that has been silent for longer. */
const HORIZON_BEATS = 2.2;
const LOST_BEATS = 10;
const MERGE_MS = 3_600_000;
const SLIDING_GRACE_MS = 900_000;
const RATE_LOST_MS = 60_000;
/** A raise is at most this share of the limit. */
const CHUNK_SHARE = 0.005;
/** By how much the total that workers know may exceed the real one, as a share of the limit. */
const HORIZON_SHARE = 0.1;
/** The share of a rate that is divided evenly, including idle workers. */
const FLOOR_SHARE = 0.1;

/** What `answerClaim` returns: the state to store, and the answer. */
export interface LedgerAnswer {
  readonly state: LedgerState;
  /** `undefined` for a claim that a later one of the same worker has overtaken. */
  readonly grant: Grant | undefined;
}

/**
 * Applies a claim and answers it. Changes `before`.
 *
 * @param known the store knows that a state existed: if `before` is missing, data was lost
 * @param newEpoch a name that no epoch has used
 */
export function answerClaim(
  before: LedgerState | undefined,
  rules: LedgerRules,
  given: Claim,
  now: number,
  newEpoch: string,
  known: boolean,
): LedgerAnswer {
  const state = before ?? newState(rules, given, now, newEpoch, known);
  const found = state.workers.get(given.worker);
  const isForeign = given.epoch !== '' && given.epoch !== state.epoch;
  const isForgotten = given.epoch === state.epoch && (found?.seq ?? 0) < given.ack;
  if (found !== undefined && given.seq <= found.seq && !isForeign && !isForgotten) return { state, grant: undefined };
  skipDowntime(state, rules, now);
  if (isForgotten) state.epoch = newEpoch;
  if (isForgotten || (isForeign && !state.wasRebuilt)) startRebuild(state, rules, now);
  // A worker without any answer yet knows no window.
  if (given.window === -1) roll(state, rules, now);
  const claim = given.window === -1 ? { ...given, window: state.window } : given;
  const entry = takeIn(state, claim, found, isForeign || isForgotten || found === undefined, now);
  roll(state, rules, now);
  finishRebuild(state, now);
  if ((isForeign || isForgotten) && claim.window === state.window) raiseSeen(state, claim.seen);
  forgetLost(state, rules, claim.worker, now);
  const amounts =
    rules.window === 'rate'
      ? shareRate(state, rules, claim, entry, now)
      : // A claim for a window that has ended raises nothing: the worker must first learn of the new window.
        decide(state, rules, claim, entry, now, claim.window === state.window);
  const grant = grantOf(state, rules, claim, amounts, now);
  if (claim.leaving) leave(state, rules, claim, entry, now);
  return { state, grant };
}

function newState(rules: LedgerRules, claim: Claim, now: number, epoch: string, known: boolean): LedgerState {
  const isLost = rules.window !== 'rate' && (known || claim.epoch !== '');
  return {
    epoch,
    window: windowAt(rules.window, now).window,
    at: now,
    base: 0,
    carry: 0,
    rebuildUntil: isLost ? now + REBUILD_BEATS * rules.heartbeatMs : 0,
    wasRebuilt: isLost,
    seenMax: 0,
    workers: new Map(),
  };
}

export function windowAt(window: LedgerWindow, now: number): { window: number; endsInMs: number; nextMs: number } {
  if (typeof window === 'number' || window === 'rate')
    return { window: 0, endsInMs: Number.POSITIVE_INFINITY, nextMs: Number.POSITIVE_INFINITY };
  return windowNumber(window, numberOf(window, now), now);
}

function windowNumber(unit: CalendarUnit, window: number, now: number) {
  const end = startOf(unit, window + 1);
  return { window, endsInMs: end - now, nextMs: startOf(unit, window + 2) - end };
}

/** No worker could claim while the store was down, so silence does not mean that a worker is lost. */
function skipDowntime(state: LedgerState, { heartbeatMs }: LedgerRules, now: number): void {
  const gap = now - state.at;
  if (gap > LIVE_BEATS * heartbeatMs) for (const entry of state.workers.values()) entry.at += gap - heartbeatMs;
  state.at = Math.max(state.at, now);
}

function startRebuild(state: LedgerState, { heartbeatMs, window }: LedgerRules, now: number): void {
  if (window === 'rate') return;
  state.wasRebuilt = true;
  state.rebuildUntil = now + REBUILD_BEATS * heartbeatMs;
}

function takeIn(
  state: LedgerState,
  claim: Claim,
  found: WorkerEntry | undefined,
  isNew: boolean,
  now: number,
): WorkerEntry {
  const entry = found ?? newEntry();
  state.workers.set(claim.worker, entry);
  entry.seq = claim.seq;
  entry.at = now;
  entry.want = claim.want;
  entry.isSilent = false;
  if (claim.window === state.window) {
    entry.allowance = claim.have;
    entry.settled = claim.settled;
    entry.next = claim.next;
    entry.seen = claim.seen;
  } else if (isNew && claim.window >= 0) {
    const carried = claim.window < state.window ? claim.have - claim.settled + claim.next : claim.have;
    entry.allowance = Math.max(entry.allowance, carried);
  }
  return entry;
}

function newEntry(): WorkerEntry {
  return { seq: 0, allowance: 0, settled: 0, next: 0, seen: 0, want: 0, at: 0, isSilent: false };
}

/**
 * Begins the next window. The unspent allowance of a worker counts in the new window, because its running calls may
 * still cost it. A server whose clock goes back stays in its window.
 */
function roll(state: LedgerState, { window }: LedgerRules, now: number): boolean {
  const current = windowAt(window, now).window;
  if (current <= state.window) return false;
  state.window = current;
  state.base = state.carry;
  state.carry = 0;
  state.seenMax = 0;
  for (const [worker, entry] of state.workers) {
    if (entry.isSilent) {
      state.workers.delete(worker);
      continue;
    }
    entry.allowance = Math.max(0, entry.allowance - entry.settled) + entry.next;
    entry.settled = 0;
    entry.next = 0;
    entry.seen = 0;
    entry.isSilent = true;
  }
  return true;
}

function totalOf(state: LedgerState): number {
  let total = state.base;
  for (const { allowance } of state.workers.values()) total += allowance;
  return total;
}

/** An allowance that workers know of, but that none claims, counts as spent. */
function finishRebuild(state: LedgerState, now: number): void {
  if (state.rebuildUntil === 0 || now < state.rebuildUntil) return;
  state.rebuildUntil = 0;
  state.base += Math.max(0, state.seenMax - totalOf(state));
  state.seenMax = 0;
}

function raiseSeen(state: LedgerState, seen: number): void {
  if (state.rebuildUntil > 0) state.seenMax = Math.max(state.seenMax, seen);
  else state.base += Math.max(0, seen - totalOf(state));
}

function forgetLost(state: LedgerState, rules: LedgerRules, self: string, now: number): void {
  const { window, lost, heartbeatMs } = rules;
  for (const [worker, entry] of state.workers) {
    if (worker === self) continue;
    const silentMs = now - entry.at;
    if (window === 'rate') {
      if (silentMs > RATE_LOST_MS) state.workers.delete(worker);
    } else if (typeof window === 'number') {
      if (silentMs > 2 * window + SLIDING_GRACE_MS) state.workers.delete(worker);
    } else if (silentMs > MERGE_MS) {
      state.base += entry.allowance;
      state.carry += Math.max(0, entry.allowance - entry.settled) + entry.next;
      state.workers.delete(worker);
    }
    if (lost === 'return' && silentMs > LOST_BEATS * heartbeatMs) {
      entry.allowance = Math.min(entry.allowance, entry.settled);
      entry.next = 0;
    }
  }
}

interface Amounts {
  readonly allowance: number;
  readonly outage: number;
  readonly next: number;
}

function isLive(entry: WorkerEntry, { heartbeatMs }: LedgerRules, now: number): boolean {
  return now - entry.at <= LIVE_BEATS * heartbeatMs;
}

function liveWorkers(state: LedgerState, rules: LedgerRules, now: number): number {
  let live = 0;
  for (const entry of state.workers.values()) if (isLive(entry, rules, now)) live += 1;
  return Math.max(1, live);
}

/**
 * The allowance of one worker. It is raised here first, so that a lost answer is safe, and lowered only by the worker's
 * own claim.
 */
function decide(
  state: LedgerState,
  rules: LedgerRules,
  claim: Claim,
  entry: WorkerEntry,
  now: number,
  mayRaise: boolean,
): Amounts {
  if (!mayRaise) return { allowance: entry.allowance, outage: 0, next: 0 };
  const { limit, outageShare } = rules;
  const workers = liveWorkers(state, rules, now);
  let others = state.base;
  let unsettled = 0;
  let horizon = Number.POSITIVE_INFINITY;
  for (const each of state.workers.values()) {
    if (each.seen > 0 && now - each.at <= HORIZON_BEATS * rules.heartbeatMs) horizon = Math.min(horizon, each.seen);
    if (each === entry) continue;
    others += each.allowance;
    unsettled += Math.max(0, each.allowance - each.settled) + each.next;
  }
  const { have, need, want, most, settled } = claim;
  const left = limit - others - need;
  // Nothing is granted in advance, either, if one call of each worker exceeds what this heartbeat may still grant.
  const isScarce = left < 4 * workers * most || horizon - others - need < workers * most;
  const chunk = isScarce ? 0 : Math.max(most, Math.min(left / (2 * workers), limit * CHUNK_SHARE));
  const normal = Math.floor(Math.min(want, need + chunk));
  const share = isScarce ? 0 : Math.floor((outageShare * Math.max(0, left - chunk)) / workers);
  const nextShare = typeof rules.window === 'number' ? 0 : Math.floor((outageShare * limit) / workers);
  // Money that is not spent in this window may be spent in the next one, so it must fit there too.
  const nextRoom = limit - unsettled - Math.max(0, entry.allowance - settled);
  const next = Math.max(0, Math.min(nextShare, nextRoom));
  const carryRoom = limit - unsettled - Math.max(entry.next, next) + settled;
  let room = Math.floor(Math.min(limit - others, horizon - others, carryRoom));
  if (state.rebuildUntil > 0) room = Math.min(room, have);
  // The total may rise by only so much within a heartbeat. Half of that is reserved for calls, or many workers that start
  // at once would use all of it for their outage shares.
  const forCalls = horizon < limit ? Math.floor((HORIZON_SHARE * limit) / 2) : 0;
  const outage = Math.max(0, Math.min(share, room - normal - forCalls));
  const allowance = Math.max(0, Math.min(normal, room) + outage, Math.min(have, settled));
  entry.allowance = Math.max(have, allowance);
  entry.next = Math.max(entry.next, next);
  return { allowance, outage, next };
}

/** Divides a rate by demand, and a part of it evenly. Nothing is spent. */
function shareRate(state: LedgerState, rules: LedgerRules, claim: Claim, entry: WorkerEntry, now: number): Amounts {
  const workers = liveWorkers(state, rules, now);
  let others = 0;
  let wanted = 0;
  for (const each of state.workers.values()) {
    wanted += each.want;
    if (each !== entry) others += each.allowance;
  }
  const floor = (rules.limit * FLOOR_SHARE) / workers;
  const target =
    wanted <= rules.limit
      ? Math.max(floor, claim.want + (rules.limit - wanted) / workers)
      : Math.max(floor, Math.min(claim.want, floor + (rules.limit * (1 - FLOOR_SHARE) * claim.want) / wanted));
  const allowance = Math.max(0, Math.floor(Math.min(target, rules.limit - others)));
  entry.allowance = Math.max(claim.have, allowance);
  return { allowance, outage: 0, next: 0 };
}

function grantOf(state: LedgerState, rules: LedgerRules, claim: Claim, amounts: Amounts, now: number): Grant {
  const total = totalOf(state);
  let spent = state.base;
  let carried = state.carry;
  let unmet = 0;
  for (const each of state.workers.values()) {
    spent += each.settled;
    if (isLive(each, rules, now)) unmet += Math.max(0, each.want - each.allowance);
    carried += Math.max(0, each.allowance - each.settled) + each.next;
  }
  // In a burst the total may rise by the workers' demand.
  const slack = Math.floor(Math.max(HORIZON_SHARE * rules.limit, 4 * claim.most, 4 * unmet));
  // After a rebuild the total is at least `seenMax`, so workers may know that in advance, and none has to wait for it.
  const highest = Math.max(total, state.seenMax);
  const { window } = rules;
  const time =
    typeof window === 'number' || window === 'rate' ? windowAt(window, now) : windowNumber(window, state.window, now);
  return {
    ...amounts,
    ...time,
    epoch: state.epoch,
    spent,
    left: Math.max(0, rules.limit - total),
    seen: Math.max(highest, Math.min(rules.limit, highest + slack)),
    seenNext: Math.max(carried, Math.min(rules.limit, carried + slack)),
    workers: liveWorkers(state, rules, now),
    rebuildMs: Math.max(0, state.rebuildUntil - now),
  };
}

function leave(state: LedgerState, { window }: LedgerRules, claim: Claim, entry: WorkerEntry, now: number): void {
  entry.want = 0;
  entry.next = 0;
  entry.allowance = claim.window === state.window ? claim.have : entry.allowance;
  if (window === 'rate') state.workers.delete(claim.worker);
  // Its spending slides out of the window within `window`.
  if (typeof window === 'number' && claim.have <= claim.settled) entry.at = now - window - SLIDING_GRACE_MS;
  if (typeof window === 'number' || claim.window !== state.window || claim.have > claim.settled) return;
  state.base += claim.settled;
  state.workers.delete(claim.worker);
}
