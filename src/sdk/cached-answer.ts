import { type OpenAI, OpenAIError } from 'openai';
import { Stream } from 'openai/streaming';
import type { KeptReply, Protocol } from '../types.js';
import type { RequestOptions } from './request-headers.js';
import { encodeEvents } from './server-sent-events.js';
import type { ResponseProps } from './upstream.js';

/** As the SDK's own streams say it. */
const CONSUMED = 'Cannot iterate over a consumed stream, use `.tee()` to split the stream.';

/** An answer without a response of its own, as the SDK hands answers out: its stream, and a response if one is asked for. */
export function handOut(
  client: OpenAI,
  reply: KeptReply,
  options: RequestOptions,
  protocol: Protocol,
): { props: ResponseProps; data: unknown } {
  const { kept, chunks } = reply;
  const props = new KeptProps(reply, options, protocol);
  if (chunks !== undefined) return { props, data: streamOf(client, chunks, props.controller) };
  const { data } = kept;
  if (typeof data === 'object' && data !== null)
    Object.defineProperty(data, '_request_id', { value: kept.requestId, enumerable: false });
  return { props, data };
}

/** Few callers look at any of it, and to make a response costs more than all else that an answer from the cache does. */
class KeptProps implements ResponseProps {
  readonly requestLogID = '';
  readonly retryOfRequestLogID = undefined;
  readonly startTime = Date.now();
  #response: Response | undefined;
  #controller: AbortController | undefined;

  constructor(
    readonly reply: KeptReply,
    readonly given: RequestOptions,
    readonly protocol: Protocol,
  ) {}

  get options(): ResponseProps['options'] {
    return { ...this.given, maxRetries: 0 };
  }

  get controller(): AbortController {
    this.#controller ??= new AbortController();
    return this.#controller;
  }

  get response(): Response {
    const { kept, chunks } = this.reply;
    this.#response ??= new Response(
      chunks === undefined ? JSON.stringify(kept.data) : encodeEvents(chunks, this.protocol, this.given.signal, 0),
      { status: 200, headers: headersOf(kept, chunks !== undefined) },
    );
    return this.#response;
  }
}

/** `stream.controller.abort()` ends this caller's stream, and nobody else's. */
function streamOf(client: OpenAI, chunks: AsyncIterator<unknown>, controller: AbortController): Stream<unknown> {
  controller.signal.addEventListener('abort', () => void chunks.return?.(), { once: true });
  let isTaken = false;
  const iterate = () => {
    if (isTaken) return { next: () => Promise.reject(new OpenAIError(CONSUMED)) };
    isTaken = true;
    return chunks;
  };
  return new Stream(iterate, controller, client);
}

function headersOf({ headers, requestId }: KeptReply['kept'], isStream: boolean): Headers {
  const shown = new Headers(headers);
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) shown.delete(name);
  shown.set('content-type', isStream ? 'text/event-stream' : 'application/json');
  if (requestId !== null) shown.set('x-request-id', requestId);
  return shown;
}
