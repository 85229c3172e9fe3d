import { abortError } from '../../classify.js';
import { DeadlineExceededError } from '../../errors.js';
import type { Handler } from '../../pipeline.js';
import type { Key } from '../../state/question.js';
import type { CallRecord } from '../../telemetry/record-types.js';
import type { Call, CallReply } from '../../types.js';
import { jsonCopy } from '../../util/canonical.js';
import { termsOf } from './key.js';
import { RunSignal } from './run-signal.js';
import type { SharedStream } from './shared-stream.js';

export interface FlightParts {
  readonly key: Key;
  /** The call that it is begun for. */
  readonly call: Call;
  /** What is asked. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly source: unknown;
  readonly next: Handler<Call, CallReply>;
  /** The answer is there, and nobody has it yet. */
  readonly onLanded: (reply: CallReply, flight: Flight) => void;
  /** Nobody can join any more. */
  readonly onOver: () => void;
  /** Goes on without anybody who waits for it. */
  readonly isRefresh: boolean;
}

/** What becomes of a run's end for one of those who waited for it. */
export interface Host {
  handOut(call: Call, flight: Flight, reply: CallReply): CallReply | Promise<CallReply>;
  /** The error as this caller gets it. */
  errorFor(call: Call, flight: Flight, error: unknown): unknown;
}

/**
 * One upstream call for all who ask the same while it is in flight. It runs under a signal of its own, until the latest
 * deadline of those who wait; each of them leaves by its own abort or deadline, and the last one ends the run.
 */
export class Flight {
  readonly key: Key;
  readonly call: Call;
  /** Those who have not left, eldest first: the first one bears the cost. */
  readonly #waiters = new Map<Call, Waiter>();
  #reply: CallReply | undefined;
  /** The answer as it came, where somebody else than the first one needs it: nobody's to change. */
  #whole: unknown;
  stream: SharedStream | undefined;
  readonly isRefresh: boolean;
  readonly #parts: FlightParts;
  readonly #signal = new RunSignal();
  /** Of a stream: they are in part of the body, which an application's own client may change as it sends it. */
  readonly #streamTerms: string | undefined;
  /** The latest deadline that the run has had: an attempt may be under way that was given this much. */
  #furthest: number;
  #isOver = false;
  #isPaid = false;

  constructor(parts: FlightParts) {
    const { call, body, source, next } = parts;
    this.#parts = parts;
    this.key = parts.key;
    this.isRefresh = parts.isRefresh;
    this.#furthest = call.deadline;
    this.#streamTerms = call.stream ? termsOf(call, body) : undefined;
    this.call = {
      ...call,
      source,
      body,
      signal: this.#signal,
      record: { ...call.record, attempts: [] },
      failures: [],
      wantsRaw: () => false,
      isShared: true,
    };
    next(this.call).then(
      (reply) => this.#land(reply),
      (error) => this.#fail(error),
    );
  }

  #land(reply: CallReply): void {
    if (reply.chunks === undefined) this.end();
    try {
      this.#parts.onLanded(reply, this);
    } catch (error) {
      return this.#fail(error);
    }
    this.#reply = reply;
    for (const waiter of this.#waiters.values()) waiter.answer(reply);
  }

  #fail(error: unknown): void {
    this.end();
    // What is left on the wire of an attempt that was given up.
    this.#signal.abort(undefined);
    for (const waiter of this.#waiters.values()) waiter.fail(error);
  }

  /** What another call must have in common with it to join it, beside the key. */
  get terms(): string {
    return this.#streamTerms ?? termsOf(this.#parts.call, this.#parts.body);
  }

