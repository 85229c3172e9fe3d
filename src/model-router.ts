import { type APIPromise, OpenAI } from 'openai';
import { type AsFetchOptions, asFetch } from './as-fetch.js';
import { InvalidOptionError, NoDeploymentAvailableError } from './errors.js';
import { type Explanation, explain } from './inspect/explain.js';
import { type CheckOptions, type CheckResult, checkAll } from './inspect/health-check.js';
import { type Snapshot, snapshot } from './inspect/snapshot.js';
import { spendCsv } from './inspect/spend-csv.js';
import type { RouterOptions, SingleCallOptions, SingleClientOptions, ViewOptions } from './options/options.js';
import { callOptions } from './request/call-options.js';
import { withoutRouterHeaders } from './request/headers.js';
import { CallReader, protocolOf } from './request/read-call.js';
import { handOut } from './sdk/cached-answer.js';
import { headerRows, mergeHeaders, type RequestOptions, withoutDefaultRouterHeaders } from './sdk/request-headers.js';
import { RoutedPromise, Run, redactRejections } from './sdk/routed-promise.js';
import { type Handle, isStream, type ResponseProps } from './sdk/upstream.js';
import { type Opened, openRouter, openView } from './setup.js';
import { linkAnswerId, linkRecord } from './telemetry/call-record.js';
import type { EventOf, RouterEventType } from './telemetry/events.js';
import type { CallRecord } from './telemetry/record-types.js';
import { isKept, type KeptReply, type Protocol } from './types.js';
import { fail } from './util/check.js';
import { isRecord } from './util/is-record.js';

type Request = Parameters<OpenAI['request']>[0];

/** By what Node, Bun and Deno print an object. */
const inspect = Symbol.for('nodejs.util.inspect.custom');
/** Set by `withOptions` only: the parts that a new object over the same engine shares. */
const VIEW_OF = Symbol('viewOf');

/**
 * An `OpenAI` client over several: it routes each call to a deployment, and to another one when that does not answer.
 * Everything an `OpenAI` client does, it does; the README lists the few deliberate differences.
 *
 * @throws InvalidOptionError
 */
export class ModelRouter extends OpenAI {
  readonly #opened: Opened;
  readonly #calls: CallReader;

  constructor(options: RouterOptions | SingleClientOptions = {}) {
    const shared: Opened | undefined = isRecord(options) ? Reflect.get(options, VIEW_OF) : undefined;
    const opened = shared === undefined ? openRouter(options) : openView(shared, options as ViewOptions);
    super(opened.superOptions);
    this.#opened = opened;
    this.#calls = new CallReader(opened.engine, opened.view);
  }

  static {
    // Lists do not go through `request`, but through this one, which the SDK's types keep to itself.
    // biome-ignore lint/complexity/noThisInStatic: by its name, the bundler would give the class another one
    const { prototype } = this;
    Reflect.set(
      prototype,
      'makeRequest',
      async function makeRequest(
        this: ModelRouter,
        given: Request,
        remainingRetries: number | null,
      ): Promise<ResponseProps> {
        const { client, options } = this.#untouched(await given);
        return client['makeRequest'](options, remainingRetries, undefined).catch((error: unknown) => {
          throw this.#redact(error, client, options);
        });
      },
    );
    const { requestAPIList } = OpenAI.prototype;
    Reflect.set(prototype, 'requestAPIList', function list(this: ModelRouter, ...given: unknown[]) {
      return redactRejections(Reflect.apply(requestAPIList, this, given), (error) =>
        this.#redact(error, this.#opened.passThrough, {}),
      );
    });
  }

