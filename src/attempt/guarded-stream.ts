import { classify, failure, isErrorEvent } from '../classify.js';
import { type InterruptionReason, StreamInterruptedError } from '../errors.js';
import { isUsageChunk, type Progress, textOf } from '../protocol/progress.js';
import { asksForUsage } from '../protocol/stream-usage.js';
import type { Attempt, AttemptEnd, UpstreamStream } from '../types.js';

type Result = IteratorResult<unknown, undefined>;
interface Pending {
  readonly resolve: (result: Result) => void;
  readonly reject: (error: Error) => void;
}

const DONE: Result = { done: true, value: undefined };

/**
 * A committed stream: hands out what was held back, then what comes, and watches over its end. A cut, a stall, an error
 * or a missing end is a `StreamInterruptedError` with exactly what was handed out. Leaves no timer and no listener.
 */
export class GuardedStream implements AsyncIterator<unknown, undefined> {
  readonly #attempt: Attempt;
  readonly #status: number;
  readonly #stream: UpstreamStream;
  readonly #progress: Progress;
  readonly #held: unknown[];
  readonly #random: () => number;
  readonly #delivered: unknown[] = [];
  readonly #listeners: ((end: AttemptEnd) => void)[] = [];
  readonly #hidesUsage: boolean;
  #pending: Pending | undefined;
  /** The promise of the pull that is or was the last. */
  #pulled: Promise<unknown> = Promise.resolve();
  #waitingSince = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end: AttemptEnd | undefined;

  constructor(
    attempt: Attempt,
    status: number,
    stream: UpstreamStream,
    progress: Progress,
    held: unknown[],
    random: () => number,
  ) {
    this.#attempt = attempt;
    this.#status = status;
    this.#stream = stream;
    this.#progress = progress;
    this.#held = held.reverse();
    this.#random = random;
    // The callers of a shared run each see what they asked for.
    this.#hidesUsage = asksForUsage(attempt) && !attempt.call.isShared;
    attempt.call.signal?.addEventListener('abort', this.#onAbort);
    stream.signal.addEventListener('abort', this.#onOwnAbort);
    if (stream.signal.aborted) this.#onOwnAbort();
  }

  onEnd(listener: (end: AttemptEnd) => void): void {
    if (this.#end === undefined) this.#listeners.push(listener);
    else listener(this.#end);
  }

  [Symbol.asyncIterator](): this {
    return this;
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
    if (this.#end !== undefined) return Promise.resolve(DONE);
    return this.#pull();
  }

  /** The caller breaks off: the upstream's socket is closed. */
  return(): Promise<Result> {
    if (this.#end === undefined) {
      const pending = this.#settle();
      this.#finish(this.#progress.finished ? this.#success() : this.#aborted());
      this.#close();
      pending?.resolve(DONE);
    }
    this.#held.length = 0;
    return Promise.resolve(DONE);
  }

  #pull(): Promise<Result> {
    const pulled = new Promise<Result>((resolve, reject) => {
      this.#pending = { resolve, reject };
    });
    this.#pulled = pulled;
    this.#waitingSince = performance.now();
    this.#timer ??= setTimeout(this.#onIdle, this.#attempt.call.settings.chunkTimeoutMs);
    this.#read();
    return pulled;
  }

  #read(): void {
    this.#stream.chunks.next().then(this.#onResult, this.#onError);
  }

  readonly #onResult = (result: IteratorResult<unknown>): void => {
    if (this.#pending === undefined) return;
    if (result.done) return this.#onDone();
    this.#progress.read(result.value);
    if (this.#isHidden(result.value)) return this.#read();
    this.#settle()?.resolve(this.#deliver(result.value));
  };

  #onDone(): void {
    if (this.#stream.aborted()) return this.#endWith(this.#aborted());
    if (this.#progress.finished) return this.#endWith(this.#success());
    if (this.#progress.hasContent && this.#stream.doneSeen())
      return this.#endWith({ ...this.#success(), unfinished: true });
    this.#interrupt('missing-end', undefined);
  }

  readonly #onError = (thrown: unknown): void => {
    if (this.#pending === undefined) return;
    // All that was asked for has come; what breaks after it is of no interest.
    if (this.#progress.finished) return this.#endWith(this.#success());
    const { upstream } = this.#attempt.target.state.deployment;
    const cause = thrown instanceof Error ? upstream.redact(thrown, this.#attempt.call.source) : undefined;
    if (thrown instanceof SyntaxError) this.#interrupt('malformed', cause);
    else this.#interrupt(isErrorEvent(thrown) ? 'error-event' : 'cut', cause);
  };

  /** Fires at the end of a wait that was too long; a slow reader of ours does not count as one. */
  readonly #onIdle = (): void => {
    this.#timer = undefined;
    if (this.#pending === undefined) return;
    const limit = this.#attempt.call.settings.chunkTimeoutMs;
    const left = this.#waitingSince + limit - performance.now();
    if (left > 0) this.#timer = setTimeout(this.#onIdle, Math.ceil(left));
    else if (this.#progress.finished) {
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

  #interrupt(reason: InterruptionReason, cause: Error | undefined): void {
    const error = new StreamInterruptedError(reason, this.#delivered, textOf(this.#delivered), cause);
    const now = performance.now();
    const found = failure('interrupted', error, now, this.#random());
    const breaker = cause === undefined ? found.breaker : classify(cause, now, 0).breaker;
    const pending = this.#settle();
    this.#finish(this.#ended('interrupted', breaker, { ...found, breaker, target: this.#attempt.target }));
    this.#close();
    pending?.reject(error);
  }

  #endWith(end: AttemptEnd): void {
    const pending = this.#settle();
    this.#finish(end);
    pending?.resolve(DONE);
  }

  #success(): AttemptEnd {
    return this.#ended('success', this.#progress.failed ? 'failure' : 'success', undefined);
  }

  #aborted(): AttemptEnd {
    return this.#ended('aborted', 'neutral', undefined);
  }

  #ended(outcome: AttemptEnd['outcome'], breaker: AttemptEnd['breaker'], found: AttemptEnd['failure']): AttemptEnd {
    const { usage, model, id } = this.#progress;
    return {
      outcome,
      breaker,
      failure: found,
      status: this.#status,
      usage,
      servedModel: model,
      answerId: id,
      unfinished: false,
      delivered: this.#delivered,
    };
  }

  #finish(end: AttemptEnd): void {
    this.#end = end;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#attempt.call.signal?.removeEventListener('abort', this.#onAbort);
    this.#stream.signal.removeEventListener('abort', this.#onOwnAbort);
    for (const listener of this.#listeners.splice(0)) listener(end);
  }

  #close(): void {
    this.#stream.chunks.return?.().catch(() => undefined);
    this.#attempt.close?.();
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
    this.#delivered.push(value);
    return { done: false, value };
  }
}
