import { fromChunks } from '../../protocol/convert.js';
import { type AttemptEnd, type CallReply, isKept } from '../../types.js';
import { isRecord } from '../../util/is-record.js';
import { idOf } from './cached-reply.js';
import type { Order } from './order.js';
import type { Flight } from './shared-call.js';
import { SharedReader, SharedStream } from './shared-stream.js';

/** Keeps what is to be kept of an answer that has come, before anybody has it. */
export function land(reply: CallReply, flight: Flight, keep: Order['keep']): void {
  if (reply.chunks === undefined) {
    const data = isKept(reply) ? reply.kept.data : reply.answer.data;
    try {
      if (flight.hasOthers) flight.wholeOf(data);
      keep(data, flight, requestIdOf(reply, data), isKept(reply) ? undefined : reply.answer.text);
    } catch {
      // It is nested too deeply to be copied: nobody else's than the first one's.
    }
    return;
  }
  const stream: SharedStream = new SharedStream(reply, reply.chunks, ({ outcome, unfinished }) => {
    flight.end();
    if (outcome !== 'success' || unfinished) return;
    const whole = fromChunks(
      flight.call.protocol,
      stream.texts.map((text): unknown => JSON.parse(text)),
    );
    keep(whole, flight, requestIdOf(reply));
  });
  flight.stream = stream;
  if (flight.isRefresh) void drain(stream);
}

/** The SDK has looked it up already, and written it into what it has parsed. */
function requestIdOf(reply: CallReply, data?: unknown): string | null {
  if (isRecord(data) && typeof data._request_id === 'string') return data._request_id;
  return headersOf(reply)?.get('x-request-id') ?? null;
}

export function headersOf(reply: CallReply): Headers | undefined {
  return isKept(reply) ? reply.kept.headers : reply.answer.headers;
}

export function endFor(how: 'ended' | 'left' | { readonly error: unknown }, { end, texts }: SharedStream): AttemptEnd {
  const answerId = idOf(texts[0] === undefined ? undefined : JSON.parse(texts[0]));
  const base: AttemptEnd = {
    ...(end ?? { servedModel: undefined, usage: undefined, status: 200, unfinished: false }),
    outcome: 'success',
    breaker: 'neutral',
    failure: undefined,
    answerId: typeof answerId === 'string' ? answerId : undefined,
  };
  if (how === 'ended') return base;
  if (how === 'left') return { ...base, outcome: 'aborted' };
  const { error } = how;
  const failure = end?.failure !== undefined && error instanceof Error ? { ...end.failure, error } : end?.failure;
  return { ...base, outcome: 'interrupted', failure };
}

/** Reads a stream that nobody waits for, so that it can be kept. */
async function drain(stream: SharedStream): Promise<void> {
  const ignore = () => undefined;
  const reader = new SharedReader(stream, {
    signal: undefined,
    isHidden: () => false,
    errorFor: (error) => error,
    onOver: ignore,
  });
  try {
    for (;;) if ((await reader.next()).done) return;
  } catch {
    // Told by its attempt; the stale answer stays.
  }
}
