import { isRecord } from '../util/is-record.js';
import { jsonText } from '../util/json-text.js';
import { weakly } from '../util/on-collected.js';

type Controller = ReadableStreamDefaultController<Uint8Array>;
interface Options {
  readonly protocol: string;
  readonly signal: AbortSignal | null | undefined;
}
interface Reading {
  isPending: boolean;
  isCancelled: boolean;
}

/**
 * Encodes chunks as server-sent events. If the stream breaks, the body fails, so half an answer never looks complete. A
 * dropped body releases the chunks, even while the next one is awaited.
 */
export function encodeEvents(
  chunks: AsyncIterable<unknown> | AsyncIterator<unknown>,
  protocol: string,
  signal: AbortSignal | null | undefined,
  /** Chunks that are read ahead of the body's reader. */
  ahead = 1,
): ReadableStream<Uint8Array> {
  const iterator = Symbol.asyncIterator in chunks ? chunks[Symbol.asyncIterator]() : chunks;
  const reading: Reading = { isPending: false, isCancelled: false };
  return new ReadableStream<Uint8Array>(
    {
      // Not a promise, because the source of a chunk would retain the body through it.
      pull(controller) {
        if (reading.isPending) return;
        reading.isPending = true;
        forward(iterator.next(), weakly(controller), { protocol, signal }, reading);
      },
      async cancel() {
        reading.isCancelled = true;
        await iterator.return?.();
      },
    },
    { highWaterMark: ahead },
  );
}

/** A separate function, so that waiting for a chunk does not retain the body. */
function forward(
  next: Promise<IteratorResult<unknown>>,
  controllerOf: () => Controller | undefined,
  { protocol, signal }: Options,
  reading: Reading,
): void {
  // At the abort itself, as with the platform's `fetch`: libraries that cancel their readers on it rely on the order.
  const onAbort = () => controllerOf()?.error(signal?.reason);
  signal?.addEventListener('abort', onAbort);
  next.then(
    ({ done, value }) => {
      signal?.removeEventListener('abort', onAbort);
      const controller = controllerOf();
      // A cancelled body is closed, and a closed controller throws.
      if (controller === undefined || reading.isCancelled || controller.desiredSize === null) return;
      if (!done) {
        reading.isPending = false;
        return enqueue(controller, value);
      }
      // Still pending: nothing is read after the end, though the end mark makes room for more.
      // An aborted stream just ends, as the SDK's do; an aborted body fails.
      if (signal?.aborted) return controller.error(signal.reason);
      if (protocol === 'chat' || protocol === 'completions') controller.enqueue(encoder.encode('data: [DONE]\n\n'));
      controller.close();
    },
    (error: unknown) => {
      signal?.removeEventListener('abort', onAbort);
      controllerOf()?.error(error);
    },
  );
}

const encoder = new TextEncoder();

function enqueue(controller: Controller, chunk: unknown): void {
  try {
    controller.enqueue(encoder.encode(eventOf(chunk)));
  } catch (error) {
    // Nested too deeply to be serialized.
    controller.error(error);
  }
}

function eventOf(chunk: unknown): string {
  const name = isRecord(chunk) && typeof chunk.type === 'string' ? `event: ${chunk.type}\n` : '';
  return `${name}data: ${jsonText(chunk)}\n\n`;
}
