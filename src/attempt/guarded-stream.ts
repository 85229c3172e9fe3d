import { classify, failure, invalidAnswer, isErrorEvent } from '../classify.js';
import { type InterruptionReason, StreamInterruptedError } from '../errors.js';
import { Delivered, textOf } from '../protocol/delivered.js';
import { isUsageChunk, type Progress } from '../protocol/progress.js';
import { attemptEnd } from '../state/attempt-end.js';
import type { Attempt, AttemptEnd, Failure, UpstreamStream } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { onCollected } from '../util/on-collected.js';
import { cut, storableId } from '../util/shown.js';
import { chunkTimeoutOf, limitOf } from './limit.js';

type Result = IteratorResult<unknown, undefined>;
interface Pending {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = { done: true, value: undefined };

/** A timer that fires later than this has found a blocked process: what has arrived meanwhile is read first. */
const LATE_MS = 50;

export interface GuardedParts {
  readonly attempt: Attempt;
  readonly status: number;
  readonly stream: UpstreamStream;
  readonly progress: Progress;
  /** Chunks that came before the first content. */
  readonly held: unknown[];
  readonly random: () => number;
  /** The first content has come. */
  readonly onContent: () => void;
}

/**
 * A committed stream: delivers what was held back, then what comes, and guards its end. A cut, a stall, an error or a
 * missing end is a `StreamInterruptedError` with what was delivered. Leaves no timer and no listener.
 *
 * Signals, timers and the upstream hold this object, and the caller holds an iterator that holds it: a caller that drops
 * the iterator ends the attempt. So nothing here may refer to what the caller has.
 */
export class GuardedStream {
  readonly #parts: GuardedParts;
  readonly #held: unknown[];
  readonly #delivered = new Delivered();
  readonly #listeners: ((end: AttemptEnd) => void)[] = [];
  readonly #hidesUsage: boolean;
  readonly #chunkTimeoutMs: number;
  /** Until when the first content must have come. */
  #contentDueAt: number;
  #pending: Pending | undefined;
  /** The promise of the pull that is or was the last. */
  #pulled: Promise<unknown> = Promise.resolve();
  #waitingSince = 0;
  #isLate = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #maxTimer: ReturnType<typeof setTimeout> | undefined;
  #end: AttemptEnd | undefined;
  /** What broke it while nothing was read. */
  #error: Error | undefined;
  /** Resolved in the async context of the call: so its listeners run there, whatever ends the stream. */
  #resolveEnd: () => void = ignore;

