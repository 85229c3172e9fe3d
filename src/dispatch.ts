import type { OpenAI } from 'openai';
import type { Engine } from './engine.js';
import { CallReader, protocolOf } from './request/read-call.js';
import { assign, type RouterParts, withHooks } from './router-parts.js';
import { wrapCached } from './sdk/cached-answer.js';
import { helperOf, optionsOf, type RequestOptions, type ResponseProps, replaceIterator } from './sdk/internals.js';
import { type Assignable, withOwnClients } from './sdk/own-clients.js';
import { headerRows } from './sdk/request-headers.js';
import { type Run, redactRejections } from './sdk/routed-promise.js';
import { type Handle, isStream } from './sdk/upstream.js';
import type { StoredIds } from './state/stored-ids.js';
import { linkAnswerId, linkRecord } from './telemetry/call-record.js';
import type { CallRecord } from './telemetry/record-types.js';
import { type CachedReply, type Call, isCached, type Protocol, type Reply } from './types.js';
import { redactUnrouted, sendUnrouted, sendUnroutedList } from './unrouted.js';
import { isRecord } from './util/is-record.js';

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
    if (protocol === undefined) return sendUnrouted(this.parts, run, options, remainingRetries);
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

  /** Sends requests that do not go through `request`: the pages of lists. */
  sendList(given: RequestOptions, remainingRetries: number | null): Promise<ResponseProps> {
    return sendUnroutedList(this.parts, given, remainingRetries);
  }

  /** Removes keys from the error of a list. */
  redactList(error: unknown): unknown {
    return redactUnrouted(this.parts, error, this.parts.passThrough, {});
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

function isStored(protocol: Protocol, { body }: RequestOptions): boolean {
  return protocol === 'responses' || (protocol === 'chat' && isRecord(body) && body.store === true);
}

/** `chat.completions.stream()` and similar helpers build their own results, in which only the answer's id survives. */
function isFromHelper(options: RequestOptions): boolean {
  if (helperOf(options) !== undefined) return true;
  return headerRows(options.headers).some(([name]) => name.toLowerCase() === 'x-stainless-helper-method');
}