  /** The one way that every resource goes. What is not routed goes to the default client, untouched. */
  override request<Rsp>(options: Request, remainingRetries: number | null = null): APIPromise<Rsp> {
    return new RoutedPromise<Rsp>(this, new Run((run) => this.#start(run, options, remainingRetries)));
  }

  /** A router over the same engine: breakers and statistics are shared, and closing one closes all. */
  override withOptions(options: ViewOptions): this {
    const Router = this.constructor as new (options: object) => this;
    return new Router({ ...options, [VIEW_OF]: this.#opened });
  }

  /**
   * The same engine as a `fetch`, for libraries that bring their own client or none. URLs outside `baseURL` are refused,
   * incoming credentials and unknown headers are dropped. Throws InvalidOptionError.
   */
  asFetch(options: AsFetchOptions = {}): typeof fetch {
    return asFetch({ client: this, warn: (line) => this.#opened.view.log.warn(line) }, options);
  }

  /** The short form: one user message, to the route of the call's priority. */
  routeRequest(
    prompt: string,
    options: SingleCallOptions & { signal?: AbortSignal } = {},
  ): APIPromise<OpenAI.ChatCompletion> {
    try {
      if (typeof prompt !== 'string') fail('routeRequest', prompt, 'the text of one message, as a string');
      const { signal, ...rest } = options;
      const body = { model: 'auto', messages: [{ role: 'user' as const, content: prompt }] };
      return this.chat.completions.create(body, { ...callOptions(rest), ...(signal && { signal }) });
    } catch (error) {
      return new RoutedPromise(this, new Run(() => Promise.reject(error)));
    }
  }

  /** Asks each deployment for one token. Never rejects because one does not work. */
  async check(options: CheckOptions = {}): Promise<CheckResult[]> {
    return checkAll(this.#calls, options);
  }

  /** The plan for a call, without making it. Throws InvalidOptionError. */
  explain(body: Record<string, unknown>, options: Partial<RequestOptions> = {}): Explanation {
    return explain(this.#calls, body, options);
  }

  /** What the router knows of its deployments and routes, as plain JSON. */
  snapshot(): Snapshot {
    return snapshot(this.#opened.engine);
  }

  /** What was spent by day (of UTC), deployment, route and tenant, as CSV: `day,deployment,route,tenant,usd,unpriced`. */
  spendCsv(): string {
    return spendCsv(this.#opened.engine.spendTable.rows());
  }

  /** Hears of one type of event. Returns a function that ends it. */
  on<T extends RouterEventType>(type: T, listener: (event: EventOf<T>) => unknown): () => void {
    return this.#opened.engine.events.on(type, listener);
  }

  /** Ends timers and breakers. Calls in flight end as they would; calls after it fail. */
  close(): void {
    this.#opened.engine.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close();
  }

  toJSON(): Snapshot {
    return this.snapshot();
  }

  /** A client shows its key when it is printed; a router shows its snapshot. */
  [inspect](): Snapshot {
    return this.snapshot();
  }

  async #start(run: Run, given: Request, remainingRetries: number | null): Promise<ResponseProps> {
    const options = await given;
    const protocol = protocolOf(options);
    if (protocol === undefined) return this.#passThrough(run, options, remainingRetries);
    const { engine } = this.#opened;
    const { call } = this.#calls.read(options, protocol, wantsRaw(run));
    run.record = call.record;
    if (call.signal !== undefined) linkRecord(call.signal, call.record);
    const reply = await engine.handle(call);
    if (isKept(reply)) return this.#handOutKept(run, reply, call.source as RequestOptions, protocol);
    const { props, promise, isParsed, data } = reply.answer.handle as Handle;
    if (reply.chunks !== undefined) replaceChunks(data, reply.chunks);
    if (isParsed) {
      linkRecord(data, call.record);
      run.parsed = { data };
    }
    run.parse = isParsed ? () => data : () => redactRejections(promise, (error) => this.#opened.redact(error, options));
    reply.onEnd(({ answerId }) => {
      if (answerId === undefined) return;
      if (isStored(protocol, options)) engine.storedBy.set(answerId, reply.attempt.target.state.client.name);
      if (isFromHelper(options)) linkAnswerId(answerId, call.record);
    });
    return props;
  }

  /** An answer that was kept, or that another call has asked for. */
  #handOutKept(run: Run, reply: KeptReply, options: RequestOptions, protocol: Protocol): ResponseProps {
    const { props, data } = handOut(this, reply, options, protocol);
    const { record } = run;
    if (record !== undefined) linkRecord(data, record);
    if (reply.chunks === undefined) run.parsed = { data };
    run.requestId = reply.kept.requestId;
    run.parse = () => data;
    if (record !== undefined && isFromHelper(options)) linkAtEnd(reply, record);
    return props;
  }

  async #passThrough(run: Run, given: RequestOptions, remainingRetries: number | null): Promise<ResponseProps> {
    const { client, name, options } = this.#untouched(given);
    const { storedBy } = this.#opened.engine;
    const promise = client.request<unknown>(options, remainingRetries);
    run.parse = async () => {
      const data = await redactRejections(promise, (error) => this.#redact(error, client, options));
      if (options.method === 'post' && isRecord(data) && typeof data.id === 'string') storedBy.set(data.id, name);
      return data;
    };
    return promise['responsePromise'].catch((error: unknown) => {
      throw this.#redact(error, client, options);
    });
  }

  /** Without the keys of the call, and those that `client`, which may be a view's own, adds to it. */
  #redact(error: unknown, client: OpenAI, { headers, query }: Partial<RequestOptions>): unknown {
    const { defaultHeaders, defaultQuery } = client['_options'];
    return this.#opened.redact(error, {
      headers: mergeHeaders(headers, headerRows(defaultHeaders)),
      query: { ...defaultQuery, ...(isRecord(query) && query) },
    });
  }

  /** Whose a call is that is not routed, and what may leave the process of it. Throws where it must not be made. */
  #untouched(given: RequestOptions): { client: OpenAI; name: string; options: RequestOptions } {
    const { engine } = this.#opened;
    if (engine.closed) throw new NoDeploymentAvailableError('The router is closed.');
    const { client, name } = this.#clientFor(given.path);
    this.#opened.redact.note(name, client);
    const own = given.headers == null ? given.headers : withoutRouterHeaders(given.headers);
    const headers = withoutDefaultRouterHeaders(client, own);
    return { client, name, options: headers === given.headers ? given : { ...given, headers } };
  }

  /** The client that made what the path names, else the default one. Throws where the path leads to another server. */
  #clientFor(path: string | undefined): { client: OpenAI; name: string } {
    const { engine, clients, passThrough } = this.#opened;
    const { defaultClient } = engine.config;
    const id = /^\/(?:responses|chat\/completions)\/([^/?]+)/.exec(path ?? '')?.[1];
    const maker = id === undefined ? undefined : engine.storedBy.get(decode(id));
    const other = maker === undefined || maker === defaultClient ? undefined : clients.get(maker);
    const client = other ?? passThrough;
    checkOrigin(client, path ?? '');
    return { client, name: other === undefined || maker === undefined ? defaultClient : maker };
  }
}

/** A function of its own, as the listener must not hold the caller's stream. */
function linkAtEnd(reply: KeptReply, record: CallRecord): void {
  reply.onEnd(({ answerId }) => {
    if (answerId !== undefined) linkAnswerId(answerId, record);
  });
}

/** Holds nothing else of the run. */
function wantsRaw({ wants }: Run): () => boolean {
  return () => wants.raw;
}

/** An id as it stands in a path. One that cannot be read was made by nobody. */
function decode(id: string): string {
  try {
    return decodeURIComponent(id);
  } catch {
    return '';
  }
}

/** A client's key goes to its own server only: the SDK would send it to any absolute URL. */
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

/** The stream that the caller gets is the SDK's own, with chunks that are watched over. */
function replaceChunks(stream: unknown, chunks: AsyncIterator<unknown>): void {
  if (!isStream(stream)) return;
  const consumed = stream['iterator'].bind(stream);
  let taken = false;
  stream['iterator'] = () => {
    // The SDK's own iterator is at work already: asked once more, it says that a stream can be read only once.
    if (taken) return consumed();
    taken = true;
    return chunks;
  };
}

function isStored(protocol: Protocol, { body }: RequestOptions): boolean {
  return protocol === 'responses' || (protocol === 'chat' && isRecord(body) && body.store === true);
}

/** `chat.completions.stream()` and its kind build results of their own, in which nothing of ours is left but the id. */
function isFromHelper({ __metadata: metadata, headers }: RequestOptions): boolean {
  if (metadata?.helperMethod !== undefined) return true;
  return headerRows(headers).some(([name]) => name.toLowerCase() === 'x-stainless-helper-method');
}
