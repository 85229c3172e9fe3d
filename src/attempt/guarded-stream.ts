import { classify, embeddedError, failure, invalidAnswer, isErrorEvent } from '../classify.js';
import { type InterruptionReason, StreamInterruptedError } from '../errors.js';
import { RESPONSE_FAILED } from '../protocol/answer-faults.js';
import { Delivered, textOf } from '../protocol/delivered.js';
import { isUsageChunk, type Progress } from '../protocol/progress.js';
import { attemptEnd } from '../state/attempt-end.js';
import type { Attempt, AttemptEnd, Failure, UpstreamStream } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { onCollected } from '../util/on-collected.js';
import { cut, storableId } from '../util/shown.js';
import { DONE, type ReaderLink, type ReaderSource, StreamReader } from '../util/stream-reader.js';
import type { CheckedChunks } from './check-chunks.js';
import { chunkTimeoutOf, commitTimeoutOf } from './time-limits.js';

type Result = IteratorResult<unknown, undefined>;
interface Pending {
  readonly reader: object;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

/** A timer that fires later than this was delayed by a blocked process, so chunks that have arrived are read first. */
const LATE_MS = 50;

export interface GuardedParts {
  readonly attempt: Attempt;
  readonly status: number;
  readonly stream: UpstreamStream;
  readonly chunks: CheckedChunks;
  readonly progress: Progress;
  /** Chunks from before the first content. */
  readonly held: unknown[];
  readonly random: () => number;
  /** Called at the first content. */
  readonly onContent: (attempt: Attempt) => void;
}

/**
 * A committed stream. It delivers the held chunks, then the rest, and checks how the stream ends: a cut, a stall, an
 * error or a missing end throws a `StreamInterruptedError` with what was delivered. It leaves no timer and no listener.
 *
 * Signals, timers and the upstream refer to this object, and so does the caller's iterator until the end. A caller that
 * drops the iterator ends the attempt, so nothing here may refer to the iterator, except while it waits for a chunk.
 */
export class GuardedStream implements ReaderSource {
  readonly #parts: GuardedParts;
  readonly #held: unknown[];
  readonly #delivered = new Delivered();
  readonly #listeners: ((end: AttemptEnd) => void)[] = [];
  readonly #hidesUsage: boolean;
  readonly #chunkTimeoutMs: number;
  /** When the first content must have come. */
  #contentDueAt: number;
  #pending: Pending | undefined;
  /** The promise of the current or last pull. */
  #pulled: Promise<unknown> = Promise.resolve();
  #waitingSince = 0;
  #isLate = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  readonly #maxTimer: ReturnType<typeof setTimeout> | undefined;
  #end: AttemptEnd | undefined;
  /** The error that broke the stream while the caller was not reading. */
  #error: Error | undefined;
  readonly #link: ReaderLink = { source: this };
  /** Resolved in the async context of the call, so that its listeners run there, whatever ends the stream. */
  #resolveEnd: () => void = ignore;

