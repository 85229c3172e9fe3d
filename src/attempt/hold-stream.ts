import { abortError, failure, LostError, timeoutError } from '../classify.js';
import { AttemptFailed } from '../errors.js';
import type { RouteConfig } from '../options/check-options.js';
import type { Layer } from '../pipeline.js';
import { JoinedChunks } from '../protocol/join-chunks.js';
import type { Attempt, Reply } from '../types.js';
import { roundMs } from '../util/round-ms.js';
import { withDeadline } from '../util/with-deadline.js';
import { keepEnd } from './keep-end.js';

/** A larger stream is returned unchecked, to bound memory. */
const MAX_BYTES = 8 * 1024 * 1024;

/**
 * Holds a stream back until its end if its route needs the whole answer: for `accept`, or because it may be escalated.
 * A stream that breaks while it is held fails like any other attempt, so another deployment may answer.
 */
export function holdStream(routes: ReadonlyMap<string, RouteConfig>, random: () => number): Layer<Attempt, Reply> {
  return (next) =>
    function holdStream(attempt) {
      const { record, stream, wantsRaw } = attempt.call;
      const route = stream ? routes.get(record.route ?? '') : undefined;
      const mayHold = route?.accept !== undefined || route?.escalate?.streams === 'hold';
      return mayHold && !wantsRaw() ? held(attempt, route, next(attempt)) : next(attempt);
    };

  async function held(attempt: Attempt, route: RouteConfig, answered: Promise<Reply>): Promise<Reply> {
    const reply = await answered;
    const { chunks } = reply;
    if (chunks === undefined || reply.answer.raw || !mustHold(attempt, route)) return reply;
    return collect(attempt, reply, chunks, route.accept !== undefined || attempt.call.record.escalated);
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
    const bytesRead = () => reply.answer.stream?.bytesRead ?? 0;
    let pending: Promise<IteratorResult<unknown>> | undefined;
    keepEnd(attempt, reply);
    try {
      while (bytesRead() <= MAX_BYTES) {
        pending = chunks.next();
        const result = await withDeadline(call.deadline, pending);
        if (result === undefined) break;
        pending = undefined;
        if (call.signal?.aborted) throw abortError(call.signal.reason);
        if (attempt.control.isLost) throw new LostError();
        if (result.done) {
          // The server's last event says that the response failed.
          const failed = attempt.unused?.failure;
          if (failed !== undefined) throw failed.error;
          return released(attempt, { ...reply, whole: joined.whole() }, held, undefined);
        }
        held.push(result.value);
        joined.add(result.value);
      }
    } catch (thrown) {
      if (call.signal?.aborted || attempt.control.isLost) throw thrown;
      attempt.hedged?.reopen();
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
}

/**
 * Holds a stream for `escalate` only while another deployment may still be requested. The escalated one is held too, so
 * that the first answer is available if it breaks.
 */
function mustHold({ call, target }: Attempt, { accept }: RouteConfig): boolean {
  if (accept !== undefined || call.record.escalated) return true;
  const isLast = call.targets.at(-1) === target || call.record.attempts.length >= call.maxAttempts;
  return !isLast;
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
