/** Why an attempt ends early. `stalled`: its time was over, but the process was blocked. `closed`: its stream has ended. */
export type EndReason = 'timeout' | 'stalled' | 'aborted' | 'lost' | 'closed';

/** Ends one attempt, once, or gives it more time. Everyone else only reads. */
export class AttemptControl {
  #timeoutMs: number;
  #untilDeadline: boolean;
  #isOver = false;
  #close: (() => void) | undefined;
  #onEnd: ((reason: EndReason) => void) | undefined;

  constructor(time: { readonly timeoutMs: number; readonly untilDeadline: boolean }) {
    this.#timeoutMs = time.timeoutMs;
    this.#untilDeadline = time.untilDeadline;
  }

  /** From its start, in milliseconds. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** It ends at the call's deadline. */
  get untilDeadline(): boolean {
    return this.#untilDeadline;
  }

  /** Nobody waits for its answer any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Ends the request on the wire too. */
  end(reason: EndReason): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#close?.();
    this.#onEnd?.(reason);
  }

  /** It may take `ms` from its start. */
  extend(ms: number, untilDeadline: boolean): void {
    this.#timeoutMs = ms;
    this.#untilDeadline = untilDeadline;
  }

  /** How `end` reaches the request on the wire: called at once if the attempt is over. */
  opened(close: () => void): void {
    if (this.#isOver) close();
    else this.#close = close;
  }

  /** Who waits for the answer; `undefined` once it is there. */
  waiting(onEnd: ((reason: EndReason) => void) | undefined): void {
    this.#onEnd = onEnd;
  }
}
