import type { StorableCheck } from '../../protocol/storable.js';
import type { AttemptEnd, CallReply } from '../../types.js';
import { jsonText } from '../../util/json-text.js';
import { idOf } from './cached-reply.js';

/** How many characters of chunks a stream holds for readers and for the store. */
const MAX_HELD = 16 * 1024 * 1024;
/** How many characters of delivered chunks an error reports. */
const MAX_PARTIAL = 256 * 1024;

/** The position of a reader. */
export interface Position {
  /** The index of the next chunk to read. */
  readonly at: number;
  /** It has read nothing yet, so it may start its own call. */
  readonly canRestart: boolean;
}

export interface SharedStreamParts {
  readonly reply: CallReply;
  readonly source: AsyncIterator<unknown>;
  /** Decides chunk by chunk whether the stream may be stored. */
  readonly check: StorableCheck;
  /** `MAX_HELD`, or less if the store accepts less. */
  readonly maxHeld: number;
  /** Called when it is too large to be joined or stored. */
  readonly onTooLarge: () => void;
  /** Called once, when it has ended and its chunks have been read, or will not be. */
  readonly onEnd: (end: AttemptEnd) => void;
}

/**
 * One stream for several readers. Chunks are held as text, so that each reader gets its own copy, also a late one. The
 * fastest reader pulls the next chunk. A stream that grows too large holds only what some reader has not read yet.
 */
export class SharedStream {
  /** How the source ended; readers may still have chunks to read. */
  end: AttemptEnd | undefined;
  failed: { readonly error: unknown } | undefined;
  /** Nothing more is read from the source. */
  isDone = false;
  /** The provider's id of the answer. */
  answerId: unknown;
  /** The index of the first chunk that is still held. */
  first = 0;
  readonly #parts: SharedStreamParts;
  readonly #texts: string[] = [];
  readonly #positions = new Set<Position>();
  readonly #waiting = new Set<() => void>();
  #held = 0;
  #isWhole = true;
  #isPulling = false;
  #isBlocked = false;
  #isReported = false;

  constructor(parts: SharedStreamParts) {
    this.#parts = { ...parts, maxHeld: Math.min(parts.maxHeld, MAX_HELD) };
    parts.reply.onEnd((end) => {
      this.end = end;
      // An answer that was held to be judged has ended well, but none of it has been read yet.
      if (this.isDone || end.outcome !== 'success') this.#report(end);
    });
  }

  add(position: Position): void {
    this.#positions.add(position);
  }

  remove(position: Position): void {
    this.#positions.delete(position);
    this.#unblock();
  }

  textAt(at: number): string | undefined {
    return this.#texts[at - this.first];
  }

  /** The whole stream as a JSON array, one line per chunk, if it may be stored. */
  get storable(): string | undefined {
    return this.#isWhole && this.#parts.check.isStorable ? `[${this.#texts.join(',\n')}]` : undefined;
  }

  /** The last chunks before `at`. */
  partialBefore(at: number): unknown[] {
    const partial: unknown[] = [];
    let length = 0;
    for (let last = at - 1; last >= this.first; last--) {
      const text = this.textAt(last) ?? '';
      length += text.length;
      if (length > MAX_PARTIAL && partial.length > 0) break;
      partial.push(JSON.parse(text));
    }
    return partial.reverse();
  }

  /** No reader is left. */
  stop(): void {
    if (this.isDone) return;
    // It has ended well, but not all of it has been read.
    if (this.end !== undefined) this.#isWhole = false;
    this.#done();
    this.#parts.source.return?.().catch(() => undefined);
  }

  /** Calls `wake` once, when a chunk has come or the source has ended. */
  waitForMore(wake: () => void): void {
    this.#waiting.add(wake);
    this.#pull();
  }

  stopWaiting(wake: () => void): void {
    this.#waiting.delete(wake);
  }

  /** A reader has read on. */
  advance(): void {
    this.#unblock();
  }

  #unblock(): void {
    if (!this.#isBlocked) return;
    this.#isBlocked = false;
    this.#pull();
  }

  #pull(): void {
    if (this.#isPulling || this.isDone) return;
    if (!this.#makeRoom()) {
      // The fastest reader waits for the slowest: neither loses a chunk.
      this.#isBlocked = true;
      return;
    }
    this.#isPulling = true;
    const end = (error: unknown) => {
      this.failed = { error };
      this.#done();
    };
    this.#parts.source.next().then(
      ({ done, value }) => {
        this.#isPulling = false;
        try {
          if (done) this.#done();
          else this.#hold(value);
        } catch (error) {
          // An application's own client has added something that JSON cannot represent.
          this.stop();
          end(error);
        }
        this.#wake();
      },
      (error: unknown) => {
        this.#isPulling = false;
        end(error);
        this.#wake();
      },
    );
  }

  #done(): void {
    this.isDone = true;
    if (this.end !== undefined) this.#report(this.end);
  }

  #report(end: AttemptEnd): void {
    if (this.#isReported) return;
    this.#isReported = true;
    this.#parts.onEnd(end);
  }

  #hold(chunk: unknown): void {
    const text = jsonText(chunk);
    this.answerId ??= idOf(chunk);
    this.#texts.push(text);
    this.#held += text.length;
    if (!this.#isWhole) return;
    this.#parts.check.read(chunk);
    if (this.#held <= this.#parts.maxHeld) return;
    this.#isWhole = false;
    this.#parts.onTooLarge();
  }

  /** Drops chunks that every reader has read, but only many at a time. */
  #makeRoom(): boolean {
    const { maxHeld } = this.#parts;
    if (this.#held <= maxHeld) return true;
    let next = this.first + this.#texts.length;
    // A reader that has read nothing can start its own stream instead.
    for (const { at, canRestart } of this.#positions) if (!canRestart) next = Math.min(next, at);
    for (const text of this.#texts.splice(0, next - this.first)) this.#held -= text.length;
    this.first = next;
    return this.#held <= maxHeld;
  }

  #wake(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const wake of waiting) wake();
  }
}
