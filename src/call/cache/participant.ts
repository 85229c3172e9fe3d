import { abortError } from '../../classify.js';
import { DeadlineExceededError } from '../../errors.js';
import type { AttemptEnd, Call, CallReply } from '../../types.js';
import { StreamEnd } from './stream-end.js';
import type { StreamPlace } from './stream-place.js';

/** A run that ends by the same deadline goes first, as its error says more. */
const GRACE_MS = 20;
/** A timer this late was held up, by a blocked loop or a frozen process: an answer may be there to be read. */
const LATE_MS = 50;

/** What a participant needs of its shared call. */
export interface Run {
  /** No other caller has had a later deadline. */
  isLatest(deadline: number): boolean;
  setActive(isActive: boolean): void;
  cancelForLast(participant: Participant): boolean;
  leave(participant: Participant): void;
}

/** One caller of a shared call. The router holds it, so it must not refer to the stream that the caller gets. */
export class Participant {
  /** Settles in the order of the callers, for each by its own abort and deadline too. */
  readonly reply: Promise<CallReply>;
  /** It ended by its own abort or deadline, not with the run. */
  hasLeft = false;
  place: StreamPlace | undefined;
  readonly #run: Run;
  readonly #reply = Promise.withResolvers<CallReply>();
  /** Of a stream. */
  readonly #end: StreamEnd | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #hasGrace = false;
  #isActive = true;

  /** Throws where the caller's signal is not one. */
  constructor(
    readonly call: Call,
    run: Run,
  ) {
    this.#run = run;
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
    this.#reply.reject(signal?.aborted ? abortError(signal.reason) : error);
  }

  /** Has its stream, and has not begun to read it. */
  pause(): void {
    this.#setActive(false);
  }

  begin(): void {
    this.#setActive(true);
  }

  /** Its stream is over. */
  finish(end: AttemptEnd): void {
    this.#stopWaiting();
    this.#end?.set(end);
  }

  onEnd(listener: (end: AttemptEnd) => void): void {
    this.#end?.onEnd(listener);
  }

  readonly #onAbort = (): void => {
    if (this.place !== undefined) this.place.leave();
    else if (!this.#run.cancelForLast(this)) this.#leave(abortError(this.call.signal?.reason));
  };

  readonly #onTime = (): void => {
    const { deadline, settings } = this.call;
    const isLate = performance.now() - deadline > LATE_MS;
    if (!this.#hasGrace && (isLate || this.#run.isLatest(deadline))) {
      this.#hasGrace = true;
      return this.#limit(isLate ? 0 : GRACE_MS);
    }
    this.#leave(new DeadlineExceededError(settings.deadlineMs, undefined));
  };

  #limit(ms: number): void {
    this.#timer = setTimeout(this.#onTime, Math.max(0, Math.ceil(ms)));
  }

  #leave(error: Error): void {
    this.hasLeft = true;
    this.#stopWaiting();
    this.#run.leave(this);
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
    this.#run.setActive(isActive);
  }
}
