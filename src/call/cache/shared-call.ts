import type { Handler } from '../../pipeline.js';
import type { CallRecord } from '../../telemetry/record-types.js';
import type { Call, CallReply } from '../../types.js';
import { AbortSource } from '../../util/abort-source.js';
import { Participant } from './participant.js';
import type { SharedStream } from './shared-stream.js';

/** A caller that got its stream at most this long ago is about to read it. */
const ABOUT_TO_READ_MS = 25;

export interface SharedCallParts {
  /** The call that started it. */
  readonly call: Call;
  readonly body: Readonly<Record<string, unknown>>;
  readonly source: unknown;
  readonly next: Handler<Call, CallReply>;
  /** Called with the answer, before any caller gets it. */
  readonly onReply: (reply: CallReply, shared: SharedCall) => void;
  /** Called when it can no longer be joined. */
  readonly onOver: () => void;
  /** A refresh continues without any caller. */
  readonly isRefresh: boolean;
}

/**
 * One upstream call for all identical calls while it is in flight. It runs under its own signal, until the latest
 * deadline of its callers. Each caller leaves by its own abort or deadline; the last one ends the call. Joining and
 * leaving take constant time.
 *
 * What refers to what: `SharedCalls` has each call that can be joined; a `SharedCall` has a `Participant` for each
 * caller, and the `SharedStream`, which has a `StreamPlace` for each reader. A caller's iterator, the `StreamReader`,
 * refers to its place, and nothing refers to the iterator: if the caller drops it, its place is left.
 */
export class SharedCall {
  readonly call: Call;
  readonly isRefresh: boolean;
  /** The whole answer as JSON, if a caller or the store needs it. */
  text: string | undefined;
  stream: SharedStream | undefined;
  /** For a refresh: settles when it has ended and its answer is stored. Never rejects. */
  readonly done: Promise<unknown> | undefined;
  readonly #parts: SharedCallParts;
  readonly #signal = new AbortSource();
  readonly #done: PromiseWithResolvers<unknown> | undefined;
  readonly #participants = new Set<Participant>();
  /** Visits the participants once, oldest first, to find the one that pays. */
  readonly #line = this.#participants.values();
  #owner: Participant | undefined;
  /** The number of callers that wait for the answer, or read it. */
  #active = 0;
  #lastActiveAt = 0;
  /** The latest deadline so far: a running attempt may have been given this much time. */
  #latestDeadline: number;
  #reply: CallReply | undefined;
  #isOver = false;
  #isPaid = false;

  constructor(parts: SharedCallParts) {
    const { call, body, source, isRefresh } = parts;
    this.#parts = parts;
    this.isRefresh = isRefresh;
    this.#done = isRefresh ? Promise.withResolvers() : undefined;
    this.done = this.#done?.promise;
    this.#latestDeadline = call.deadline;
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
  }

  /** Sends the call, once its first caller has joined. */
  start(): void {
    try {
      this.#parts.next(this.call).then(
        (reply) => this.#deliver(reply),
        (error) => this.#reject(error),
      );
    } catch (error) {
      // A layer has thrown at once. Without an end, other calls could join it and would wait in vain.
      this.#reject(error);
    }
  }

  /** Whether another caller can join: it is running, and a caller waits for it or reads it. */
  get canBeJoined(): boolean {
    if (this.#isOver || this.stream?.failed !== undefined) return false;
    const now = performance.now();
    // After its deadline, the platform may have ended it together with the request that started it.
    if (this.isRefresh) return now < this.call.deadline;
    return this.#active > 0 || now - this.#lastActiveAt < ABOUT_TO_READ_MS;
  }

  get hasOthers(): boolean {
    return this.#participants.size > (this.isRefresh ? 0 : 1);
  }

  join(call: Call): Participant {
    const participant = new Participant(call, this);
    this.#participants.add(participant);
    this.#active++;
    if (this.#owner === undefined && !this.isRefresh && !this.#isPaid) this.#owner = this.#line.next().value;
    this.#latestDeadline = Math.max(this.#latestDeadline, call.deadline);
    this.call.deadline = Math.max(this.call.deadline, call.deadline);
    if (this.#reply !== undefined) participant.answer(this.#reply);
    return participant;
  }

  /** A caller waits for its answer or reads it, or has stopped doing so. */
  setActive(isActive: boolean): void {
    this.#active += isActive ? 1 : -1;
    if (!isActive) this.#lastActiveAt = performance.now();
  }

  isLatest(deadline: number): boolean {
    return deadline >= this.#latestDeadline;
  }

  /** Ends the call for its last caller, whose record waits for that end. Returns whether this was the last caller. */
  cancelForLast(participant: Participant): boolean {
    const isLast = this.#isLast(participant);
    if (isLast) this.#cancel(participant.call.signal?.reason);
    return isLast;
  }

  /** Removes a caller that does not wait for the end. */
  leave(participant: Participant): void {
    if (!this.#participants.has(participant)) return;
    const isLast = this.#isLast(participant);
    if (this.isOwner(participant)) {
      if (isLast) this.chargeTo(participant.call.record);
      else {
        // The next in line pays: an upstream call is in one record only.
        participant.call.record.attempts = [];
        this.#participants.delete(participant);
        this.#owner = this.#line.next().value;
      }
    }
    this.#participants.delete(participant);
    if (isLast) return this.#cancel(undefined);
    // Not a loop over all callers: with several, the call may have more time than each of them needs.
    if (this.#participants.size !== 1 || this.isRefresh) return;
    for (const { call } of this.#participants) this.call.deadline = call.deadline;
  }

  /** Removes a caller that has the whole answer. */
  finish(participant: Participant): void {
    this.#participants.delete(participant);
  }

  isOwner(participant: Participant): boolean {
    return participant === this.#owner && !this.#isPaid;
  }

  /** Writes the call's result and cost into the record of the caller that pays. */
  chargeTo(to: CallRecord): void {
    this.#isPaid = true;
    const { deployment, servedModel, region, attempts, usage, providerUsage, timeToFirstChunkMs } = this.call.record;
    const { chosenBy, queuedMs, confidence, escalated } = this.call.record;
    // After an upstream call that did not suffice, such as a batch that was only partly fetched.
    const before = to.attempts === attempts ? 0 : to.attempts.length;
    if (before > 0) for (const attempt of attempts) attempt.number += before;
    const all = before > 0 ? [...to.attempts, ...attempts] : attempts;
    const answered = { deployment, servedModel, region, attempts: all, usage, providerUsage };
    Object.assign(to, answered, { chosenBy, queuedMs, confidence, escalated });
    to.timeToFirstChunkMs ??= timeToFirstChunkMs;
  }

  /** From now on, an equal call starts its own. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#parts.onOver();
  }

  /** The call has ended, and `stored` is in progress. */
  resolve(stored?: unknown): void {
    this.#done?.resolve(stored);
  }

  #deliver(reply: CallReply): void {
    if (reply.chunks === undefined) this.end();
    try {
      this.#parts.onReply(reply, this);
    } catch (error) {
      return this.#reject(error);
    }
    this.#reply = reply;
    for (const participant of this.#participants) participant.answer(reply);
  }

  #reject(error: unknown): void {
    this.end();
    this.resolve();
    // Ends what is left of an abandoned attempt.
    this.#signal.abort(undefined);
    for (const participant of this.#participants) participant.reject(error);
  }

  #isLast(participant: Participant): boolean {
    return !this.isRefresh && this.#participants.size === 1 && this.#participants.has(participant);
  }

  #cancel(reason: unknown): void {
    this.end();
    this.stream?.stop();
    this.#signal.abort(reason);
  }
}
