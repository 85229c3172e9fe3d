/** Why an attempt ends early. `stalled`: its time was over, but the process was blocked. `closed`: its stream ended. */
export type EndReason = 'timeout' | 'stalled' | 'aborted' | 'lost' | 'closed';

/** Ends one attempt, once, or extends it. All other code only reads its state. */
export class AttemptControl {
  #timeoutMs: number;
  #untilDeadline: boolean;
  #endedBy: EndReason | undefined;
  #close: (() => void) | undefined;
  #onEnd: ((reason: EndReason) => void) | undefined;

  constructor(time: { readonly timeoutMs: number; readonly untilDeadline: boolean }) {
    this.#timeoutMs = time.timeoutMs;
    this.#untilDeadline = time.untilDeadline;
  }

  /** In milliseconds from its start. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** Whether it ends at the call's deadline. */
  get untilDeadline(): boolean {
    return this.#untilDeadline;
  }

  /** Whether no caller waits for its answer any more. */
  get isOver(): boolean {
    return this.#endedBy !== undefined;
  }

  /** Whether another attempt of a hedged call has answered first. */
  get isLost(): boolean {
    return this.#endedBy === 'lost';
  }

  /** Also ends the request on the wire. */
  end(reason: EndReason): void {
    if (this.isOver) return;
    this.#endedBy = reason;
    this.#close?.();
    this.#onEnd?.(reason);
  }

  /** Lets it take `ms` from its start. */
  extend(ms: number, untilDeadline: boolean): void {
    this.#timeoutMs = ms;
    this.#untilDeadline = untilDeadline;
  }

  /** Registers how `end` closes the request on the wire. `close` runs at once if the attempt is over. */
  opened(close: () => void): void {
    if (this.isOver) close();
    else this.#close = close;
  }

  /** Registers the code that waits for the answer; `undefined` once the answer is there. */
  waiting(onEnd: ((reason: EndReason) => void) | undefined): void {
    this.#onEnd = onEnd;
  }
}
