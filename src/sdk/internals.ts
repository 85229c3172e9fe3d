import { APIPromise, type ClientOptions, OpenAI } from 'openai';
import type { Stream } from 'openai/streaming';

// The only file that uses members that the SDK's types hide or omit. `INTERNALS` lists each name with what it is
// needed for; test/unit/sdk/internals.test.ts fails by name when a version of the SDK no longer has one.

/** The options of one request, as the SDK's resources pass them to `client.request()`. */
export type RequestOptions = Exclude<Parameters<OpenAI['request']>[0], Promise<unknown>>;
/** The SDK's data about an answer, from which it is parsed. */
export type ResponseProps = Awaited<ConstructorParameters<typeof APIPromise>[1]>;

interface Internal {
  readonly of: 'client' | 'promise' | 'stream' | 'request';
  readonly name: string;
  readonly use: string;
}

export const INTERNALS: readonly Internal[] = [
  { of: 'client', name: 'makeRequest', use: 'lists do not go through `request`, but through this' },
  { of: 'client', name: 'requestAPIList', use: 'keys in its errors are masked' },
  { of: 'client', name: '_options', use: 'default headers and query, key functions and the provider of a client' },
  {
    of: 'client',
    name: 'fetch',
    use: 'whether a request can be ended without a signal; the `fetch` that the router passes on',
  },
  { of: 'client', name: 'fetchWithTimeout', use: 'whether an application has replaced it' },
  { of: 'client', name: 'prepareOptions', use: 'a hook of subclasses' },
  { of: 'client', name: 'prepareRequest', use: 'a hook of subclasses' },
  { of: 'client', name: 'authHeaders', use: 'a hook of subclasses' },
  { of: 'client', name: 'bearerAuth', use: 'a hook of subclasses' },
  { of: 'client', name: 'defaultQuery', use: 'a hook of subclasses' },
  { of: 'client', name: 'makeStatusError', use: 'a hook of subclasses' },
  { of: 'client', name: 'shouldRetry', use: 'a hook of subclasses' },
  { of: 'promise', name: 'responsePromise', use: 'the response of an attempt before its body is read' },
  { of: 'promise', name: 'parse', use: 'reads the body; the router reads it once for all waiting callers' },
  { of: 'stream', name: 'iterator', use: 'replaced by one whose chunks the router observes' },
  { of: 'request', name: '__metadata', use: 'names the model and the helper; each attempt needs its own' },
  { of: 'request', name: '__streamClass', use: 'a stream that records whether its end mark was read' },
];

export function makeRequest(client: OpenAI, options: RequestOptions, retries: number | null): Promise<ResponseProps> {
  return client['makeRequest'](options, retries, undefined);
}

/** Replaces SDK functions that its types do not allow to be overridden. */
export function overrideClient<Client extends OpenAI>(
  prototype: Client,
  {
    makeRequest,
    wrapList,
  }: {
    makeRequest: (client: Client, options: RequestOptions, retries: number | null) => Promise<ResponseProps>;
    wrapList: <P extends Promise<unknown>>(client: Client, list: P) => P;
  },
): void {
  const { requestAPIList } = OpenAI.prototype;
  define(prototype, 'makeRequest', async function (this: Client, given: PromiseOr<RequestOptions>, retries: never) {
    return makeRequest(this, await given, retries);
  });
  define(prototype, 'requestAPIList', function (this: Client, ...given: unknown[]) {
    return wrapList(this, Reflect.apply(requestAPIList, this, given));
  });
}

type PromiseOr<T> = T | Promise<T>;

/**
 * The SDK's own method reads the body through a private field, which a `Proxy` around the promise does not have. The
 * given function gets it as it is at the call, because tracing libraries patch it on the SDK's class.
 */
export function overrideParse(
  prototype: object,
  parse: (promise: never, sdkParse: <T>(promise: APIPromise<T>) => Promise<T>) => Promise<unknown>,
): void {
  define(prototype, 'parse', function (this: never) {
    return parse(this, (promise) => APIPromise.prototype['parse'].call(promise) as never);
  });
}

function define(target: object, name: string, value: (...args: never[]) => unknown): void {
  Object.defineProperty(target, name, { value, writable: true, configurable: true });
}

export const optionsOf = (client: OpenAI): ClientOptions => client['_options'];
export const fetchOf = (client: OpenAI): OpenAI['fetch'] => client['fetch'];
export const propsOf = (promise: APIPromise<unknown>): Promise<ResponseProps> => promise['responsePromise'];
export const parseOf = (promise: APIPromise<unknown>): Promise<unknown> => promise['parse']();

/**
 * The chunks of an SDK stream. Called without `this`, which the SDK does not need there, because a generator retains
 * `this`, and the caller may drop the stream.
 */
export function chunksOf(stream: Stream<unknown>): AsyncIterator<unknown> {
  const iterate = stream['iterator'];
  return iterate();
}

/** Replaces the iterator from which the SDK's stream reads its chunks. */
export function replaceIterator(stream: Stream<unknown>, chunks: AsyncIterator<unknown>): void {
  const consumed = stream['iterator'].bind(stream);
  let taken = false;
  stream['iterator'] = () => {
    // The SDK's own iterator is already running, and a stream can be iterated only once.
    if (taken) return consumed();
    taken = true;
    return chunks;
  };
}

/** Data that the SDK stores with a request but does not send: its model, and the helper that made it. */
export const metadataOf = (options: RequestOptions): Readonly<Record<string, unknown>> | undefined =>
  options.__metadata;

/** Gives a request its own metadata object, because the SDK writes into it. */
export function ownMetadata(options: RequestOptions, model: string | undefined): void {
  if (options.__metadata === undefined) return;
  options.__metadata = { ...options.__metadata };
  if ('model' in options.__metadata && model !== undefined) options.__metadata.model = model;
}

/** The name of a helper such as `chat.completions.stream()`. */
export const helperOf = (options: RequestOptions): unknown => options.__metadata?.helperMethod;

/** Sets a stream class of the SDK or of the router, unless the application has set one. */
export function setStreamClass(options: RequestOptions, streamClass: typeof Stream): void {
  options.__streamClass ??= streamClass;
}

/** Makes the SDK read the answer to a request as a stream. */
export function readAsStream(options: RequestOptions, streamClass: typeof Stream): void {
  options.stream = true;
  setStreamClass(options, streamClass);
}

export const hasStreamClass = (options: RequestOptions): boolean => options.__streamClass !== undefined;
export const isBinary = (options: RequestOptions): boolean => options.__binaryResponse === true;

/** Whether a subclass has overridden a method of the SDK's client. */
export const isHook = (client: OpenAI, name: string): boolean =>
  Reflect.get(client, name) !== Reflect.get(OpenAI.prototype, name);

/**
 * Gives a router the credentials of its default client, for code that reads them from the client itself (realtime,
 * webhooks). The router's constructor needed some key even if that client has none.
 */
export function copyCredentials(router: OpenAI, client: OpenAI): void {
  router.apiKey = client.apiKey;
  const { apiKey, provider, workloadIdentity } = optionsOf(client);
  Object.assign(optionsOf(router), { apiKey, provider, workloadIdentity });
  for (const name of ['_provider', '_workloadIdentityAuth']) {
    if (name in client) Reflect.set(router, name, Reflect.get(client, name));
  }
}
