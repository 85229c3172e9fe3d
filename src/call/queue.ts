import { abortError } from '../classify.js';
import { CapacityExceededError, DeadlineExceededError } from '../errors.js';
import { readUsage } from '../protocol/usage.js';
import { type Capacity, countsTokens, type Place } from '../state/capacity.js';
import type { Events } from '../telemetry/events.js';
import type { Attempt, AttemptEnd, Call, Target } from '../types.js';

/** The tokens that a call takes of a place's rate; 0 where it has none. */
export const tokensAt = (call: Call, place: Place) => (countsTokens(place) ? call.requestTokens() : 0);

export interface QueueParts {
  readonly capacity: Capacity;
  readonly events: Events;
}

/** Counts an attempt at its place until its end. `granted`: the call has waited for this very slot. */
export function occupy(attempt: Attempt, { capacity }: QueueParts, granted: Place | undefined): void {
  const { call, target, onEnd } = attempt;
  const { place } = target.state;
  if (place === undefined) return;
  const tokens = tokensAt(call, place);
  if (place !== granted) capacity.take(place, tokens, performance.now());
  onEnd.push((end) => capacity.release(place, tokens, usedTokens(end), performance.now()));
}

/** Gives back a slot that the call cannot use any more. */
export function giveBack(call: Call, { capacity }: QueueParts, place: Place): void {
  capacity.release(place, tokensAt(call, place), 0, performance.now());
}

/**
 * Waits for the first slot of any of these deployments: by priority, then first in, first out.
 *
 * @throws CapacityExceededError at once where the queue is full or the call could not be answered in time
 * @throws DeadlineExceededError where its time ends in the queue
 */
export async function waitForSlot(call: Call, targets: readonly Target[], parts: QueueParts): Promise<Place> {
  const { capacity } = parts;
  const startedAt = performance.now();
  const places = targets.flatMap(({ state }) => state.place ?? []);
  const whyNot = whyNotQueued(call, targets, capacity, startedAt);
  if (whyNot !== undefined) throw refused(call, parts, whyNot);
  let refuse: (error: Error) => void = () => undefined;
  const refusal = new Promise<never>((_, reject) => {
    refuse = reject;
  });
  const waiting = capacity.wait(
    places,
    (place) => tokensAt(call, place),
    call.rank,
    startedAt,
    () => refuse(refused(call, parts, 'a call of higher priority has taken its place in the queue')),
  );
  if (waiting === undefined) throw refused(call, parts, QUEUE_FULL);
  const onAbort = () => refuse(abortError(call.signal?.reason));
  call.signal?.addEventListener('abort', onAbort);
  const timer = setTimeout(
    () => refuse(new DeadlineExceededError(call.settings.deadlineMs, undefined)),
    Math.max(0, Math.ceil(call.deadline - startedAt)),
  );
  try {
    return await Promise.race([waiting.granted, refusal]);
  } catch (error) {
    waiting.cancel();
    // It may have been granted at this very moment.
    void waiting.granted.then((place) => giveBack(call, parts, place));
    throw error;
  } finally {
    clearTimeout(timer);
    call.signal?.removeEventListener('abort', onAbort);
    call.record.queuedMs += performance.now() - startedAt;
  }
}

const QUEUE_FULL = 'the queue is full';

/** Why a call would not be queued, in words. */
export function whyNotQueued(
  call: Call,
  targets: readonly Target[],
  capacity: Capacity,
  now: number,
): string | undefined {
  if (targets.every((target) => isTooLate(call, target, capacity, now)))
    return 'it could not be answered before its deadline';
  const places = targets.flatMap(({ state }) => state.place ?? []);
  return capacity.canQueue(places, call.rank) ? undefined : QUEUE_FULL;
}

/** By what is known of its answers, the call's turn would come too late. */
function isTooLate(call: Call, { state }: Target, capacity: Capacity, now: number): boolean {
  const { place } = state;
  if (place === undefined) return false;
  const slots = Math.min(
    place.slots.maxConcurrent ?? Number.POSITIVE_INFINITY,
    place.client.maxConcurrent ?? Number.POSITIVE_INFINITY,
  );
  const latencies = state.latencies(call.stream);
  const p50 = latencies.live(0.5);
  if (p50 === undefined || slots === Number.POSITIVE_INFINITY) return false;
  const waitMs = ((capacity.ahead(place, call.rank) + 1) * p50) / slots;
  return waitMs + (latencies.min ?? 0) > call.deadline - now;
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
  return read === null ? undefined : read.inputTokens + read.outputTokens;
}
