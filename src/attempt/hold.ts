import { abortError, failure, timeoutError } from '../classify.js';
import { AttemptFailed, InvalidAnswerError } from '../errors.js';
import type { Layer } from '../pipeline.js';
import { fromChunks } from '../protocol/convert.js';
import type { Attempt, Reply } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { jsonText } from '../util/json-text.js';
import { roundMs } from '../util/round-ms.js';
import { withDeadline } from '../util/with-deadline.js';

/** A larger stream is returned unchecked, to bound memory. */
const MOST_BYTES = 8 * 1024 * 1024;

/** How a route checks answers before it returns them. */
export interface Judging {
  readonly accept: ((answer: unknown) => unknown) | undefined;
  /** Streams are held back until they have ended: for `accept`, or because they may be escalated. */
  readonly holdsStreams: boolean;
}

export interface HoldParts {
  readonly judging: (route: string | null) => Judging | undefined;
  readonly random: () => number;
}

/**
 * Holds streams back until they have ended, where their route judges answers, and refuses what `accept` refuses. A stream
 * that breaks meanwhile fails like any other attempt: another deployment may answer.
 */
export function hold({ judging, random }: HoldParts): Layer<Attempt, Reply> {
  return (next) =>
    async function hold(attempt) {
      const rules = judging(attempt.call.record.route);
      if (rules === undefined || attempt.call.wantsRaw()) return next(attempt);
      const reply = await next(attempt);
      if (reply.answer.raw) return reply;
      const held =
        reply.chunks === undefined || !mustHold(attempt, rules)
          ? reply
          : await collect(attempt, reply, reply.chunks, rules.accept !== undefined || attempt.call.record.escalated);
      if (rules.accept !== undefined && (held.chunks === undefined || held.whole !== undefined))
        await refuseUnlessAccepted(attempt, held, rules.accept);
      return held;
    };

  /** `mustBeWhole`: what is not whole by the deadline cannot be accepted, or replace a first answer. */
  async function collect(
    attempt: Attempt,
    reply: Reply,
    chunks: AsyncIterator<unknown>,
    mustBeWhole: boolean,
  ): Promise<Reply> {
    const { call } = attempt;
    const held: unknown[] = [];
    const bytesRead = () => reply.answer.stream?.bytesRead() ?? 0;
    let pending: Promise<IteratorResult<unknown>> | undefined;
    try {
      while (bytesRead() <= MOST_BYTES) {
        pending = chunks.next();
        const result = await withDeadline(call.deadline, pending);
        if (result === undefined) break;
        pending = undefined;
        if (call.signal?.aborted) throw abortError(call.signal.reason);
        if (result.done) return released(attempt, reply, held, undefined);
        held.push(result.value);
      }
    } catch (thrown) {
      if (call.signal?.aborted) throw thrown;
      const error = thrown instanceof Error ? thrown : new Error('The stream broke.');
      // The caller has seen none of it.
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
 * For `escalate` only while another deployment may yet be requested; and the one that was, so that the first answer is
 * there if it breaks.
 */
function mustHold({ call, target }: Attempt, { accept, holdsStreams }: Judging): boolean {
  if (accept !== undefined) return true;
  const isLast = call.targets.at(-1) === target || call.record.attempts.length >= call.maxAttempts;
  return holdsStreams && (call.record.escalated || !isLast);
}

/** The held chunks, then what is left of the stream, if anything is. */
function released(
  attempt: Attempt,
  reply: Reply,
  held: readonly unknown[],
  rest: AsyncIterator<unknown> | undefined,
): Reply {
  const { call } = attempt;
  call.record.timeToFirstChunkMs = roundMs(performance.now() - call.startedAt);
  const whole = rest === undefined ? fromChunks(call.protocol, held) : undefined;
  return { ...reply, whole, chunks: new HeldStream(held, rest) };
}

/** A stream whose next chunk has been requested already. */
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
