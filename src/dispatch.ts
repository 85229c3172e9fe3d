import { APIPromise, type OpenAI } from 'openai';
import type { Engine } from './engine.js';
import { InvalidOptionError, NoDeploymentAvailableError } from './errors.js';
import { carriedOptions } from './request/call-options.js';
import { withoutRouterHeaders } from './request/headers.js';
import { CallReader, protocolOf } from './request/read-call.js';
import { assign, type RouterParts, withHooks } from './router-parts.js';
import { wrapCached } from './sdk/cached-answer.js';
import {
  helperOf,
  makeRequest,
  optionsOf,
  type RequestOptions,
  type ResponseProps,
  replaceIterator,
} from './sdk/internals.js';
import { type Assignable, withOwnClients } from './sdk/own-clients.js';
import { type Followed, sendFollowing } from './sdk/redirects.js';
import { headerRows, mergeHeaders, withoutDefaultRouterHeaders } from './sdk/request-headers.js';
import { type Run, redactRejections } from './sdk/routed-promise.js';
import { formFor, type Handle, isStream } from './sdk/upstream.js';
import type { StoredIds } from './state/stored-ids.js';
import { linkAnswerId, linkRecord } from './telemetry/call-record.js';
import type { CallRecord } from './telemetry/record-types.js';
import { type CachedReply, type Call, isCached, type Protocol, type Reply } from './types.js';
import { isRecord } from './util/is-record.js';
import { isWithin } from './util/is-within.js';

/** Sends the requests of one router object: it connects the SDK's resources to the engine. */
export class Dispatcher {
  /** The parts without the hooks of a subclass. */
  #given: RouterParts;
  /** The configuration that `#parts` and `#calls` were made from. */
  #base: RouterParts;
  #parts: RouterParts;
  #calls: CallReader;

  constructor(
    readonly router: OpenAI,
    parts: RouterParts,
  ) {
    this.#given = parts;
    this.#base = parts.live.base;
    this.#parts = withHooks(parts, router);
    this.#calls = new CallReader(parts.engine, parts.view);
  }

  /** The parts of this router object, with the current configuration. */
  get parts(): RouterParts {
    this.#follow();
    return this.#parts;
  }

  get calls(): CallReader {
    this.#follow();
    return this.#calls;
  }

  /** Applies changes made by `update`. */
  #follow(): void {
    const { base } = this.#given.live;
    if (base === this.#base) return;
    this.#base = base;
    this.#use(this.#given.over(base));
  }

