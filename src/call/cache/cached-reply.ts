import { attemptEnd } from '../../state/attempt-end.js';
import type { AttemptEnd, CachedReply } from '../../types.js';
import type { CancelSignal } from '../../util/cancel-signal.js';
import { isRecord } from '../../util/is-record.js';
import { onCollected } from '../../util/on-collected.js';
import { DONE, type ReaderSource, StreamReader } from '../../util/stream-reader.js';
import { StreamEnd } from './stream-end.js';

type Result = IteratorResult<unknown, undefined>;

/** The end of an answer for a call without an attempt. */
function endOf(id: unknown, outcome: AttemptEnd['outcome'] = 'success'): AttemptEnd {
  const answerId = typeof id === 'string' ? id : undefined;
  return attemptEnd({ outcome, breaker: 'neutral', status: 200, answerId });
}

/** A whole answer, as a separate copy for one caller. */
export function cachedAnswer(data: unknown, requestId: string | null, headers?: Headers): CachedReply {
  const end = endOf(isRecord(data) ? data.id : undefined);
  return { cached: { data, headers, requestId }, chunks: undefined, onEnd: (listener) => listener(end) };
}

/** A stream of chunks that are already there. */
export function cachedStream(
  chunks: unknown[],
  requestId: string | null,
  signal: CancelSignal | undefined,
): CachedReply {
  const replay = new Replay(chunks);
  const iterator = new StreamReader({ source: replay });
  const leave = () => replay.leave();
  const stopWatching = onCollected(iterator, leave);
  signal?.addEventListener('abort', leave);
  replay.onEnd(() => {
    stopWatching();
    signal?.removeEventListener('abort', leave);
  });
  return {
    cached: { data: undefined, headers: undefined, requestId },
    chunks: iterator,
    onEnd: (listener) => replay.onEnd(listener),
  };
}

class Replay implements ReaderSource {
  readonly #chunks: unknown[];
  readonly #end = new StreamEnd();
  #answerId: unknown;

  constructor(chunks: unknown[]) {
    this.#chunks = chunks.reverse();
  }

  onEnd(listener: (end: AttemptEnd) => void): void {
    this.#end.onEnd(listener);
  }

  async next(): Promise<Result> {
    if (this.#chunks.length === 0) {
      this.#end.set(endOf(this.#answerId));
      return DONE;
    }
    const value = this.#chunks.pop();
    this.#answerId ??= idOf(value);
    return { done: false, value };
  }

  async return(): Promise<Result> {
    this.leave();
    return DONE;
  }

  /** As the SDK does: an abort ends the iteration without an error. */
  leave(): void {
    this.#end.set(endOf(this.#answerId, this.#chunks.length === 0 ? 'success' : 'aborted'));
    this.#chunks.length = 0;
  }
}

/** The id of the answer that a chunk belongs to. Some providers send an empty id first. */
export function idOf(chunk: unknown): unknown {
  if (!isRecord(chunk)) return undefined;
  return (isRecord(chunk.response) ? chunk.response.id : chunk.id) || undefined;
}
