import { attemptEnd } from '../../state/attempt-end.js';
import type { AttemptEnd, CallReply } from '../../types.js';
import { onCollected } from '../../util/on-collected.js';
import { StreamReader } from '../../util/stream-reader.js';
import { copyForAnother } from './errors.js';
import type { Participant } from './participant.js';
import { isOnlyUsage } from './read-answer.js';
import { headersOf } from './reply-parts.js';
import type { SharedCall } from './shared-call.js';
import type { SharedStream } from './shared-stream.js';
import { type HowOver, StreamPlace } from './stream-place.js';

export interface StreamDelivery {
  readonly shared: SharedCall;
  readonly stream: SharedStream;
  readonly participant: Participant;
  readonly reply: CallReply;
  /** Sends the call again, for a caller that has read nothing yet and can no longer read the shared stream. */
  readonly fetchAgain: () => Promise<CallReply>;
  /** Called when the stream of a caller that does not pay has ended. */
  readonly onJoinedEnd: () => void;
}

/** Gives one caller of a shared call its own reader of the shared stream. */
export function deliverStream(delivery: StreamDelivery): CallReply {
  const { shared, participant, reply, fetchAgain } = delivery;
  const headers = headersOf(reply);
  const { call } = participant;
  const { record } = call;
  const isOwner = shared.isOwner(participant);
  const { deployment, region, attempts } = shared.call.record;
  Object.assign(record, { deployment, region, timeToFirstChunkMs: performance.now() - call.startedAt });
  // If an earlier stream failed before this one began, its attempts are added at the end.
  if (isOwner && record.attempts.length === 0) record.attempts = attempts;
  const place = placeOf(delivery, isOwner ? undefined : () => restart(shared, participant, fetchAgain));
  participant.place = place;
  participant.pause();
  if (call.signal?.aborted) place.leave();
  return {
    cached: { data: undefined, headers, requestId: headers?.get('x-request-id') ?? null },
    chunks: readerOf(place, participant),
    onEnd: (listener) => participant.onEnd(listener),
  };
}

function placeOf(
  { shared, stream, participant, onJoinedEnd }: StreamDelivery,
  restart: (() => Promise<AsyncIterator<unknown>>) | undefined,
): StreamPlace {
  const { call } = participant;
  return new StreamPlace(stream, {
    onBegin: () => participant.begin(),
    onOver: (how) => {
      if (how === 'left') shared.leave(participant);
      else if (shared.isOwner(participant)) shared.chargeTo(call.record);
      else onJoinedEnd();
      shared.finish(participant);
      participant.finish(endFor(how, stream));
    },
    isHidden: (chunk) => !call.wantsUsage && isOnlyUsage(chunk),
    errorFor: (error, partial) => (shared.isOwner(participant) ? error : copyForAnother(error, call, partial)),
    restart,
  });
}

/** Replaces the shared stream by a separate one. */
async function restart(
  shared: SharedCall,
  participant: Participant,
  fetchAgain: () => Promise<CallReply>,
): Promise<AsyncIterator<unknown>> {
  const { call } = participant;
  shared.leave(participant);
  participant.pause();
  // The call may have begun long ago. The time until its first content counts from now.
  call.deadline = performance.now() + call.settings.deadlineMs;
  const { chunks, onEnd } = await fetchAgain();
  if (chunks === undefined) throw new Error('The call needs a stream.');
  onEnd((end) => participant.finish(end));
  return chunks;
}

/** A separate function: no closure that the router holds may refer to the reader. */
function readerOf(place: StreamPlace, participant: Participant): StreamReader {
  const reader = new StreamReader(place.link);
  participant.onEnd(onCollected(reader, () => place.leave()));
  return reader;
}

function endFor(how: HowOver, { end, answerId }: SharedStream): AttemptEnd {
  const base = attemptEnd({
    status: 200,
    ...end,
    outcome: 'success',
    breaker: 'neutral',
    failure: undefined,
    answerId: typeof answerId === 'string' ? answerId : undefined,
  });
  // The last event of a stream that was read to its end may say that the response failed.
  if (how === 'ended')
    return end?.failure === undefined ? base : { ...base, outcome: end.outcome, failure: end.failure };
  if (how === 'left') return { ...base, outcome: 'aborted' };
  const { error } = how;
  const failure = end?.failure !== undefined && error instanceof Error ? { ...end.failure, error } : end?.failure;
  return { ...base, outcome: 'interrupted', failure };
}

/** Reads a stream that no caller waits for, so that it can be stored. */
export async function drain(stream: SharedStream): Promise<void> {
  const ignore = () => undefined;
  const place = new StreamPlace(stream, {
    onBegin: ignore,
    onOver: ignore,
    isHidden: () => false,
    errorFor: (error) => error,
    restart: undefined,
  });
  try {
    for (;;) if ((await place.next()).done) return;
  } catch {
    // The attempt has reported the failure, and the stale answer stays.
  }
}