  #use(given: RouterParts): void {
    this.#given = given;
    this.#parts = withHooks(given, this.router);
    this.#calls = new CallReader(given.engine, given.view);
  }

  /** Applies an assignment to a property of the router. Throws InvalidOptionError. */
  assign(name: Assignable, value: unknown): void {
    // The SDK itself stores the key that a key function returned, for realtime.
    if (name === 'apiKey' && typeof optionsOf(this.router).apiKey === 'function') return;
    this.#follow();
    this.#use(assign(this.#given, name, value));
  }

  get engine(): Engine {
    return this.parts.engine;
  }

  /** Sends one request of a resource: to a deployment or, if it is not routed, unchanged to the default client. */
  async start(
    run: Run,
    given: RequestOptions | Promise<RequestOptions>,
    remainingRetries: number | null,
  ): Promise<ResponseProps> {
    // The call uses the configuration from when it was made.
    const { parts, calls } = this;
    const { own, account, engine } = parts;
    const resolved = await given;
    const options = own === undefined ? resolved : withOwnClients(resolved, own, account);
    const protocol = protocolOf(options);
    if (protocol === undefined) return this.#passThrough(run, options, remainingRetries);
    const { call } = calls.read(options, protocol, wantsRaw(run));
    run.record = call.record;
    if (options.signal != null) linkRecord(options.signal, call.record);
    const reply = await engine.handle(call);
    if (isCached(reply)) return this.#returnCached(run, reply, call.source as RequestOptions, protocol);
    return returnAnswer(run, parts, call, reply, options);
  }

  /** Returns a cached answer, or the answer of a shared call. */
  #returnCached(run: Run, reply: CachedReply, options: RequestOptions, protocol: Protocol): ResponseProps {
    const { props, data } = wrapCached(this.router, reply, options, protocol);
    const { record } = run;
    if (record !== undefined) linkRecord(data, record);
    if (reply.chunks === undefined) run.parsed = { data };
    run.requestId = reply.cached.requestId;
    run.parse = () => data;
    if (record !== undefined && isFromHelper(options)) linkAtEnd(reply, record);
    return props;
  }

  async #passThrough(run: Run, given: RequestOptions, remainingRetries: number | null): Promise<ResponseProps> {
    const { client, name, options } = this.#untouched(given);
    const { storedBy } = this.parts.engine.life;
    const sending = sendFollowing(client, options, false, (each) => client.request<unknown>(each, remainingRetries));
    run.parse = async () => {
      const { promise } = await sending;
      const data = await redactRejections(promise, (error) => this.#redact(error, client, options));
      this.engine.life.background.report(data);
      if (options.method === 'post' && isRecord(data)) storedBy.remember(data.id, name, this.parts.view.options.tenant);
      return data;
    };
    return this.#propsOf(sending, client, options);
  }

  #propsOf(sending: Promise<Followed>, client: OpenAI, options: RequestOptions): Promise<ResponseProps> {
    return sending.then(
      ({ props }) => props,
      (error: unknown) => {
        throw this.#redact(error, client, options);
      },
    );
  }

  /** Sends requests that do not go through `request`: the pages of lists. */
  async sendList(given: RequestOptions, remainingRetries: number | null): Promise<ResponseProps> {
    const { client, options } = this.#untouched(given);
    const send = (each: RequestOptions) => new APIPromise(client, makeRequest(client, each, remainingRetries));
    return this.#propsOf(sendFollowing(client, options, false, send), client, options);
  }

  /** Removes keys from the error of a list. */
  redactList(error: unknown): unknown {
    return this.#redact(error, this.parts.passThrough, {});
  }

  /** Removes the keys of the call, and those that `client`, which may be a view's own, adds to it. */
  #redact(error: unknown, client: OpenAI, { headers, query }: Partial<RequestOptions>): unknown {
    const { defaultHeaders, defaultQuery } = optionsOf(client);
    return this.parts.redact(error, {
      headers: mergeHeaders(headers, headerRows(defaultHeaders)),
      query: { ...defaultQuery, ...(isRecord(query) && query) },
    });
  }

  /** Client and sanitised options for a pass-through request. Throws where it must not be made. */
  #untouched(request: RequestOptions): { client: OpenAI; name: string; options: RequestOptions } {
    const { engine } = this.parts;
    if (engine.closed) throw new NoDeploymentAvailableError('The router is closed.');
    const named = this.#namedBy(request);
    const { client, name } = this.#within(request, named ?? this.#clientFor(request.path));
    this.parts.redact.note(name, client);
    const given = named === undefined ? request : { ...request, body: named.body };
    const own = given.headers == null ? given.headers : withoutRouterHeaders(given.headers);
    const headers = withoutDefaultRouterHeaders(client, own);
    return { client, name, options: headers === given.headers ? given : { ...given, headers } };
  }

  /**
   * A request that is not routed may still name a route (`responses.compact`, `inputTokens.count`, videos), which no
   * server knows. It goes to the first deployment of that route, with that deployment's model name.
   */
  #namedBy({ method, body, path = '' }: RequestOptions): { client: OpenAI; name: string; body: unknown } | undefined {
    const { engine, clients, passThrough } = this.parts;
    const isForm = body instanceof FormData;
    const named: unknown = isForm ? body.get('model') : isRecord(body) ? body.model : undefined;
    if (method !== 'post' || typeof named !== 'string') return undefined;
    const target = engine.routing.firstOfRoute(named);
    const name = target?.state.client.name;
    if (target?.model === undefined || name === undefined) return undefined;
    const client = name === engine.config.defaultClient ? passThrough : (clients.get(name) ?? passThrough);
    checkOrigin(client, path);
    const renamed = isForm ? formFor(body, target.model) : { ...(body as object), model: target.model };
    return { client, name, body: renamed };
  }

  /**
   * Residency: a request with a body goes to a client only if all its deployments lie within the call's regions: the
   * chosen client, else the first one that fits. Reads and deletes pass.
   */
  #within(request: RequestOptions, chosen: { client: OpenAI; name: string }): { client: OpenAI; name: string } {
    const { engine, view, clients, passThrough } = this.parts;
    const own = carriedOptions(request)?.regions;
    const regions = own ?? view.options.regions ?? engine.config.options.regions;
    if (regions === undefined || request.body == null) return chosen;
    const allowed = new Set(regions);
    const isAllowed = (name: string) => {
      const deployments = [...engine.states.values()].filter(({ client }) => client.name === name);
      return deployments.length > 0 && deployments.every(({ deployment }) => isWithin(deployment.regions, allowed));
    };
    if (isAllowed(chosen.name)) return chosen;
    const isFree = chosen.name === engine.config.defaultClient && this.#makerOf(request.path) === undefined;
    const other = isFree ? [...clients.keys()].find(isAllowed) : undefined;
    const client = other === undefined ? undefined : clients.get(other);
    if (other !== undefined && client !== undefined)
      return { client: other === engine.config.defaultClient ? passThrough : client, name: other };
    throw new NoDeploymentAvailableError(
      `This request is not routed, and the client ${chosen.name} has deployments outside of ${regions.join(', ')}.`,
    );
  }

  /** The client that created the object in the path; `undefined` if it is unknown. */
  #makerOf(path: string | undefined): string | undefined {
    const id = /^\/(?:responses|chat\/completions)\/([^/?]+)/.exec(path ?? '')?.[1];
    return id === undefined ? undefined : this.parts.engine.life.storedBy.makerOf(decode(id));
  }

  /**
   * The client that created the object in the path, else the default client. Throws if the path leads to another
   * server.
   */
  #clientFor(path: string | undefined): { client: OpenAI; name: string } {
    const { engine, clients, passThrough } = this.parts;
    const { defaultClient } = engine.config;
    const maker = this.#makerOf(path);
    const other = maker === undefined || maker === defaultClient ? undefined : clients.get(maker);
    const client = other ?? passThrough;
    checkOrigin(client, path ?? '');
    return { client, name: other === undefined || maker === undefined ? defaultClient : maker };
  }
}

