import { DONE, type ReaderLink, type ReaderSource } from '../../util/stream-reader.js';
import type { Position, SharedStream } from './shared-stream.js';

type Result = IteratorResult<unknown, undefined>;

export type HowOver = 'ended' | 'left' | { readonly error: unknown };

export interface PlaceParts {
  /** Called at the first read. */
  readonly onBegin: () => void;
  readonly onOver: (how: HowOver) => void;
  /** Whether to hide a chunk from this reader: usage that it did not request. */
  readonly isHidden: (chunk: unknown) => boolean;
  /** Copies the source's error for this reader. */
  readonly errorFor: (error: unknown, partial: readonly unknown[]) => unknown;
  /** Sends the call again for this reader alone; `undefined` for the caller that started the stream. */
  readonly restart: (() => Promise<AsyncIterator<unknown>>) | undefined;
}

/**
 * One caller's place in a shared stream: it reads from the beginning, at its own pace. The router refers to places, and
 * only the caller refers to the iterator over its place, so that a dropped stream can be garbage-collected.
 */
export class StreamPlace implements Position, ReaderSource {
  at = 0;
  readonly link: ReaderLink = { source: this };
  #stream: SharedStream | undefined;
  readonly #parts: PlaceParts;
  #hasBegun = false;
  #hasRead = false;
  #isOver = false;
  #isReading = false;
  #reading: Promise<Result> | undefined;
  #wake: (() => void) | undefined;
  /** The iterator, while something waits for its next chunk. */
  reader: object | undefined;
  /** A separate stream that replaces the shared one. */
  #own: AsyncIterator<unknown> | undefined;

  constructor(stream: SharedStream, parts: PlaceParts) {
    this.#stream = stream;
    this.#parts = parts;
    stream.add(this);
  }

  get canRestart(): boolean {
    return !this.#hasRead && this.#parts.restart !== undefined;
  }

  /** Reads the next chunk, in the caller's own async context. */
  next(reader?: object): Promise<Result> {
    if (this.#reading !== undefined) {
      const again = () => this.next(reader);
      return this.#reading.then(again, again);
    }
    this.reader = reader;
    const reading = this.#read();
    if (this.#isReading) this.#reading = reading;
    return reading;
  }

  return(): Promise<Result> {
    this.leave();
    return Promise.resolve(DONE);
  }

  /** Stops reading: after `break`, an abort, or because the stream was dropped. */
  leave(): void {
    if (this.#own !== undefined) void this.#own.return?.();
    else if (!this.#isOver) this.#finish('left');
    this.#wake?.();
  }

  async #read(): Promise<Result> {
    this.#isReading = true;
    if (!this.#hasBegun) {
      this.#hasBegun = true;
      this.#parts.onBegin();
    }
    try {
      for (;;) {
        if (this.#own !== undefined) return await this.#readOwn(this.#own);
        const stream = this.#stream;
        if (stream === undefined) return DONE;
        if (this.canRestart && (stream.failed !== undefined || this.at < stream.first)) {
          await this.#restart();
          continue;
        }
        const text = stream.textAt(this.at);
        if (text !== undefined) {
          this.at++;
          stream.advance();
          const value: unknown = JSON.parse(text);
          if (this.#parts.isHidden(value)) continue;
          this.#hasRead = true;
          return { done: false, value };
        }
        if (stream.isDone) return this.#conclude(stream);
        await this.#more(stream);
      }
    } finally {
      this.#isReading = false;
      this.#reading = undefined;
      this.reader = undefined;
    }
  }

  async #readOwn(own: AsyncIterator<unknown>): Promise<Result> {
    const result = await own.next();
    if (!result.done) return result;
    this.link.source = undefined;
    return DONE;
  }

  async #more(stream: SharedStream): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wake = resolve;
    stream.waitForMore(resolve);
    await promise;
    this.#wake = undefined;
    stream.stopWaiting(resolve);
  }

  async #restart(): Promise<void> {
    try {
      const own = await this.#parts.restart?.();
      this.#own = own;
      if (this.#isOver) void own?.return?.();
      this.#release();
    } catch (error) {
      if (this.#isOver) return;
      this.#finish({ error });
      throw error;
    }
  }

  #conclude(stream: SharedStream): Result {
    if (stream.failed === undefined) {
      this.#finish('ended');
      return DONE;
    }
    const partial = stream.partialBefore(this.at).filter((chunk) => !this.#parts.isHidden(chunk));
    const error = this.#parts.errorFor(stream.failed.error, partial);
    this.#finish({ error });
    throw error;
  }

  #finish(how: HowOver): void {
    this.#isOver = true;
    this.link.source = undefined;
    this.#release();
    this.#parts.onOver(how);
  }

  #release(): void {
    this.#stream?.remove(this);
    this.#stream = undefined;
  }
}
