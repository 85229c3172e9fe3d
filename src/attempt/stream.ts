import { InvalidAnswer } from '../classify.js';
import type { Layer } from '../pipeline.js';
import { Progress } from '../protocol/progress.js';
import type { Attempt, Reply, UpstreamStream } from '../types.js';
import { GuardedStream } from './guarded-stream.js';

const MOST_CHUNKS_HELD = 64;
const MOST_BYTES_HELD = 256 * 1024;

/**
 * Holds a stream back until its first content. Until then it can fail like any other answer, and another deployment be
 * asked; from then on it is committed, and only ever ends, or is interrupted.
 */
export function stream(random: () => number): Layer<Attempt, Reply> {
  return (next) =>
    function stream(attempt) {
      return attempt.call.stream ? commit(attempt, next(attempt)) : next(attempt);
    };

  async function commit(attempt: Attempt, answered: Promise<Reply>): Promise<Reply> {
    const reply = await answered;
    const { stream } = reply.answer;
    if (stream === undefined) return reply;
    const progress = new Progress(attempt.call.protocol, attempt.call.choices);
    const held = await untilContent(stream, progress);
    if (attempt.isOver) {
      close(stream);
      throw new InvalidAnswer('too late');
    }
    attempt.call.record.timeToFirstChunkMs = performance.now() - attempt.call.startedAt;
    attempt.target.state.answered(true, performance.now() - attempt.startedAt);
    const guarded = new GuardedStream(attempt, reply.answer.status, stream, progress, held, random);
    return { ...reply, chunks: guarded, onEnd: (listener) => guarded.onEnd(listener) };
  }
}

async function untilContent(stream: UpstreamStream, progress: Progress): Promise<unknown[]> {
  const held: unknown[] = [];
  while (held.length < MOST_CHUNKS_HELD && stream.bytesRead() < MOST_BYTES_HELD) {
    const { done, value } = await stream.chunks.next();
    if (done) {
      if (progress.finished || stream.aborted()) return held;
      throw new InvalidAnswer(held.length === 0 ? 'with an empty stream' : 'its stream ended before any content');
    }
    held.push(value);
    progress.read(value);
    if (progress.failed) {
      close(stream);
      throw new InvalidAnswer('its stream reported a failure');
    }
    if (progress.hasContent || progress.finished) return held;
  }
  return held;
}

function close(stream: UpstreamStream): void {
  stream.chunks.return?.().catch(() => undefined);
}
