import { abortError } from '../classify.js';
import { CapacityExceededError, DeadlineExceededError } from '../errors.js';
import { readUsage } from '../protocol/usage.js';
import { availableAt, type Capacity, countsTokens, type Place, rateWaitMs, type Waiting } from '../state/capacity.js';
import type { Events } from '../telemetry/events.js';
import type { Attempt, AttemptEnd, Call, Target } from '../types.js';
import { roundMs } from '../util/round-ms.js';

/** The tokens that a call takes from a place's rate; 0 if it has no rate. */
export const tokensAt = (call: Call, place: Place) => (countsTokens(place) ? call.requestTokens() : 0);

export interface QueueParts {
  readonly capacity: Capacity;
  readonly events: Events;
}

/** Counts an attempt at its place until its end. `granted`: the slot that the call has waited for. */
export function occupy(attempt: Attempt, { capacity }: QueueParts, granted: Place | undefined): void {
  const { call, target, onEnd } = attempt;
  const { place } = target.state;
  if (place === undefined) return;
  const tokens = tokensAt(call, place);
  if (place !== granted) capacity.take(place, tokens, performance.now());
  onEnd.push((end) => {
    const now = performance.now();
    capacity.release(place, tokens, usedTokens(end), now, now - attempt.startedAt);
  });
}

/** Returns a slot that the call can no longer use. */
export function releaseSlot(call: Call, { capacity }: QueueParts, place: Place): void {
  capacity.release(place, tokensAt(call, place), 0, performance.now());
}

/**
 * Waits for the first slot of any of these deployments: by priority, then first in, first out.
 *
 * @throws CapacityExceededError at once if the queue is full or the call could not be answered in time
 * @throws DeadlineExceededError where its time ends in the queue
 */
export async function waitForSlot(call: Call, targets: readonly Target[], parts: QueueParts): Promise<Place> {
  const { capacity } = parts;
  const startedAt = performance.now();
  const whyNot = whyNotQueued(call, targets, capacity, startedAt);
  if (whyNot !== undefined) throw refused(call, parts, whyNot);
  let refuse: (error: Error) => void = () => undefined;
  const refusal = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  const waiting = join(call, targets, capacity, () =>
    refuse(refused(call, parts, 'a call of higher priority has taken its place in the queue')),
  );
  if (waiting === undefined) throw refused(call, parts, QUEUE_FULL);
  const onAbort = () => refuse(abortError(call.signal?.reason));
  call.signal?.addEventListener('abort', onAbort);
  const tooLate = () =>
    performance.now() < call.deadline
      ? refused(call, parts, TOO_LATE)
      : new DeadlineExceededError(call.settings.deadlineMs, undefined);
  const left = call.deadline - startedAt;
  const needed = Math.min(...targets.map((target) => neededMs(call, target, left)));
  const timer = setTimeout(() => refuse(tooLate()), Math.max(0, Math.ceil(left - needed)));
  try {
    return await Promise.race([waiting.granted, refusal]);
  } catch (error) {
    waiting.cancel();
    // The slot may have been granted at this very moment.
    void waiting.granted.then((place) => releaseSlot(call, parts, place));
    throw error;
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener('abort', onAbort);
    addQueued(call, startedAt);
  }
}

/**
 * Waits for a slot beside another wait, which `wake` ends. If the call cannot be queued, or loses its place, the other
 * wait continues. Returns `undefined` if no slot became free before its end.
 */
export async function waitForSlotBeside(
  call: Call,
  targets: readonly Target[],
  parts: QueueParts,
  other: (onWake: (wake: () => void) => void) => Promise<void>,
): Promise<Place | undefined> {
  const { capacity } = parts;
  const startedAt = performance.now();
  const mayQueue = whyNotQueued(call, targets, capacity, startedAt) === undefined;
  const waiting = mayQueue ? join(call, targets, capacity, () => undefined) : undefined;
  if (waiting === undefined) return other(() => undefined).then(() => undefined);
  let granted: Place | undefined;
  try {
    await other((wake) => {
      void waiting.granted.then((place) => {
        granted = place;
        wake();
      });
    });
    return granted;
  } finally {
    waiting.cancel();
    if (granted === undefined) void waiting.granted.then((place) => releaseSlot(call, parts, place));
    addQueued(call, startedAt);
  }
}

function addQueued({ record }: Call, startedAt: number): void {
  record.queuedMs = roundMs(record.queuedMs + performance.now() - startedAt);
}

function join(call: Call, targets: readonly Target[], capacity: Capacity, onRefused: () => void): Waiting | undefined {
  const places = targets.flatMap(({ state }) => state.place ?? []);
  return capacity.wait(places, (place) => tokensAt(call, place), call.rank, performance.now(), onRefused);
}

const QUEUE_FULL = 'the queue is full';
const TOO_LATE = 'it could not be answered before its deadline';

/** Why a call would not be queued, in words. */
export function whyNotQueued(
  call: Call,
  targets: readonly Target[],
  capacity: Capacity,
  now: number,
): string | undefined {
  if (targets.every((target) => isTooLate(call, target, capacity, now))) return TOO_LATE;
  const places = targets.flatMap(({ state }) => state.place ?? []);
  return capacity.canQueue(places, call.rank) ? undefined : QUEUE_FULL;
}

/**
 * The first of these full deployments that would give the call a slot, and when: by their rates if one is known, else
 * in order, at an unknown time.
 */
export function firstServed(
  call: Call,
  targets: readonly Target[],
  now: number,
): { target: Target | undefined; at: number } {
  const timeOf = ({ state: { place } }: Target) =>
    place === undefined ? now : availableAt(place, tokensAt(call, place));
  const at = now + rateWaitMs(Math.min(...targets.map(timeOf)), now);
  const target = targets.find((each) => timeOf(each) <= at);
  return { target, at };
}

/** Whether its turn would come too late for an answer. */
function isTooLate(call: Call, target: Target, capacity: Capacity, now: number): boolean {
  const { place } = target.state;
  if (place === undefined) return false;
  const left = call.deadline - now;
  return capacity.expectedWaitMs(place, call.rank) + neededMs(call, target, left) > left;
}

/**
 * How much of its time a call must have left when it gets a slot: as long as nearly all answers take, but at most half
 * of its time. Under overload every call is served at the last moment, and a slot with less time left is wasted.
 */
function neededMs({ stream }: Call, { state }: Target, left: number): number {
  return Math.max(state.latencies(stream).min ?? 0, Math.min(state.p95Ms(stream) ?? 0, left / 2));
}

function refused(call: Call, { events }: QueueParts, why: string): Error {
  const { id, route, priority } = call.record;
  if (events.hasListener('capacity-refused'))
    events.emit({ type: 'capacity-refused', callId: id, route, priority, why });
  return capacityError(why);
}

export function capacityError(why: string): CapacityExceededError {
  return new CapacityExceededError(`All deployments that may answer are full, and ${why}. Nothing was sent.`);
}

function usedTokens({ usage }: AttemptEnd): number | undefined {
  const read = readUsage(usage);
  // A usage of zeros says nothing: some servers report no other.
  return read === null ? undefined : read.inputTokens + read.outputTokens || undefined;
}