  /** Waits for the answer as long as this caller may. `host` says what comes of it, once it waits no longer. */
  wait(call: Call, host: Host): Promise<CallReply> {
    return new Promise((resolve, reject) => {
      const waiter = new Waiter(this, call, host, resolve, reject);
      this.#waiters.set(call, waiter);
      this.#prolong();
      if (this.#reply !== undefined) waiter.answer(this.#reply);
    });
  }

  /** The last one waits for the run's own end, so that its record has it. Whether it is. */
  cancelFor(call: Call): boolean {
    const isLast = this.#isLast(call);
    if (isLast) this.#cancel(call.signal?.reason);
    return isLast;
  }

  /** The answer, before anybody has it. Copied at most once. */
  wholeOf(data: unknown): unknown {
    this.#whole ??= jsonCopy(data);
    return this.#whole;
  }

  /** Somebody waits beside the one who gets the answer as it came. */
  get hasOthers(): boolean {
    return this.#waiters.size > (this.isRefresh ? 0 : 1);
  }

  /** Has read all there is. */
  finish(call: Call): void {
    this.#waiters.delete(call);
  }

  get isCopied(): boolean {
    return this.#whole !== undefined;
  }

  /** The answer for one of those who joined. */
  copyForAnother(): unknown {
    return jsonCopy(this.#whole);
  }

  /** Takes one out who waits or reads. */
  leave(call: Call): void {
    const isLast = this.#isLast(call);
    if (this.isOwner(call)) {
      if (isLast) this.payOver(call.record);
      // The next in line bears the cost: what was asked upstream is in one record only.
      else call.record.attempts = [];
    }
    this.#waiters.delete(call);
    if (isLast) this.#cancel(undefined);
    else this.#prolong();
  }

  isOwner(call: Call): boolean {
    if (this.isRefresh || this.#isPaid) return false;
    for (const first of this.#waiters.keys()) return first === call;
    return false;
  }

  /** Writes what the run has learned and cost into the record of the one who bears it. */
  payOver(to: CallRecord): void {
    this.#isPaid = true;
    const { deployment, servedModel, region, attempts, usage, providerUsage, timeToFirstChunkMs } = this.call.record;
    Object.assign(to, { deployment, servedModel, region, attempts, usage, providerUsage });
    to.timeToFirstChunkMs ??= timeToFirstChunkMs;
  }

  /** From here on an equal call begins anew. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.onOver();
  }

  #isLast(call: Call): boolean {
    return !this.isRefresh && this.#waiters.size === 1 && this.#waiters.has(call);
  }

  #cancel(reason: unknown): void {
    this.end();
    this.stream?.stop();
    this.#signal.abort(reason);
  }

  #prolong(): void {
    let latest = this.isRefresh ? this.#parts.call.deadline : 0;
    for (const { deadline } of this.#waiters.keys()) latest = Math.max(latest, deadline);
    this.call.deadline = latest;
    this.#furthest = Math.max(this.#furthest, latest);
    for (const [call, waiter] of this.#waiters) if (call.deadline < this.#furthest) waiter.limit();
  }
}

/** One of those who wait for a run. It ends with the run, but for its caller's abort and deadline. */
class Waiter {
  readonly #flight: Flight;
  readonly #call: Call;
  readonly #host: Host;
  readonly #resolve: (reply: CallReply | Promise<CallReply>) => void;
  readonly #reject: (error: unknown) => void;
  readonly #onAbort: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;
  #isOver = false;

  constructor(
    flight: Flight,
    call: Call,
    host: Host,
    resolve: (reply: CallReply | Promise<CallReply>) => void,
    reject: (error: unknown) => void,
  ) {
    this.#flight = flight;
    this.#call = call;
    this.#host = host;
    this.#resolve = resolve;
    this.#reject = reject;
    if (call.signal === undefined) return;
    this.#onAbort = () => {
      if (!flight.cancelFor(call)) this.#leave(abortError(call.signal?.reason));
    };
    call.signal.addEventListener('abort', this.#onAbort);
  }

  /** The run may go on without it: it needs a timer of its own. */
  limit(): void {
    if (this.#isOver || this.#timer !== undefined) return;
    const { deadline, settings } = this.#call;
    const ms = Math.max(0, Math.ceil(deadline - performance.now()));
    this.#timer = setTimeout(() => this.#leave(new DeadlineExceededError(settings.deadlineMs, undefined)), ms);
  }

  answer(reply: CallReply): void {
    this.#settle();
    try {
      this.#resolve(this.#host.handOut(this.#call, this.#flight, reply));
    } catch (error) {
      this.#reject(error);
    }
  }

  fail(error: unknown): void {
    const { signal } = this.#call;
    this.#settle();
    this.#tell(signal?.aborted ? abortError(signal.reason) : error);
  }

  #leave(error: Error): void {
    this.#settle();
    this.#flight.leave(this.#call);
    this.#tell(error);
  }

  #tell(error: unknown): void {
    try {
      this.#reject(this.#host.errorFor(this.#call, this.#flight, error));
    } catch (thrown) {
      this.#reject(thrown);
    }
  }

  #settle(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    if (this.#onAbort !== undefined) this.#call.signal?.removeEventListener('abort', this.#onAbort);
  }
}
