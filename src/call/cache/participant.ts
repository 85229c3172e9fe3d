import { abortError } from '../../classify.js';
import { DeadlineExceededError } from '../../errors.js';
import type { AttemptEnd, Call, CallReply } from '../../types.js';
import { StreamEnd } from './stream-end.js';
import type { StreamPlace } from './stream-place.js';

/** A shared call with the same deadline ends first, because its error has more details. */
const GRACE_MS = 20;
/** A timer this late was delayed by a blocked loop or a frozen process: an answer may be waiting. */
const LATE_MS = 50;

/** The shared call, as a participant sees it. */
export interface JoinedCall {
  /** Whether no other caller has had a later deadline. */
  isLatest(deadline: number): boolean;
  setActive(isActive: boolean): void;
  cancelForLast(participant: Participant): boolean;
  leave(participant: Participant): void;
}

/** One caller of a shared call. The router refers to it, so it must not refer to the caller's stream. */
export class Participant {
  /** Settles in the order of the callers, also by each caller's own abort and deadline. */
  readonly reply: Promise<CallReply>;
  /** The caller left by its own abort or deadline, before the shared call ended. */
  hasLeft = false;
  place: StreamPlace | undefined;
  readonly #shared: JoinedCall;
  readonly #reply = Promise.withResolvers<CallReply>();
  /** For a stream. */
  readonly #end: StreamEnd | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasGrace = false;
  /** Its time is over, and the shared call is ending, or it has left. */
  #lateness: DeadlineExceededError | undefined;
  #isActive = true;

  /** Throws if the caller's signal is not a signal. */
  constructor(
    readonly call: Call,
    shared: JoinedCall,
  ) {
    this.#shared = shared;
    this.#end = call.stream ? new StreamEnd() : undefined;
    this.reply = this.#reply.promise;
    call.signal?.addEventListener('abort', this.#onAbort);
    this.#limit(call.deadline - performance.now());
  }

  answer(reply: CallReply): void {
    clearTimeout(this.#timer);
    if (reply.chunks === undefined) this.#stopWaiting();
    this.#reply.resolve(reply);
  }

  reject(error: unknown): void {
    this.#stopWaiting();
    const { signal } = this.call;
    this.#reply.reject(signal?.aborted ? abortError(signal.reason) : (this.#lateness ?? error));
  }

  /** The caller has its stream, and has not begun to read it. */
  pause(): void {
    this.#setActive(false);
  }

  begin(): void {
    this.#setActive(true);
  }

  /** The caller's stream has ended. */
  finish(end: AttemptEnd): void {
    this.#stopWaiting();
    this.#end?.set(end);
  }

  onEnd(listener: (end: AttemptEnd) => void): void {
    this.#end?.onEnd(listener);
  }

  readonly #onAbort = (): void => {
    if (this.place !== undefined) this.place.leave();
    else if (!this.#shared.cancelForLast(this)) this.#leave(abortError(this.call.signal?.reason));
  };

  readonly #onTime = (): void => {
    const { deadline, settings } = this.call;
    const isLate = performance.now() - deadline > LATE_MS;
    if (!this.#hasGrace && (isLate || this.#shared.isLatest(deadline))) {
      this.#hasGrace = true;
      return this.#limit(isLate ? 0 : GRACE_MS);
    }
    this.#lateness = new DeadlineExceededError(settings.deadlineMs, undefined);
    if (!this.#shared.cancelForLast(this)) this.#leave(this.#lateness);
  };

  #limit(ms: number): void {
    this.#timer = setTimeout(this.#onTime, Math.max(0, Math.ceil(ms)));
  }

  #leave(error: Error): void {
    this.hasLeft = true;
    this.#stopWaiting();
    this.#shared.leave(this);
    this.#reply.reject(error);
  }

  #stopWaiting(): void {
    clearTimeout(this.#timer);
    this.#setActive(false);
    this.call.signal?.removeEventListener('abort', this.#onAbort);
  }

  #setActive(isActive: boolean): void {
    if (isActive === this.#isActive) return;
    this.#isActive = isActive;
    this.#shared.setActive(isActive);
  }
}