/** The owner of the objects that an answer stores on a server. */
interface Binding {
  readonly ids: StoredIds;
  readonly client: string;
  readonly tenant: string | undefined;
}

/** The answer of a deployment, for the caller. */
function returnAnswer(
  run: Run,
  { engine, redact }: RouterParts,
  call: Call,
  reply: Reply,
  options: RequestOptions,
): ResponseProps {
  const { props, promise, isParsed, data } = reply.answer.handle as Handle;
  // The caller gets the SDK's own stream, with chunks that the router observes.
  if (reply.chunks !== undefined && isStream(data)) replaceIterator(data, reply.chunks);
  if (isParsed) {
    linkRecord(data, call.record);
    run.parsed = { data };
  }
  run.parse = isParsed ? () => data : () => redactRejections(promise, (error) => redact(error, options));
  const record = isFromHelper(options) ? call.record : undefined;
  const stores = isStored(call.protocol, options);
  if (stores || record !== undefined || call.sealedKeys !== undefined) {
    const binding = {
      ids: engine.life.storedBy,
      client: reply.attempt.target.state.client.name,
      tenant: call.settings.tenant,
    };
    for (const key of call.sealedKeys ?? []) binding.ids.remember(key, binding.client, binding.tenant);
    rememberAtEnd(reply, binding, stores, record);
  }
  return props;
}

/** A separate function, because a closure here would retain the caller's stream. */
function rememberAtEnd(
  reply: Reply,
  { ids, client, tenant }: Binding,
  isStored: boolean,
  record: CallRecord | undefined,
): void {
  reply.onEnd(({ answerId, sealedKeys = [] }) => {
    for (const key of sealedKeys) ids.remember(key, client, tenant);
    if (answerId === undefined) return;
    if (isStored) ids.remember(answerId, client, tenant);
    if (record !== undefined) linkAnswerId(answerId, record);
  });
}

/** Links the record of a call without attempts to its answer's id. */
function linkAtEnd(reply: CachedReply, record: CallRecord): void {
  reply.onEnd(({ answerId }) => {
    if (answerId !== undefined) linkAnswerId(answerId, record);
  });
}

/** A separate function, so that it retains nothing else of the run. */
function wantsRaw({ wants }: Run): () => boolean {
  return () => wants.raw;
}

/** Decodes an id in a path. An unreadable id belongs to no client. */
function decode(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return '';
  }
}

/** A client's key goes to its own server only, but the SDK would send it to any absolute URL. */
function checkOrigin(client: OpenAI, path: string): void {
  if (path.startsWith('/')) return;
  const { origin } = new URL(client.baseURL);
  if (new URL(client.buildURL(path, null)).origin !== origin) {
    throw new InvalidOptionError(
      'path',
      `it leads to another server than the client's, ${origin}; its key must not go there.`,
    );
  }
}

function isStored(protocol: Protocol, { body }: RequestOptions): boolean {
  return protocol === 'responses' || (protocol === 'chat' && isRecord(body) && body.store === true);
}

/** `chat.completions.stream()` and similar helpers build their own results, in which only the answer's id survives. */
function isFromHelper(options: RequestOptions): boolean {
  if (helperOf(options) !== undefined) return true;
  return headerRows(options.headers).some(([name]) => name.toLowerCase() === 'x-stainless-helper-method');
}
