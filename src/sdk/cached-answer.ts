import { type OpenAI, OpenAIError } from 'openai';
import { Stream } from 'openai/streaming';
import type { CachedReply, Protocol } from '../types.js';
import { jsonText } from '../util/json-text.js';
import { ENDED } from './closable-fetch.js';
import type { RequestOptions } from './request-headers.js';
import { encodeEvents } from './server-sent-events.js';
import type { ResponseProps } from './upstream.js';

/** The SDK's own message. */
const CONSUMED = 'Cannot iterate over a consumed stream, use `.tee()` to split the stream.';

/** Wraps an answer that has no response in the SDK's form: its stream, and a response on demand. */
export function wrapCached(
  client: OpenAI,
  reply: CachedReply,
  options: RequestOptions,
  protocol: Protocol,
): { props: ResponseProps; data: unknown } {
  const { cached, chunks } = reply;
  const props = new CachedProps(reply, options, protocol);
  if (chunks !== undefined) {
    linkAborts(reply, new WeakRef(props.controller), options.signal);
    return { props, data: streamOf(client, chunks, props.controller) };
  }
  const { data } = cached;
  if (typeof data === 'object' && data !== null)
    Object.defineProperty(data, '_request_id', { value: cached.requestId, enumerable: false });
  return { props, data };
}

/**
 * Created on demand: few callers use any of it, and creating a response costs more than all the rest of a cached
 * answer.
 */
class CachedProps implements ResponseProps {
  readonly requestLogID = '';
  readonly retryOfRequestLogID = undefined;
  readonly startTime = Date.now();
  #response: Response | undefined;
  #controller: AbortController | undefined;

  constructor(
    readonly reply: CachedReply,
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
    const { cached, chunks } = this.reply;
    this.#response ??= new Response(
      chunks === undefined ? jsonText(cached.data) : encodeEvents(chunks, this.protocol, this.given.signal, 0),
      { status: 200, headers: headersOf(cached, chunks !== undefined) },
    );
    return this.#response;
  }
}

/** `stream.controller.abort()` ends this caller's stream only. */
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

/**
 * The SDK aborts a stream's controller when its caller's signal is aborted, at a `break`, and at an error; its helpers
 * rely on that. The reference is weak, because the router holds the listener, and the controller refers to the caller's
 * stream.
 */
function linkAborts(reply: CachedReply, controller: WeakRef<AbortController>, signal: RequestOptions['signal']): void {
  const abort = () => controller.deref()?.abort(ENDED);
  signal?.addEventListener('abort', abort);
  reply.onEnd(({ outcome }) => {
    signal?.removeEventListener('abort', abort);
    if (outcome !== 'success') abort();
  });
}

function headersOf({ headers, requestId }: CachedReply['cached'], isStream: boolean): Headers {
  const shown = new Headers(headers);
  for (const name of ['content-length', 'content-encoding', 'transfer-encoding']) shown.delete(name);
  shown.set('content-type', isStream ? 'text/event-stream' : 'application/json');
  if (requestId !== null) shown.set('x-request-id', requestId);
  return shown;
}