  constructor(parts: GuardedParts) {
    const { attempt, stream, held } = parts;
    const { call, startedAt } = attempt;
    this.#parts = parts;
    this.#held = held.reverse();
    // Each caller of a shared call sees what it requested.
    this.#hidesUsage = (attempt.additions?.includes('usage') ?? false) && !call.isShared;
    this.#chunkTimeoutMs = chunkTimeoutOf(call);
    this.#contentDueAt = Math.min(startedAt + limitOf(attempt), call.deadline);
    const ended = new Promise<void>((resolve) => {
      this.#resolveEnd = resolve;
    });
    void ended.then(() => this.#notify());
    if (parts.progress.hasContent) parts.onContent();
    const { maxStreamMs } = call.settings;
    if (maxStreamMs !== undefined) {
      const ms = Math.max(0, Math.ceil(startedAt + maxStreamMs - performance.now()));
      this.#maxTimer = setTimeout(() => this.#interrupt('too-long', undefined), ms);
    }
    call.signal?.addEventListener('abort', this.#onAbort);
    stream.signal.addEventListener('abort', this.#onOwnAbort);
    if (stream.signal.aborted) this.#onOwnAbort();
  }

  /** What the caller reads. The stream ends as aborted once nothing holds it any more. */
  iterator(): AsyncIterableIterator<unknown, undefined> {
    const iterator = iterate(this);
    const callOff = onCollected(iterator, () => this.#leave());
    this.onEnd(callOff);
    return iterator;
  }

  onEnd(listener: (end: AttemptEnd) => void): void {
    if (this.#end === undefined) this.#listeners.push(listener);
    else listener(this.#end);
  }

  next(): Promise<Result> {
    if (this.#pending !== undefined) {
      const again = () => this.next();
      return this.#pulled.then(again, again);
    }
    while (this.#held.length > 0) {
      const chunk = this.#held.pop();
      if (!this.#isHidden(chunk)) return Promise.resolve(this.#deliver(chunk));
    }
    const error = this.#error;
    this.#error = undefined;
    if (error !== undefined) return Promise.reject(error);
    if (this.#end !== undefined) return Promise.resolve(DONE);
    return this.#pull();
  }

  /** The caller leaves: the upstream's socket is closed. */
  return(): Promise<Result> {
    this.#leave();
    // It is the caller's own turn, and what has become of the stream is known when it ends.
    this.#notify();
    return Promise.resolve(DONE);
  }

  #leave(): void {
    this.#error = undefined;
    if (this.#end === undefined) {
      const pending = this.#settle();
      this.#finish(this.#left());
      this.#close();
      pending?.resolve(DONE);
    }
    this.#held.length = 0;
  }

  #pull(): Promise<Result> {
    const pulled = new Promise<Result>((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
    this.#pulled = pulled;
    this.#waitingSince = performance.now();
    // A reader that comes late is no fault of the upstream's.
    if (this.#contentDueAt <= this.#waitingSince) this.#contentDueAt = this.#waitingSince + this.#chunkTimeoutMs;
    this.#isLate = false;
    if (this.#timer === undefined) this.#watch();
    this.#read();
    return pulled;
  }

  #read(): void {
    this.#parts.stream.chunks.next().then(this.#onResult, this.#onError);
  }

  readonly #onResult = (result: IteratorResult<unknown>): void => {
    if (this.#pending === undefined) return;
    if (result.done) return this.#onDone();
    const { progress } = this.#parts;
    const hadContent = progress.hasContent;
    progress.read(result.value);
    if (!hadContent && progress.hasContent) this.#onContent();
    if (progress.failedFinish !== undefined) return this.#onFailedFinish(progress.failedFinish);
    if (this.#isHidden(result.value)) return this.#read();
    this.#settle()?.resolve(this.#deliver(result.value));
  };

  /** `[DONE]` has come: SDK 6 reads on until the body ends. */
  get #isDone(): boolean {
    return this.#parts.progress.hasContent && this.#parts.stream.doneSeen();
  }

  #onContent(): void {
    this.#parts.onContent();
    // From here on it is the gap between two chunks that counts.
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #onFailedFinish(reason: string): void {
    this.#interrupt('error-event', invalidAnswer('its stream reported a failure'), reason);
  }

  #onDone(): void {
    const { stream, progress, attempt } = this.#parts;
    if (stream.aborted()) return this.#endWith(this.#aborted());
    if (progress.finished) return this.#endWith(this.#success());
    const { protocol } = attempt.call;
    const hasKnownEnd = protocol === 'chat' || protocol === 'completions' || protocol === 'responses';
    // Other endpoints' streams are whole for a plain client, too, where their body ends.
    const isNoStream = !progress.hasContent && isRecord(attempt.call.body) && attempt.call.body.stream !== true;
    if (!hasKnownEnd || isNoStream || (progress.hasContent && stream.doneSeen()))
      return this.#endWith({ ...this.#success(), unfinished: true });
    this.#interrupt('missing-end', undefined);
  }

  readonly #onError = (thrown: unknown): void => {
    if (this.#pending === undefined) return;
    // All that was requested has come, and nothing but usage after it: what breaks then does no harm.
    if (this.#parts.progress.isFinal) return this.#endWith(this.#success());
    const { target, call } = this.#parts.attempt;
    const cause = thrown instanceof Error ? target.state.deployment.upstream.redact(thrown, call.source) : undefined;
    if (thrown instanceof SyntaxError) this.#interrupt('malformed', cause);
    else this.#interrupt(isErrorEvent(thrown) ? 'error-event' : 'cut', cause);
  };

  get #dueAt(): number {
    return this.#parts.progress.hasContent ? this.#waitingSince + this.#chunkTimeoutMs : this.#contentDueAt;
  }

  #watch(): void {
    const ms = Math.max(0, Math.ceil(this.#dueAt - performance.now()));
    if (ms !== Number.POSITIVE_INFINITY) this.#timer = setTimeout(this.#onIdle, ms);
  }

  /** Fires at the end of a wait that was too long; a slow reader does not count as one. */
  readonly #onIdle = (): void => {
    this.#timer = undefined;
    if (this.#pending === undefined) return;
    const lateMs = performance.now() - this.#dueAt;
    if (lateMs < 0) return this.#watch();
    if (lateMs > LATE_MS && !this.#isLate) {
      this.#isLate = true;
      this.#timer = setTimeout(this.#onIdle, 0);
    } else if (this.#parts.progress.isFinal || this.#isDone) {
      // All has come, but the server does not hang up.
      this.#endWith(this.#success());
      this.#close();
    } else this.#interrupt('stalled', undefined);
  };

  /**
   * `stream.controller.abort()`. The SDK aborts it too, where a pull fails: its result, which comes at once, says why.
   */
  readonly #onOwnAbort = (): void => {
    if (this.#pending === undefined) return this.#onAbort();
    clearTimeout(this.#timer);
    this.#timer = setTimeout(this.#onAbort, 0);
  };

  readonly #onAbort = (): void => {
    if (this.#end !== undefined) return;
    this.#held.length = 0;
    const pending = this.#settle();
    this.#finish(this.#aborted());
    this.#close();
    // As the SDK does: an abort ends the iteration without an error.
    pending?.resolve(DONE);
  };

  #interrupt(reason: InterruptionReason, cause: Error | undefined, upstreamCode?: string): void {
    if (this.#end !== undefined) return;
    const { attempt, random } = this.#parts;
    const partial = this.#delivered.chunks();
    const error = new StreamInterruptedError(reason, partial, textOf(partial), cause, upstreamCode);
    const now = performance.now();
    const found = failure('interrupted', error, now, random());
    const breaker = this.#breakerAfter(reason, cause, found);
    const pending = this.#settle();
    if (pending === undefined) this.#error = error;
    this.#held.length = 0;
    this.#finish(this.#ended('interrupted', breaker, { ...found, breaker, target: attempt.target }));
    this.#close();
    pending?.reject(error);
  }

  #breakerAfter(reason: InterruptionReason, cause: Error | undefined, found: Failure): Failure['breaker'] {
    // The application's own limit, or a process that was blocked.
    if (reason === 'too-long' || this.#isLate) return 'neutral';
    return cause === undefined ? found.breaker : classify(cause, found.endedAt, 0).breaker;
  }

  #endWith(end: AttemptEnd): void {
    const pending = this.#settle();
    this.#finish(end);
    pending?.resolve(DONE);
  }

  #success(): AttemptEnd {
    return this.#ended('success', this.#parts.progress.failed ? 'failure' : 'success', undefined);
  }

  #aborted(): AttemptEnd {
    return this.#ended('aborted', 'neutral', undefined);
  }

  /** A success if the reader left after the end. A finish reason next to content may not be the end. */
  #left(): AttemptEnd {
    const { isFinal, finished } = this.#parts.progress;
    if (isFinal) return this.#success();
    return finished && this.#held.length === 0 ? { ...this.#success(), unfinished: true } : this.#aborted();
  }

  #ended(outcome: AttemptEnd['outcome'], breaker: AttemptEnd['breaker'], found: AttemptEnd['failure']): AttemptEnd {
    const { progress, status } = this.#parts;
    const { usage, model, id, sealedKeys, serviceTier, toolItems: output } = progress;
    return attemptEnd({
      outcome,
      breaker,
      failure: found,
      status,
      usage,
      serviceTier,
      output,
      servedModel: model === undefined ? undefined : cut(model),
      answerId: storableId(id),
      sealedKeys,
      delivered: () => this.#delivered.written(),
    });
  }

  #finish(end: AttemptEnd): void {
    const { attempt, stream } = this.#parts;
    this.#end = end;
    clearTimeout(this.#timer);
    clearTimeout(this.#maxTimer);
    attempt.call.signal?.removeEventListener('abort', this.#onAbort);
    stream.signal.removeEventListener('abort', this.#onOwnAbort);
    this.#resolveEnd();
  }

  #notify(): void {
    const end = this.#end;
    if (end === undefined) return;
    for (const listener of this.#listeners.splice(0)) listener(end);
    this.#delivered.clear();
  }

  #close(): void {
    this.#parts.stream.chunks.return?.().catch(() => undefined);
    this.#parts.attempt.control.end('closed');
  }

  #settle(): Pending | undefined {
    const pending = this.#pending;
    this.#pending = undefined;
    return pending;
  }

  #isHidden(chunk: unknown): boolean {
    return this.#hidesUsage && isUsageChunk(chunk);
  }

  #deliver(value: unknown): Result {
    this.#delivered.add(value);
    return { done: false, value };
  }
}

/** Apart from the stream, so that nothing of it refers to the iterator. */
function iterate(stream: GuardedStream): AsyncIterableIterator<unknown, undefined> {
  const iterator: AsyncIterableIterator<unknown, undefined> = {
    next: () => stream.next(),
    return: () => stream.return(),
    [Symbol.asyncIterator]: () => iterator,
  };
  return iterator;
}

function ignore(): void {}
