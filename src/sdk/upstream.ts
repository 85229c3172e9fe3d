import type { APIPromise, OpenAI } from 'openai';
import { Stream } from 'openai/streaming';
import { isTimeout, whileReading } from '../classify.js';
import { NotSentError } from '../errors.js';
import { type Addition, withAdditions } from '../protocol/additions.js';
import type { Upstream, UpstreamAnswer, UpstreamRequest, UpstreamStream } from '../types.js';
import { MAX_MS } from '../util/check.js';
import { isEventStream } from '../util/event-stream.js';
import { ignoreRejection } from '../util/ignore-rejection.js';
import { isPromise } from '../util/is-promise.js';
import { isAsyncIterable, isGiven, isRecord } from '../util/is-record.js';
import { jsonText } from '../util/json-text.js';
import { ENDED, isClosable, OnRequest } from './closable-fetch.js';
import { AnsweredOrigins, isDeadSocket } from './dead-socket.js';
import { noteErrorFacts } from './error-facts.js';
import {
  chunksOf,
  fetchOf,
  isBinary,
  isHook,
  metadataOf,
  optionsOf,
  ownMetadata,
  parseOf,
  type ResponseProps,
  readAsStream,
  setStreamClass,
} from './internals.js';
import { asNotSent } from './not-sent.js';
import { type BytesRead, type ObservedBody, observeBody } from './observe-body.js';
import { ownClientOf } from './own-clients.js';
import type { Redact } from './redact.js';
import { sendFollowing } from './redirects.js';
import { headerRows, mergeHeaders, type RequestOptions, withoutDefaultRouterHeaders } from './request-headers.js';

export type { ResponseProps } from './internals.js';

/** The SDK's own promise of the winning attempt, and its parsed result, if any. The entry point returns it. */
export interface Handle {
  readonly props: ResponseProps;
  readonly promise: APIPromise<unknown>;
  readonly isParsed: boolean;
  readonly data: unknown;
}

const SDK_DEFAULT_TIMEOUT_MS = 600_000;
const MAX_RESENDS = 2;

/**
 * Sends requests to one OpenAI client, once each: the client's own retries are off, and the caller's objects are not
 * changed.
 */
export class OpenAIUpstream implements Upstream {
  readonly timeoutMs: number | undefined;
  /** By client: whether no code of the application runs between the SDK and its answer. */
  readonly #isUsual = new WeakMap<OpenAI, boolean>();

  constructor(
    readonly name: string,
    readonly client: OpenAI,
    readonly redactor: Redact,
    /** Shared by the upstreams of a router, because their connections are. */
    readonly answered = new AnsweredOrigins(),
  ) {
    noteErrorFacts(client);
    this.timeoutMs = client.timeout === SDK_DEFAULT_TIMEOUT_MS ? undefined : client.timeout;
  }

  get baseURL(): string {
    return this.client.baseURL;
  }

  get isClosable(): boolean {
    return isClosable(fetchOf(this.client));
  }

  redact(error: Error, source: unknown): Error {
    return this.redactor(error, source as RequestOptions);
  }

  redactText(text: string, source: unknown): string {
    return this.redactor.text(text, source as RequestOptions);
  }

  #hasUsualHooks(client: OpenAI): boolean {
    let isUsual = this.#isUsual.get(client);
    if (isUsual === undefined) {
      isUsual = !HOOKS.some((name) => isHook(client, name));
      this.#isUsual.set(client, isUsual);
    }
    return isUsual && !isHook(client, 'request');
  }

  /** Whether other code may refer to the signal that the SDK creates for the request, as a stream's caller does. */
  #isEndedByOthers(client: OpenAI, { source }: UpstreamRequest): boolean {
    const { stream, fetchOptions } = source as RequestOptions;
    const hasProvider = isGiven(Reflect.get(optionsOf(client), 'provider'));
    return stream === true || hasProvider || hasSignal(client.fetchOptions) || hasSignal(fetchOptions);
  }

  async send(request: UpstreamRequest): Promise<UpstreamAnswer> {
    const client = ownClientOf(request.source as RequestOptions, this.name) ?? this.client;
    if (client !== this.client) noteErrorFacts(client);
    this.redactor.note(this.name, client);
    const sent = isByteStream(bodyOf(request)) ? await withReadForm(request) : request;
    for (let resends = 0; ; resends++) {
      const sentAt = performance.now();
      const progress = { isAnswered: false };
      try {
        return await this.#sendOnce(client, sent, progress);
      } catch (error) {
        if (progress.isAnswered || request.isOver()) throw error;
        // The rare and cheap conditions first.
        const mayResend = isDeadSocket(error, sentAt) && resends < MAX_RESENDS && isReplayable(bodyOf(sent));
        if (!mayResend || !this.answered.has(client.baseURL))
          throw asNotSent(error, client, request.source as RequestOptions) ?? error;
        request.onResend();
      }
    }
  }

  async #sendOnce(
    client: OpenAI,
    request: UpstreamRequest,
    progress: { isAnswered: boolean },
  ): Promise<UpstreamAnswer> {
    const { signal, onOpen } = request;
    const isEndedByOthers = () => !this.#hasUsualHooks(client) || this.#isEndedByOthers(client, request);
    const onRequest = signal === null ? new OnRequest(onOpen, isEndedByOthers()) : undefined;
    const options = attemptOptions(client, request, onRequest);
    try {
      const { promise, props } = await sendFollowing(client, options, true, (each) => client.request(each));
      progress.isAnswered = true;
      this.answered.add(client.baseURL);
      if (!onRequest?.isOpen || onRequest.isLinked) onOpen(aborting(props.controller));
      if (request.wantsRaw()) return unreadAnswer(promise, props);
      if (mayBeStream(bodyOf(request)) && isEventStream(props.response.headers))
        readAsStream(props.options, ObservedStream);
      return parsedAnswer(promise, props, await parseOf(promise));
    } catch (error) {
      // The SDK may give up on a body by its own timer, which ends only linked requests.
      if (progress.isAnswered) onRequest?.close();
      throw withCause(progress.isAnswered ? whileReading(error) : error, onRequest?.thrown);
    } finally {
      onRequest?.forget();
    }
  }
}

