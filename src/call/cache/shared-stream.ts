import type { AttemptEnd, CallReply } from '../../types.js';
import type { CancelSignal } from '../../util/cancel-signal.js';

type Result = IteratorResult<unknown, undefined>;
const DONE: Result = { done: true, value: undefined };

/**
 * One stream for several readers. What has come is kept as text, so that each reader gets chunks of its own, also one
 * that joins late; the fastest of them asks for more. Who leaves last stops it: one that joins may not read yet.
 */
export class SharedStream {
  readonly texts: string[] = [];
  /** How the source ended; the readers may still have something to read. */
  end: AttemptEnd | undefined;
  readonly #source: AsyncIterator<unknown>;
  readonly #readers = new Set<SharedReader>();
  #isPulling = false;
  #isDone = false;
  #failed: { readonly error: unknown } | undefined;

  constructor(reply: CallReply, source: AsyncIterator<unknown>, onEnd: (end: AttemptEnd) => void) {
    this.#source = source;
    reply.onEnd((end) => {
      this.end = end;
      onEnd(end);
    });
  }

  add(reader: SharedReader): void {
    this.#readers.add(reader);
  }

  remove(reader: SharedReader): void {
    this.#readers.delete(reader);
  }

  /** Nobody wants the rest. */
  stop(): void {
    if (this.#isDone) return;
    this.#isDone = true;
    this.#source.return?.().catch(() => undefined);
  }

  get isDone(): boolean {
    return this.#isDone;
  }

  get failed(): { readonly error: unknown } | undefined {
    return this.#failed;
  }

  pull(): void {
    if (this.#isPulling || this.#isDone) return;
    this.#isPulling = true;
    const fail = (error: unknown) => {
      this.#failed = { error };
      this.#isDone = true;
    };
    this.#source.next().then(
      ({ done, value }) => {
        this.#isPulling = false;
        try {
          if (done) this.#isDone = true;
          else this.texts.push(JSON.stringify(value));
        } catch (error) {
          // It is nested too deeply to be written.
          this.stop();
          fail(error);
        }
        this.#wake();
      },
      (error: unknown) => {
        this.#isPulling = false;
        fail(error);
        this.#wake();
      },
    );
  }

  #wake(): void {
    for (const reader of [...this.#readers]) reader.wake();
  }
}

export interface ReaderParts {
  readonly signal: CancelSignal | undefined;
  /** Not for this reader: the usage, which it did not ask for. */
  readonly isHidden: (chunk: unknown) => boolean;
  /** The error of the source, as this reader's own. */
  readonly errorFor: (error: unknown, read: readonly unknown[]) => unknown;
  readonly onOver: (how: 'ended' | 'left' | { readonly error: unknown }) => void;
}

/** One caller's way through a shared stream: from its beginning, at its own pace. */
export class SharedReader implements AsyncIterator<unknown, undefined> {
  readonly #stream: SharedStream;
  readonly #parts: ReaderParts;
  readonly #read: unknown[] = [];
  #next = 0;
  #isOver = false;
  #waiting: PromiseWithResolvers<Result> | undefined;

  constructor(stream: SharedStream, parts: ReaderParts) {
    this.#stream = stream;
    this.#parts = parts;
    stream.add(this);
    parts.signal?.addEventListener('abort', this.#onAbort);
    if (parts.signal?.aborted) this.#onAbort();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result> {
    if (this.#waiting !== undefined) {
      const again = () => this.next();
      return this.#waiting.promise.then(again, again);
    }
    if (this.#isOver) return Promise.resolve(DONE);
    const waiting = Promise.withResolvers<Result>();
    this.#waiting = waiting;
    this.wake();
    return waiting.promise;
  }

  return(): Promise<Result> {
    this.#leave();
    return Promise.resolve(DONE);
  }

  /** Something has come, or the source has ended. */
  wake(): void {
    if (this.#waiting === undefined) return;
    for (let text = this.#stream.texts[this.#next]; text !== undefined; text = this.#stream.texts[this.#next]) {
      this.#next++;
      const value: unknown = JSON.parse(text);
      if (this.#parts.isHidden(value)) continue;
      this.#read.push(value);
      return this.#settle()?.resolve({ done: false, value });
    }
    if (!this.#stream.isDone) return this.#stream.pull();
    const { failed } = this.#stream;
    if (failed === undefined) {
      this.#finish('ended');
      this.#settle()?.resolve(DONE);
    } else {
      const error = this.#parts.errorFor(failed.error, this.#read);
      this.#finish({ error });
      this.#settle()?.reject(error);
    }
  }

  readonly #onAbort = (): void => this.#leave();

  #leave(): void {
    if (this.#isOver) return;
    this.#finish('left');
    this.#settle()?.resolve(DONE);
  }

  #finish(how: 'ended' | 'left' | { readonly error: unknown }): void {
    this.#isOver = true;
    this.#parts.signal?.removeEventListener('abort', this.#onAbort);
    this.#stream.remove(this);
    this.#parts.onOver(how);
  }

  #settle(): PromiseWithResolvers<Result> | undefined {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    return waiting;
  }
}