  constructor(parts: GuardedParts) {
    const { attempt, stream, held } = parts;
    const { call, startedAt } = attempt;
    this.#parts = parts;
    this.#held = held.reverse();
    // On a shared call, each caller gets the usage if it requested it.
    this.#hidesUsage = (attempt.additions?.includes('usage') ?? false) && !call.isShared;
    this.#chunkTimeoutMs = chunkTimeoutOf(call);
    this.#contentDueAt = Math.min(startedAt + commitTimeoutOf(attempt), call.deadline);
    const ended = new Promise<void>((resolve) => {
      this.#resolveEnd = resolve;
    });
    void ended.then(() => this.#notify());
    if (parts.progress.hasContent) parts.onContent(attempt);
    const { maxStreamMs } = call.settings;
    if (maxStreamMs !== undefined) {
      const ms = Math.max(0, Math.ceil(startedAt + maxStreamMs - performance.now()));
      this.#maxTimer = setTimeout(() => this.#interrupt('too-long', undefined), ms);
    }
    call.signal?.addEventListener('abort', this.#onAbort);
    stream.signal.addEventListener('abort', this.#onOwnAbort);
    if (stream.signal.aborted) this.#onOwnAbort();
  }

  /** The caller's iterator. If it is garbage-collected, the stream ends as aborted. */
  iterator(): AsyncIterableIterator<unknown, undefined> {
    const iterator = new StreamReader(this.#link);
    const stopWatching = onCollected(iterator, () => this.#leave());
    this.onEnd(stopWatching);
    return iterator;
  }

  onEnd(listener: (end: AttemptEnd) => void): void {
    if (this.#end === undefined) this.#listeners.push(listener);
    else listener(this.#end);
  }

  next(reader: object): Promise<Result> {
    if (this.#pending !== undefined) {
      const again = () => this.next(reader);
      return this.#pulled.then(again, again);
    }
    while (this.#held.length > 0) {
      const chunk = this.#held.pop();
      if (!this.#isHidden(chunk)) return Promise.resolve(this.#deliver(chunk));
    }
    const error = this.#error;
    if (error !== undefined) {
      this.#unlink();
      return Promise.reject(error);
    }
    if (this.#end !== undefined) return Promise.resolve(DONE);
    return this.#pull(reader);
  }

  /** The caller stops reading: closes the connection to the upstream. */
  return(): Promise<Result> {
    this.#leave();
    // This runs in the caller's own turn, and the state of the stream is known only at its end.
    this.#notify();
    return Promise.resolve(DONE);
  }

  #leave(): void {
    if (this.#end !== undefined) this.#unlink();
    else {
      const pending = this.#settle();
      this.#finish(this.#left());
      this.#close();
      pending?.resolve(DONE);
    }
    this.#held.length = 0;
  }

  #pull(reader: object): Promise<Result> {
    const pulled = new Promise<Result>((resolve, reject) => {
      this.#pending = { reader, resolve, reject };
    });
    this.#pulled = pulled;
    this.#waitingSince = performance.now();
    // A caller that reads late is not the upstream's fault.
    if (this.#contentDueAt <= this.#waitingSince) this.#contentDueAt = this.#waitingSince + this.#chunkTimeoutMs;
    this.#isLate = false;
    if (this.#timer === undefined) this.#watch();
    this.#read();
    return pulled;
  }

  #read(): void {
    this.#parts.chunks.pull(this.#onResult, this.#onError);
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
    return this.#parts.progress.hasContent && this.#parts.stream.doneSeen;
  }

  #onContent(): void {
    this.#parts.onContent(this.#parts.attempt);
    // From here on, the gap between two chunks counts.
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #onFailedFinish(reason: string): void {
    this.#interrupt('error-event', invalidAnswer('its stream reported a failure'), reason);
  }

  #onDone(): void {
    const { stream, progress, attempt } = this.#parts;
    if (stream.isAborted) return this.#endWith(this.#aborted());
    if (progress.finished) return this.#endWith(this.#success());
    const { protocol } = attempt.call;
    const hasKnownEnd = protocol === 'chat' || protocol === 'completions' || protocol === 'responses';
    // Streams of other endpoints are complete at the end of their body, as on a plain client.
    const isNoStream = !progress.hasContent && isRecord(attempt.call.body) && attempt.call.body.stream !== true;
    if (!hasKnownEnd || isNoStream || (progress.hasContent && stream.doneSeen))
      return this.#endWith({ ...this.#success(), unfinished: true });
    this.#interrupt('missing-end', undefined);
  }

  readonly #onError = (thrown: unknown): void => {
    if (this.#pending === undefined) return;
    // Everything requested has come, and only usage can follow, so an error is harmless now.
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

  /** Fires when a wait was too long. Time in which the caller does not read does not count. */
  readonly #onIdle = (): void => {
    this.#timer = undefined;
    if (this.#pending === undefined) return;
    const lateMs = performance.now() - this.#dueAt;
    if (lateMs < 0) return this.#watch();
    if (lateMs > LATE_MS && !this.#isLate) {
      this.#isLate = true;
      this.#timer = setTimeout(this.#onIdle, 0);
    } else if (this.#parts.progress.isFinal || this.#isDone) {
      // Everything has come, but the server keeps the connection open.
      this.#endWith(this.#success());
      this.#close();
    } else this.#interrupt('stalled', undefined);
  };

  /**
   * Handles `stream.controller.abort()`. The SDK also aborts it when a pull fails; the pull's result then comes at once
   * and has the reason.
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
    // The application's own limit, or a blocked process.
    if (reason === 'too-long' || this.#isLate) return 'neutral';
    return cause === undefined ? found.breaker : classify(cause, found.endedAt, 0).breaker;
  }

  #endWith(end: AttemptEnd): void {
    const pending = this.#settle();
    this.#finish(end);
    pending?.resolve(DONE);
  }

  #success(): AttemptEnd {
    const { attempt, progress, random } = this.#parts;
    if (!progress.failed) return this.#ended('success', 'success', undefined);
    // The caller has the server's own last event, which says that the response failed.
    const error = embeddedError(RESPONSE_FAILED, undefined, 'server-error');
    const found = failure('server-error', error, performance.now(), random());
    return this.#ended('server-error', 'failure', { ...found, target: attempt.target });
  }

  #aborted(): AttemptEnd {
    return this.#ended('aborted', 'neutral', undefined);
  }

  /** A success if the caller stopped after the end. A finish reason next to content may not be the end. */
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
    if (this.#error === undefined) this.#unlink();
    this.#resolveEnd();
  }

  /** Nothing is left to read: a caller that keeps its iterator does not keep the call and its request. */
  #unlink(): void {
    this.#link.source = undefined;
    this.#error = undefined;
  }

  #notify(): void {
    const end = this.#end;
    if (end === undefined) return;
    for (const listener of this.#listeners.splice(0)) listener(end);
    this.#delivered.clear();
  }

  #close(): void {
    // First the request: the SDK's generator would abort it with an error whose stack refers to this object.
    this.#parts.attempt.control.end('closed');
    this.#parts.chunks.return().catch(() => undefined);
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

function ignore(): void {}
