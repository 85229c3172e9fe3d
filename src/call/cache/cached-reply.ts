import { attemptEnd } from '../../state/attempt-end.js';
import type { AttemptEnd, CachedReply } from '../../types.js';
import type { CancelSignal } from '../../util/cancel-signal.js';
import { isRecord } from '../../util/is-record.js';
import { onCollected } from '../../util/on-collected.js';
import { StreamEnd } from './stream-end.js';

type Result = IteratorResult<unknown, undefined>;
const DONE: Result = { done: true, value: undefined };

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
  const iterator = new ReplayReader(replay);
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

class Replay {
  readonly #chunks: unknown[];
  readonly #end = new StreamEnd();
  #answerId: unknown;

  constructor(chunks: unknown[]) {
    this.#chunks = chunks.reverse();
  }

  onEnd(listener: (end: AttemptEnd) => void): void {
    this.#end.onEnd(listener);
  }

  next(): Result {
    if (this.#chunks.length === 0) {
      this.#end.set(endOf(this.#answerId));
      return DONE;
    }
    const value = this.#chunks.pop();
    this.#answerId ??= idOf(value);
    return { done: false, value };
  }

  /** As the SDK does: an abort ends the iteration without an error. */
  leave(): void {
    this.#end.set(endOf(this.#answerId, this.#chunks.length === 0 ? 'success' : 'aborted'));
    this.#chunks.length = 0;
  }
}

/** The source of a caller's stream. The router holds no reference to it. */
class ReplayReader implements AsyncIterator<unknown, undefined> {
  readonly #replay: Replay;

  constructor(replay: Replay) {
    this.#replay = replay;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<Result> {
    return this.#replay.next();
  }

  async return(): Promise<Result> {
    this.#replay.leave();
    return DONE;
  }
}

/** The id of the answer that a chunk belongs to. Some providers send an empty id first. */
export function idOf(chunk: unknown): unknown {
  if (!isRecord(chunk)) return undefined;
  return (isRecord(chunk.response) ? chunk.response.id : chunk.id) || undefined;
}