/** A separate function: a closure in the one that sends would keep the whole request until a stream's end. */
function aborting(controller: AbortController): () => void {
  return () => controller.abort(ENDED);
}

function unreadAnswer(promise: APIPromise<unknown>, props: ResponseProps): UpstreamAnswer {
  const { status, headers, body } = props.response;
  const handle: Handle = { props, promise, isParsed: false, data: undefined };
  return { status, headers, data: undefined, stream: undefined, raw: true, body, handle };
}

function parsedAnswer(promise: APIPromise<unknown>, props: ResponseProps, data: unknown): UpstreamAnswer {
  const { status, headers, body } = props.response;
  const handle: Handle = { props, promise, isParsed: true, data };
  const stream = isStream(data) ? readStream(data, props) : undefined;
  return { status, headers, data, stream, raw: isBinary(props.options), body, handle };
}

/** SDK 6 drops the cause of a timeout, which shows whether there was a connection. */
function withCause(error: unknown, cause: unknown): unknown {
  if (cause !== undefined && isTimeout(error) && error instanceof Error && error.cause === undefined)
    Object.defineProperty(error, 'cause', { value: cause, writable: true, configurable: true });
  return error;
}

/** Methods that an application may override. */
const HOOKS = ['constructor', 'responsePromise', 'prepareOptions', 'prepareRequest', 'fetchWithTimeout'];

const hasSignal = (options: unknown) => isRecord(options) && isGiven(options.signal);

const bodyOf = ({ source }: UpstreamRequest) => (source as RequestOptions).body;

/** A new copy for each attempt, because the SDK writes into its options. */
function attemptOptions(
  client: OpenAI,
  { source, model, headers, additions, adapt, timeoutMs, signal }: UpstreamRequest,
  onRequest: OnRequest | undefined,
): RequestOptions {
  const given = source as RequestOptions;
  const options: RequestOptions = {
    ...given,
    maxRetries: 0,
    // The attempt's own timer decides. The SDK's timer ends the request on the wire, and must not fire earlier.
    timeout: Math.min(MAX_MS, Math.ceil(timeoutMs)),
  };
  if (signal !== undefined) options.signal = signal;
  if (onRequest !== undefined) options.fetchOptions = { ...given.fetchOptions, ...onRequest.options };
  ownMetadata(options, model);
  const own = headers === undefined ? given.headers : mergeHeaders(given.headers, Object.entries(headers));
  const safe = withoutDefaultRouterHeaders(client, withoutLength(own, given.body));
  if (safe !== given.headers) options.headers = safe;
  if (given.stream) setStreamClass(options, ObservedStream);
  if ('body' in given) options.body = adapted(bodyFor(given.body, model, additions), adapt);
  return options;
}

/**
 * Removes a given body length, because `fetch` computes it: with a shorter body it would wait forever, as if the server
 * hung, and with a longer one it fails. Only for a stream it does not know the length.
 */
function withoutLength(headers: RequestOptions['headers'], body: unknown): RequestOptions['headers'] {
  if (headers == null || isByteStream(body)) return headers;
  const rows = headerRows(headers);
  const others = rows.filter(([name]) => name.toLowerCase() !== 'content-length');
  return others.length === rows.length ? headers : others;
}

/**
 * Reads a streamed upload into a form if its model has another name upstream, because only a form can be changed. If
 * the name is the same, the stream is sent unchanged.
 */
