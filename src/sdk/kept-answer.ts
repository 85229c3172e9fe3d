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
  { kept, chunks }: KeptReply,
  options: RequestOptions,
  protocol: Protocol,
): { props: ResponseProps; data: unknown } {
  let controller: AbortController | undefined;
  const ownController = () => {
    controller ??= new AbortController();
    return controller;
  };
  const data = chunks === undefined ? kept.data : streamOf(client, chunks, ownController());
  const body = () =>
    chunks === undefined ? JSON.stringify(kept.data) : encodeEvents(chunks, protocol, options.signal, 0);
  let response: Response | undefined;
  const props: ResponseProps = {
    // Few callers look at it, and to make one costs more than all else that an answer from the cache does.
    get response() {
      response ??= new Response(body(), { status: 200, headers: headersOf(kept, chunks !== undefined) });
      return response;
    },
    options: { ...options, maxRetries: 0 },
    get controller() {
      return ownController();
    },
    requestLogID: '',
    retryOfRequestLogID: undefined,
    startTime: Date.now(),
  };
  if (chunks === undefined && typeof data === 'object' && data !== null)
    Object.defineProperty(data, '_request_id', { value: kept.requestId, enumerable: false });
  return { props, data };
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
