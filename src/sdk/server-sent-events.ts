import { isRecord } from '../util/is-record.js';
import { jsonText } from '../util/json-text.js';

/** Chunks as server-sent events. A stream that breaks makes the body fail: half an answer never looks like a whole one. */
export function encodeEvents(
  chunks: AsyncIterable<unknown> | AsyncIterator<unknown>,
  protocol: string,
  signal: AbortSignal | null | undefined,
  /** Chunks that are read before anybody asks for them. */
  ahead = 1,
): ReadableStream<Uint8Array> {
  const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks;
  const encoder = new TextEncoder();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await iterator.next();
        if (!done) return controller.enqueue(encoder.encode(eventOf(value)));
        // An aborted stream just ends, as the SDK's do; an aborted body fails.
        if (signal?.aborted) return controller.error(signal.reason);
        if (protocol === 'chat' || protocol === 'completions') controller.enqueue(encoder.encode('data: [DONE]\n\n'));
        controller.close();
      },
      async cancel() {
        await iterator.return?.();
      },
    },
    { highWaterMark: ahead },
  );
}

function eventOf(chunk: unknown): string {
  const name = isRecord(chunk) && typeof chunk.type === 'string' ? `event: ${chunk.type}\n` : '';
  return `${name}data: ${jsonText(chunk)}\n\n`;
}