async function withReadForm(request: UpstreamRequest): Promise<UpstreamRequest> {
  const source = request.source as RequestOptions;
  const { body, headers } = source;
  if (request.model === undefined || metadataOf(source)?.model === request.model || !isByteStream(body)) return request;
  const type = headerRows(headers).find(([name]) => name.toLowerCase() === 'content-type')?.[1];
  if (!type?.startsWith('multipart/form-data')) return request;
  const form = await new Response(ReadableStream.from(body), { headers: { 'content-type': type } }).formData();
  const others = headerRows(headers).filter(([name]) => name.toLowerCase() !== 'content-type');
  return { ...request, source: { ...(request.source as RequestOptions), body: form, headers: others } };
}

function isByteStream(body: unknown): body is AsyncIterable<Uint8Array> {
  return isAsyncIterable(body);
}

/** The body for one upstream, with its own model name in JSON and form data alike. Unchanged if nothing differs. */
function bodyFor(body: unknown, model: string | undefined, additions: readonly Addition[]): unknown {
  if (body instanceof FormData) {
    const [given, ...more] = body.getAll('model');
    // Of several values, some servers use the last one, so only one may remain.
    if (model === undefined || (given === model && more.length === 0)) return body;
    return formFor(body, model);
  }
  if (!isPlain(body)) return body;
  const named = model === undefined || body.model === model ? body : { ...body, model };
  return additions.length === 0 ? named : withAdditions(named, additions);
}

/** A copy with this model name, once. */
export function formFor(form: FormData, model: string): FormData {
  const copy = new FormData();
  for (const [name, value] of form) copy.append(name, value);
  copy.set('model', model);
  return copy;
}

/** Whether the body can be sent more than once. */
export function isReplayable(body: unknown): boolean {
  return body === undefined || body === null || body instanceof FormData || isPlain(body);
}

/** Converts the body with `adapt`. An error there is the deployment's fault, not the call's. */
function adapted(body: unknown, adapt: UpstreamRequest['adapt']): unknown {
  if (adapt === undefined || !isPlain(body)) return body;
  try {
    const made = adapt(JSON.parse(jsonText(body)));
    if (isRecord(made) && !isPromise(made)) return made;
    ignoreRejection(made);
    throw new TypeError('`adapt` returned no object');
  } catch (error) {
    throw new NotSentError('deployment', error instanceof Error ? error : new Error('`adapt` failed'));
  }
}

export function isPlain(body: unknown): body is Record<string, unknown> {
  if (!isRecord(body) || typeof body.toJSON === 'function') return false;
  const isOpaque = body instanceof Blob || body instanceof URLSearchParams || body instanceof ReadableStream;
  return !isOpaque && !(Symbol.asyncIterator in body) && !(Symbol.iterator in body);
}

/** Whether some servers would read the body's `stream` as true. Only the answer shows whether it is a stream. */
export function mayBeStream(body: unknown): boolean {
  return isPlain(body) && Boolean(body.stream) && body.stream !== true;
}

function readStream(stream: Stream<unknown>, { controller }: ResponseProps): UpstreamStream {
  const body = observed.get(stream);
  // The caller's stream outlives what was read.
  observed.delete(stream);
  // An application's own stream class may need `this`.
  const chunks = body === undefined ? stream[Symbol.asyncIterator]() : chunksOf(stream);
  return new SdkStream(chunks, controller.signal, body?.bytes);
}

/** A class, because closures would take more memory for each stream. */
class SdkStream implements UpstreamStream {
  constructor(
    readonly chunks: AsyncIterator<unknown>,
    readonly signal: AbortSignal,
    /** `undefined` for a body that cannot be observed, which counts as complete. */
    readonly bytes: BytesRead | undefined,
  ) {}

  get doneSeen(): boolean {
    return this.bytes?.doneSeen ?? true;
  }

  get bytesRead(): number {
    return this.bytes?.count ?? 0;
  }

  get json(): unknown {
    return this.bytes?.json;
  }

  get isAborted(): boolean {
    // The SDK also aborts it by itself if the connection breaks after the end mark.
    return this.signal.aborted && this.bytes?.doneSeen !== true;
  }
}

/** By shape, because an application may have two copies of the SDK. */
export function isStream(data: unknown): data is Stream<unknown> {
  return isAsyncIterable(data) && 'controller' in data && 'tee' in data;
}

const observed = new WeakMap<object, ObservedBody>();

/** The SDK's stream over an observed body. The SDK does not report whether it has seen the end mark. */
class ObservedStream<Item> extends Stream<Item> {
  static override fromSSEResponse<Item>(...args: Parameters<typeof Stream.fromSSEResponse>): Stream<Item> {
    const [response, ...rest] = args;
    const body = observeBody(response);
    const stream = Stream.fromSSEResponse<Item>(body.response, ...rest);
    observed.set(stream, body);
    return stream;
  }
}
