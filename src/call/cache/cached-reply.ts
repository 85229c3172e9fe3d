import type { AttemptEnd, KeptReply } from '../../types.js';
import type { CancelSignal } from '../../util/cancel-signal.js';
import { isRecord } from '../../util/is-record.js';

type Result = IteratorResult<unknown, undefined>;
const DONE: Result = { done: true, value: undefined };

/** The end of an answer that no attempt of this call has given. */
function endOf(answerId: unknown, outcome: AttemptEnd['outcome'] = 'success'): AttemptEnd {
  return {
    outcome,
    breaker: 'neutral',
    failure: undefined,
    status: 200,
    usage: undefined,
    servedModel: undefined,
    answerId: typeof answerId === 'string' ? answerId : undefined,
    unfinished: false,
  };
}

/** A whole answer, nobody else's. */
export function keptAnswer(data: unknown, requestId: string | null, headers?: Headers): KeptReply {
  const end = endOf(isRecord(data) ? data.id : undefined);
  return { kept: { data, headers, requestId }, chunks: undefined, onEnd: (listener) => listener(end) };
}

/** A stream of chunks that are there already. */
export function keptStream(chunks: unknown[], requestId: string | null, signal: CancelSignal | undefined): KeptReply {
  const iterator = new KeptChunks(chunks, signal);
  const onEnd: KeptReply['onEnd'] = (listener) => iterator.onEnd(listener);
  return { kept: { data: undefined, headers: undefined, requestId }, chunks: iterator, onEnd };
}

class KeptChunks implements AsyncIterator<unknown, undefined> {
  readonly #chunks: unknown[];
  readonly #signal: CancelSignal | undefined;
  readonly #listeners: ((end: AttemptEnd) => void)[] = [];
  #end: AttemptEnd | undefined;
  #answerId: unknown;

  constructor(chunks: unknown[], signal: CancelSignal | undefined) {
    this.#chunks = chunks.reverse();
    this.#signal = signal;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  onEnd(listener: (end: AttemptEnd) => void): void {
    if (this.#end === undefined) this.#listeners.push(listener);
    else listener(this.#end);
  }

  next(): Promise<Result> {
    // As the SDK does: an abort ends the iteration without an error.
    if (this.#signal?.aborted) return this.return();
    if (this.#chunks.length === 0) {
      this.#finish('success');
      return Promise.resolve(DONE);
    }
    const value = this.#chunks.pop();
    this.#answerId ??= idOf(value);
    return Promise.resolve({ done: false, value });
  }

  return(): Promise<Result> {
    this.#finish(this.#chunks.length === 0 ? 'success' : 'aborted');
    this.#chunks.length = 0;
    return Promise.resolve(DONE);
  }

  #finish(outcome: AttemptEnd['outcome']): void {
    if (this.#end !== undefined) return;
    this.#end = endOf(this.#answerId, outcome);
    for (const listener of this.#listeners.splice(0)) listener(this.#end);
  }
}

/** The id of the answer that a chunk is part of. */
export function idOf(chunk: unknown): unknown {
  if (!isRecord(chunk)) return undefined;
  return isRecord(chunk.response) ? chunk.response.id : chunk.id;
}
