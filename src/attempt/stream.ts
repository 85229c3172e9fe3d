import { invalidAnswer } from '../classify.js';
import type { Layer } from '../pipeline.js';
import { Progress } from '../protocol/progress.js';
import type { Attempt, Call, Reply, UpstreamStream } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { roundMs } from '../util/round-ms.js';
import { CheckedChunks } from './check-chunks.js';
import type { ErrorReader } from './error-reader.js';
import { GuardedStream } from './guarded-stream.js';

const MAX_CHUNKS_HELD = 64;
const MAX_BYTES_HELD = 256 * 1024;

/**
 * Holds a stream back until its first content. Until then it can fail like any other answer, and the call can fail
 * over. After that it is committed: it only ends, or is interrupted.
 */
export function stream(errors: ErrorReader, random: () => number): Layer<Attempt, Reply> {
  return (next) =>
    function stream(attempt) {
      return attempt.call.stream ? commit(attempt, next(attempt)) : next(attempt);
    };

  async function commit(attempt: Attempt, answered: Promise<Reply>): Promise<Reply> {
    const reply = await answered;
    const { stream } = reply.answer;
    if (stream === undefined) return reply;
    const { protocol, choices } = attempt.call;
    const { status, headers } = reply.answer;
    const chunks = new CheckedChunks(stream, protocol, headers, errors.readingFor(attempt));
    const progress = new Progress(protocol, choices);
    const held = await untilContent(attempt, stream, chunks, progress);
    if (attempt.control.isOver) {
      close(chunks);
      throw invalidAnswer('too late');
    }
    const guarded = new GuardedStream({
      attempt,
      status,
      stream,
      chunks,
      progress,
      held,
      random,
      onContent: noteFirstContent,
    });
    return { ...reply, chunks: guarded.iterator(), onEnd: (listener) => guarded.onEnd(listener) };
  }
}

function noteFirstContent({ call, target, startedAt }: Attempt): void {
  const now = performance.now();
  call.record.timeToFirstChunkMs = roundMs(now - call.startedAt);
  if (!call.hasOwnCredentials) target.state.answered(true, now - startedAt);
}

async function untilContent(
  attempt: Attempt,
  stream: UpstreamStream,
  chunks: CheckedChunks,
  progress: Progress,
): Promise<unknown[]> {
  const held: unknown[] = [];
  const isReleasedAtOnce = attempt.call.protocol === 'responses' && !canFailOver(attempt);
  while (held.length < MAX_CHUNKS_HELD && stream.bytesRead < MAX_BYTES_HELD) {
    const { done, value } = await chunks.next();
    if (done) {
      if (progress.finished || stream.isAborted || mayBeNoStream(attempt.call, held)) return held;
      throw invalidAnswer(held.length === 0 ? 'with an empty stream' : 'its stream ended before any content');
    }
    held.push(value);
    progress.read(value);
    if (progress.hasFailedForGood) {
      close(chunks);
      throw invalidAnswer('its stream reported a failure');
    }
    if (progress.isEmpty) {
      close(chunks);
      throw invalidAnswer('with an empty answer: 0 output tokens');
    }
    if (progress.hasContent || progress.hasItem || isReleasedAtOnce) return held;
    // An end without content is an answer, unless the usage that follows reports no output.
    if (progress.isFinal && progress.usage !== undefined) return held;
  }
  return held;
}

/** Whether the call can still fail over: only then is it useful to hold anything back. */
function canFailOver({ call, target, hedged }: Attempt): boolean {
  if (hedged !== undefined) return true;
  if (call.record.attempts.length >= call.maxAttempts) return false;
  const tried = new Set(call.failures.map((failure) => failure.target));
  return call.targets.some((other) => other !== target && !tried.has(other));
}

/** SDK 6 reads any answer as a stream unless `stream` is false, and a server may decide differently. */
function mayBeNoStream({ body }: Call, held: readonly unknown[]): boolean {
  return held.length === 0 && isRecord(body) && !(body instanceof FormData) && body.stream !== true;
}

function close(chunks: CheckedChunks): void {
  chunks.return().catch(() => undefined);
}
