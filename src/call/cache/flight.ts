import { abortError } from '../../classify.js';
import { DeadlineExceededError } from '../../errors.js';
import type { Handler } from '../../pipeline.js';
import type { CallRecord } from '../../record-types.js';
import type { Call, CallReply } from '../../types.js';
import { jsonCopy } from '../../util/canonical.js';
import { termsOf } from './cache-key.js';
import { RunSignal } from './run-signal.js';
import type { SharedStream } from './shared-stream.js';

export interface FlightParts {
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

/**
 * One upstream call for all who ask the same while it is in flight. It runs under a signal of its own, until the latest
 * deadline of those who wait; each of them leaves by its own abort or deadline, and the last one ends the run.
 */
export class Flight {
  readonly call: Call;
  /**
   * Those who have not left, eldest first: the first one bears the cost. With how they are given a timer, unless they
   * have one: they need it once the run may go on without them.
   */
  readonly #waiters = new Map<Call, (() => void) | undefined>();
  readonly reply: Promise<CallReply>;
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
    this.reply = next(this.call).then(
      (reply) => {
        if (reply.chunks === undefined) this.end();
        parts.onLanded(reply, this);
        return reply;
      },
      (error: unknown) => {
        this.end();
        // What is left on the wire of an attempt that was given up.
        this.#signal.abort(undefined);
        throw error;
      },
    );
    this.reply.catch(() => undefined);
  }

  /** What another call must have in common with it to join it, beside the key. */
  get terms(): string {
    return this.#streamTerms ?? termsOf(this.#parts.call, this.#parts.body);
  }

  /**
   * Waits for the answer as long as this caller may. What becomes of it `answered` and `failed` say, who are asked once
   * the caller waits no longer.
   */
  wait(
    call: Call,
    answered: (reply: CallReply) => CallReply | Promise<CallReply>,
    failed: (error: unknown) => unknown,
  ): Promise<CallReply> {
    return new Promise((resolve, reject) => {
      let timer: NodeJS.Timeout | undefined;
      const settle = () => {
        clearTimeout(timer);
        if (this.#waiters.has(call)) this.#waiters.set(call, undefined);
        call.signal?.removeEventListener('abort', onAbort);
      };
      const fail = (error: unknown) => {
        try {
          reject(failed(error));
        } catch (thrown) {
          reject(thrown);
        }
      };
      const leave = (error: Error) => {
        settle();
        this.leave(call);
        fail(error);
      };
      const onAbort = () => {
        // The last one waits for the run's own end, so that its record has it.
        if (this.#isLast(call)) this.#cancel(call.signal?.reason);
        else leave(abortError(call.signal?.reason));
      };
      this.#waiters.set(call, () => {
        const ms = Math.max(0, Math.ceil(call.deadline - performance.now()));
        timer = setTimeout(() => leave(new DeadlineExceededError(call.settings.deadlineMs, undefined)), ms);
      });
      this.#prolong();
      call.signal?.addEventListener('abort', onAbort);
      this.reply.then(
        (reply) => {
          settle();
          if (!this.#waiters.has(call)) return;
          try {
            resolve(answered(reply));
          } catch (error) {
            reject(error);
          }
        },
        (error) => {
          settle();
          fail(call.signal?.aborted ? abortError(call.signal.reason) : error);
        },
      );
    });
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
    for (const [call, giveTimer] of this.#waiters) {
      if (giveTimer === undefined || call.deadline >= this.#furthest) continue;
      this.#waiters.set(call, undefined);
      giveTimer();
    }
  }
}
