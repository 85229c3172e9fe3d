import { abortError, failure, timeoutError } from '../classify.js';
import { AttemptFailed, InvalidAnswerError } from '../errors.js';
import type { Layer } from '../pipeline.js';
import { JoinedChunks } from '../protocol/join-chunks.js';
import type { Attempt, Reply } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { jsonText } from '../util/json-text.js';
import { roundMs } from '../util/round-ms.js';
import { withDeadline } from '../util/with-deadline.js';

/** A larger stream is returned unchecked, to bound memory. */
const MAX_BYTES = 8 * 1024 * 1024;

/** How a route checks answers before it returns them. */
export interface Judging {
  readonly accept: ((answer: unknown) => unknown) | undefined;
  /** Whether to hold streams back until their end: for `accept`, or because they may be escalated. */
  readonly holdsStreams: boolean;
}

export interface HoldParts {
  readonly judging: (route: string | null) => Judging | undefined;
  readonly random: () => number;
}

/**
 * Holds streams back until their end if their route judges answers, and rejects what `accept` rejects. A stream that
 * breaks while it is held fails like any other attempt, so another deployment may answer.
 */
export function hold({ judging, random }: HoldParts): Layer<Attempt, Reply> {
  return (next) =>
    function hold(attempt) {
      const rules = judging(attempt.call.record.route);
      return rules === undefined || attempt.call.wantsRaw() ? next(attempt) : judged(attempt, rules, next(attempt));
    };

  async function judged(attempt: Attempt, rules: Judging, answered: Promise<Reply>): Promise<Reply> {
    const reply = await answered;
    if (reply.answer.raw) return reply;
    const held =
      reply.chunks === undefined || !mustHold(attempt, rules)
        ? reply
        : await collect(attempt, reply, reply.chunks, rules.accept !== undefined || attempt.call.record.escalated);
    if (rules.accept !== undefined && (held.chunks === undefined || held.whole !== undefined))
      await refuseUnlessAccepted(attempt, held, rules.accept);
    return held;
  }

  /** `mustBeWhole`: an answer that is incomplete at the deadline cannot be accepted, or replace a first answer. */
  async function collect(
    attempt: Attempt,
    reply: Reply,
    chunks: AsyncIterator<unknown>,
    mustBeWhole: boolean,
  ): Promise<Reply> {
    const { call } = attempt;
    const held: unknown[] = [];
    const joined = new JoinedChunks(call.protocol);
    const bytesRead = () => reply.answer.stream?.bytesRead() ?? 0;
    let pending: Promise<IteratorResult<unknown>> | undefined;
    try {
      while (bytesRead() <= MAX_BYTES) {
        pending = chunks.next();
        const result = await withDeadline(call.deadline, pending);
        if (result === undefined) break;
        pending = undefined;
        if (call.signal?.aborted) throw abortError(call.signal.reason);
        if (result.done) return released(attempt, { ...reply, whole: joined.whole() }, held, undefined);
        held.push(result.value);
        joined.add(result.value);
      }
    } catch (thrown) {
      if (call.signal?.aborted) throw thrown;
      const error = thrown instanceof Error ? thrown : new Error('The stream broke.');
      // The caller has seen no part of it.
      const broken = failure('server-error', error, performance.now(), random());
      throw new AttemptFailed({ ...broken, outcome: 'interrupted', target: attempt.target });
    }
    if (pending !== undefined && mustBeWhole) {
      await chunks.return?.();
      throw new AttemptFailed({
        ...failure('deadline', timeoutError(attempt.control.timeoutMs), performance.now(), random()),
        target: attempt.target,
      });
    }
    return released(attempt, reply, held, continued(chunks, pending));
  }

  async function refuseUnlessAccepted(
    attempt: Attempt,
    reply: Reply,
    accept: (answer: unknown) => unknown,
  ): Promise<void> {
    const answer = reply.whole ?? reply.answer.data;
    if (!isRecord(answer)) return;
    let accepted: unknown;
    try {
      accepted = await withDeadline(attempt.call.deadline, Promise.resolve(accept(JSON.parse(jsonText(answer)))));
    } catch {
      // If `accept` throws, the answer is returned.
      attempt.call.log.warn(
        `model-router ${attempt.call.record.id} \`accept\` of the route ${attempt.call.record.route} failed; the answer is returned`,
      );
      return;
    }
    if (accepted !== false) return;
    reply.onEnd((end) => {
      attempt.refused = end;
    });
    const error = new InvalidAnswerError('`accept` refused the answer');
    const refused = failure('invalid-answer', error, performance.now(), random());
    throw new AttemptFailed({ ...refused, breaker: 'neutral', retry: 'no', target: attempt.target });
  }
}

/**
 * Holds a stream for `escalate` only while another deployment may still be requested. The escalated one is held too, so
 * that the first answer is available if it breaks.
 */
function mustHold({ call, target }: Attempt, { accept, holdsStreams }: Judging): boolean {
  if (accept !== undefined) return true;
  const isLast = call.targets.at(-1) === target || call.record.attempts.length >= call.maxAttempts;
  return holdsStreams && (call.record.escalated || !isLast);
}

/** Returns the held chunks, then the rest of the stream, if any. */
function released(
  attempt: Attempt,
  reply: Reply,
  held: readonly unknown[],
  rest: AsyncIterator<unknown> | undefined,
): Reply {
  const { call } = attempt;
  call.record.timeToFirstChunkMs = roundMs(performance.now() - call.startedAt);
  return { ...reply, chunks: new HeldStream(held, rest) };
}

/** Continues a stream whose next chunk has already been requested. */
function continued(
  chunks: AsyncIterator<unknown>,
  pending: Promise<IteratorResult<unknown>> | undefined,
): AsyncIterator<unknown> {
  let first = pending;
  return {
    next() {
      const next = first ?? chunks.next();
      first = undefined;
      return next;
    },
    return: () => chunks.return?.() ?? Promise.resolve({ done: true, value: undefined }),
  };
}

class HeldStream implements AsyncIterableIterator<unknown, undefined> {
  #at = 0;

  constructor(
    readonly held: readonly unknown[],
    readonly rest: AsyncIterator<unknown> | undefined,
  ) {}

  async next(): Promise<IteratorResult<unknown, undefined>> {
    if (this.#at < this.held.length) return { done: false, value: this.held[this.#at++] };
    const result = await this.rest?.next();
    return result === undefined || result.done ? { done: true, value: undefined } : result;
  }

  async return(): Promise<IteratorResult<unknown, undefined>> {
    this.#at = this.held.length;
    await this.rest?.return?.();
    return { done: true, value: undefined };
  }

  [Symbol.asyncIterator](): this {
    return this;
  }
}
