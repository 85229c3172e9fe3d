import type { Engine } from '../engine.js';
import { InvalidOptionError } from '../errors.js';
import {
  CALL_OPTIONS,
  type CallOptions,
  priorityOf,
  SINGLE_CALL_KEYS,
  type SingleCallOptions,
  settingsOf,
} from '../options/call-options.js';
import { checkUnsized, ONE_STORE } from '../options/check-cache.js';
import { checkCall } from '../options/check-call.js';
import { checkPlaces } from '../options/option-places.js';
import { hasBilledOutput } from '../prices/worst-case.js';
import { whyNeverShared } from '../protocol/never-shared.js';
import { outputLimitOf } from '../protocol/output-limit.js';
import { type Needs, readNeeds } from '../protocol/requirements.js';
import { hasStreamClass, isBinary, metadataOf } from '../sdk/internals.js';
import { accountOf } from '../sdk/own-clients.js';
import { headerRows, mergeHeaders, type RequestOptions } from '../sdk/request-headers.js';
import { isPlain, isReplayable, mayBeStream } from '../sdk/upstream.js';
import type { Log } from '../telemetry/log.js';
import type { CallRecord } from '../telemetry/record-types.js';
import type { CacheRequest, Call, CallSettings, Protocol } from '../types.js';
import { checkMs, checkNumber, checkString } from '../util/check.js';
import { isPlainObject, isRecord } from '../util/is-record.js';
import { pick } from '../util/pick.js';
import { cut } from '../util/shown.js';
import { carriedOptions, checkBodyCarriesNone } from './call-options.js';
import { protocolOfPath } from './endpoints.js';
import { exclusionsBySize } from './fits-window.js';
import { type HeaderReading, readHeaders } from './headers.js';
import { narrow, type Resolution } from './resolve-model.js';
import { boundedTenant } from './tenant.js';

const NONE: readonly string[] = [];
const OWN_NAMES: ReadonlySet<string> = new Set(SINGLE_CALL_KEYS);

/** Options that `withOptions` sets for all calls made through one router object. */
export interface RouterView {
  readonly options: CallOptions;
  readonly headers: RequestOptions['headers'];
  readonly query: Record<string, string | undefined> | undefined;
  readonly log: Log;
}

/** The protocol of a routed request; `undefined` for a request that goes unchanged to the default client. */
export function protocolOf({ method, path, body }: RequestOptions): Protocol | undefined {
  if (method !== 'post' || path === undefined) return undefined;
  // A body that the application has serialized cannot be read, and its model could not be replaced.
  if (typeof body === 'string' || body instanceof ArrayBuffer || ArrayBuffer.isView(body)) return undefined;
  const query = path.indexOf('?');
  return protocolOfPath(query === -1 ? path : path.slice(0, query));
}

export interface Prepared {
  readonly call: Call;
  /** Why the call is not hedged, in words. */
  readonly hedgeDisabledReason: string | undefined;
}

/** Turns requests into calls: reads the model and the options, and selects the deployments. */
export class CallReader {
  readonly #settings = new Map<string | undefined, CallSettings>();

  constructor(
    readonly engine: Engine,
    readonly view: RouterView,
  ) {}

  /** Throws InvalidOptionError. */
  read(
    given: RequestOptions,
    protocol: Protocol,
    wantsRaw: () => boolean,
    id: string = this.engine.nextCallId(),
  ): Prepared {
    const { engine, view } = this;
    const { config } = engine;
    const startedAt = performance.now();
    const viewed = this.#withView(withReadGetters(given));
    const reading = viewed.headers == null ? undefined : readHeaders(viewed.headers, config.headerOptions);
    const source =
      reading === undefined || reading.headers === viewed.headers ? viewed : { ...viewed, headers: reading.headers };
    const own = this.#ownOptions(source, reading?.options);
    const priority = own?.priority ?? view.options.priority ?? config.options.priority ?? CALL_OPTIONS.priority.default;
    const model = modelOf(source);
    const resolution = engine.routing.resolve(model, own?.route, priorityOf(priority, config.priorities));
    if (resolution.unlisted !== undefined) engine.routing.warnOfTypo(resolution.unlisted, view.log);
    const settings = this.#settingsOf(resolution, own, reading?.options.tenant);
    const needs = readNeeds(source.body);
    const boundTo = this.#boundTo(needs);
    const hasOwnCredentials = reading?.hasCredentials ?? false;
    const { targets, excluded } = narrow(resolution.targets, {
      protocol,
      regions: settings.regions,
      needs: needs.capabilities,
      pinned: hasOwnCredentials,
      boundTo,
    });
    const deadlineMs = Math.min(settings.deadlineMs, reading?.options.deadlineMs ?? settings.deadlineMs);
    // A body that can be read only once can be sent only once.
    const maxAttempts = isReplayable(source.body) ? settings.maxAttempts : 1;
    const retry = engine.retryOf(resolution.route, targets[0], hasOwnCredentials);
    const { body } = source;
    const sealedKeys = boundTo === undefined && needs.sealedKeys.length > 0 ? needs.sealedKeys : undefined;
    const hedgeDisabledReason =
      settings.hedgeAfterMs === undefined
        ? 'hedgeAfterMs is not set'
        : whyNotHedged({ protocol, body, targets, maxAttempts, retry, hasOwnCredentials }, sealedKeys !== undefined);
    let tokens: number | undefined;
    const call: Call = {
      protocol,
      stream: source.stream === true || mayBeStream(body),
      source,
      body,
      targets,
      excluded,
      settings:
        deadlineMs === settings.deadlineMs
          ? settings
          : { ...settings, deadlineMs, deadlineIsDefault: false, deadlineIsByHeader: true },
      startedAt,
      deadline: startedAt + deadlineMs,
      signal: source.signal == null ? undefined : engine.life.signals.of(source.signal),
      record: newRecord(id, model, resolution, settings, source),
      failures: [],
      maxAttempts,
      attemptTimeoutIsOwn: own?.attemptTimeoutMs !== undefined,
      retry,
      hasOwnCredentials,
      hedgeAfterMs: hedgeDisabledReason === undefined ? settings.hedgeAfterMs : undefined,
      rank: engine.rankOf(settings.priority),
      requestTokens: () => {
        tokens ??= engine.estimator.ofCall(call) + outputTokensOf(protocol, body) * call.choices;
        return tokens;
      },
      choices: choicesOf(body),
      wantsUsage: wantsUsage(body),
      log: view.log,
      wantsRaw,
      cacheRequest: settings.cache === undefined ? undefined : cacheRequestOf(source, reading),
      ...(sealedKeys !== undefined && { sealedKeys }),
      isShared: false,
      spend: undefined,
    };
    const tooSmall = exclusionsBySize(call, resolution.smallestWindow, engine.estimator);
    if (tooSmall.length === 0) return { call, hedgeDisabledReason };
    const left = new Set(targets);
    for (const { target } of tooSmall) left.delete(target);
    call.targets = [...left];
    call.excluded = [...excluded, ...tooSmall];
    return { call, hedgeDisabledReason };
  }

  #withView(given: RequestOptions): RequestOptions {
    const { headers, query } = this.view;
    if (headers == null && query === undefined) return given;
    const source = { ...given };
    if (headers != null) source.headers = mergeHeaders(given.headers, headerRows(headers));
    if (query !== undefined) source.query = { ...query, ...given.query };
    return source;
  }

  /** The options of this very call: from code and, where code sets nothing, from headers. */
  #ownOptions(source: RequestOptions, byHeader: SingleCallOptions | undefined): SingleCallOptions | undefined {
    const { timeout, maxRetries } = source;
    // Callers easily put them next to the SDK's own options, where they would have no effect.
    for (const name in source) {
      if (OWN_NAMES.has(name))
        throw new InvalidOptionError(name, `it is an option of the router: give it by callOptions({ ${name} }).`);
    }
    checkBodyCarriesNone(source.body);
    const given = carriedOptions(source);
    if (given === undefined && byHeader === undefined && timeout === undefined && maxRetries === undefined)
      return undefined;
    const { deadlineMs: _, tenant: _scope, ...headerOptions } = byHeader ?? {};
    if (given !== undefined) checkUnsized('cache', given.cache, ONE_STORE);
    return checkCall(
      '',
      {
        ...headerOptions,
        ...(timeout !== undefined && { attemptTimeoutMs: checkMs('timeout', timeout) }),
        ...(maxRetries !== undefined && { maxAttempts: attemptsOf(maxRetries) }),
        ...(given !== undefined && definedOptions(given)),
      },
      this.engine.config.priorities,
      SINGLE_CALL_KEYS,
    );
  }

  #settingsOf(resolution: Resolution, own: SingleCallOptions | undefined, tenant: string | undefined): CallSettings {
    if (own !== undefined || tenant !== undefined) return this.#fill(resolution, own, tenant);
    const known = this.#settings.get(resolution.route);
    if (known !== undefined) return known;
    const settings = this.#fill(resolution, undefined, undefined);
    this.#settings.set(resolution.route, settings);
    return settings;
  }

  /** A tenant by header never replaces one that code has set for the call, its view or its route. */
  #fill(resolution: Resolution, own: SingleCallOptions | undefined, tenant: string | undefined): CallSettings {
    const options: SingleCallOptions = {
      ...this.engine.config.options,
      ...(tenant !== undefined && { tenant: checkString('X-Router-Tenant', tenant) }),
      ...resolution.options,
      ...this.view.options,
      ...own,
    };
    if (options.tenant !== undefined) options.tenant = boundedTenant(options.tenant);
    return settingsOf(options, this.engine.config.priorities);
  }

  /**
   * The client that made the objects in the call; `null` if only the first client may know them, `undefined` for any
   * client.
   */
  #boundTo({ storedIds, sealedKeys }: Needs): string | null | undefined {
    for (const id of storedIds.length === 0 && sealedKeys.length === 0 ? NONE : [...storedIds, ...sealedKeys]) {
      const client = this.engine.life.storedBy.makerOf(id);
      if (client !== undefined) return client;
    }
    return storedIds.length === 0 ? undefined : null;
  }
}

/**
 * Drops undefined options, so that they do not lift what the router or the route has set. `tenant` and `regions` must
 * not be undefined.
 */
function definedOptions(given: SingleCallOptions): SingleCallOptions {
  checkPlaces('', given, SINGLE_CALL_KEYS);
  return pick(given, SINGLE_CALL_KEYS);
}

/** The SDK's `maxRetries` as a number of attempts. */
export function attemptsOf(maxRetries: unknown): number {
  const what = 'a whole number of at least 0';
  return 1 + checkNumber('maxRetries', maxRetries, { least: 0, most: 1e6, whole: true, what });
}

/**
 * Reads the getters of a body once, as the SDK does when it serializes the body, because each read may return another
 * value.
 */
function withReadGetters(given: RequestOptions): RequestOptions {
  const { body } = given;
  if (!isRecord(body) || !isPlainObject(body)) return given;
  for (const key in body) {
    if (Object.getOwnPropertyDescriptor(body, key)?.get !== undefined) return { ...given, body: { ...body } };
  }
  return given;
}

/** The part of a request that the cache uses. */
function cacheRequestOf(source: RequestOptions, reading: HeaderReading | undefined): CacheRequest {
  const account = accountOf(source);
  const rows = headerRows(source.headers);
  // Accounts must not share answers.
  const headers: CacheRequest['headers'] =
    account === undefined ? rows : [...rows, ['model-router-account', String(account)]];
  const { path = '', query, body } = source;
  // A custom stream class converts the answer in its own way, and custom options of `fetch` may change the request
  // and its headers.
  const isUsual =
    !hasStreamClass(source) &&
    !isBinary(source) &&
    source.fetchOptions === undefined &&
    source.defaultBaseURL === undefined &&
    isUsualQuery(query);
  return {
    path,
    body: isUsual && isPlain(body) ? body : undefined,
    query,
    headers,
    hasCredentials: reading?.hasCredentials ?? false,
    directive: reading?.cache,
    share: (copy, copyOfQuery) => {
      const shared: RequestOptions = { ...source, body: copy, signal: null };
      if (source.headers != null) shared.headers = rows;
      if (isRecord(copyOfQuery)) shared.query = copyOfQuery;
      return shared;
    },
  };
}

/** Whether a URL distinguishes query values exactly as JSON does: no `NaN`, and no instances of a class. */
function isUsualQuery(value: unknown): boolean {
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || value === null) return typeof value !== 'function' && typeof value !== 'symbol';
  return (Array.isArray(value) || isPlainObject(value)) && Object.values(value).every(isUsualQuery);
}

function modelOf(source: RequestOptions): string | undefined {
  const { body } = source;
  const metadata = metadataOf(source);
  const model: unknown = body instanceof FormData ? body.get('model') : isRecord(body) ? body.model : undefined;
  if (typeof model === 'string') return model;
  return typeof metadata?.model === 'string' ? metadata.model : undefined;
}

export const NO_OTHER = 'there is no other deployment that it may go to';

/** Why a call with `hedgeAfterMs` is not hedged, in words. */
function whyNotHedged(
  {
    protocol,
    body,
    targets,
    maxAttempts,
    retry,
    hasOwnCredentials,
  }: Pick<Call, 'protocol' | 'body' | 'targets' | 'maxAttempts' | 'retry' | 'hasOwnCredentials'>,
  isSealed: boolean,
): string | undefined {
  if (!retry.budget.allowsAny) return 'retry.budget and retry.minPerSecond are 0, and a hedge takes a token';
  if (isSealed) return 'the call contains sealed items, which only the client that created them can read';
  if (maxAttempts < 2) return 'it may make one attempt only';
  if (hasOwnCredentials) return 'the call has its own credentials';
  // Checked before the number of deployments, because stored objects have reduced that to one.
  const why = isPlain(body) ? whyNeverShared(protocol, body) : undefined;
  return why ?? (targets.length < 2 ? NO_OTHER : undefined);
}

/** The output tokens to assume for token rates if the call sets no limit. */
const TYPICAL_OUTPUT = 1024;

function outputTokensOf(protocol: Protocol, body: unknown): number {
  return isRecord(body) && hasBilledOutput(protocol, body) ? (outputLimitOf(body) ?? TYPICAL_OUTPUT) : 0;
}

/** The requested number of answers: `n` for each prompt. */
function choicesOf(body: unknown): number {
  if (body instanceof FormData) return Math.max(1, Number(body.get('n')) || 1);
  if (!isRecord(body)) return 1;
  const { n, prompt } = body;
  // An array of numbers is one prompt, in tokens.
  const prompts = Array.isArray(prompt) && typeof prompt[0] !== 'number' ? Math.max(1, prompt.length) : 1;
  return prompts * (typeof n === 'number' && n > 1 ? n : 1);
}

function wantsUsage(body: unknown): boolean {
  return isRecord(body) && isRecord(body.stream_options) && body.stream_options.include_usage === true;
}

/** The limits of OpenAI itself, because the metadata is copied into records. */
const MAX_METADATA = { entries: 16, key: 64, value: 512 };

/** The string values of a body's own `metadata`. */
function metadataOfBody(body: unknown): Record<string, string> | undefined {
  const given: unknown = isRecord(body) ? body.metadata : undefined;
  if (!isRecord(given)) return undefined;
  const rows: [string, string][] = [];
  // A caller may send any number of keys.
  for (const key of Object.keys(given)) {
    const value = given[key];
    if (typeof value !== 'string' || key.length > MAX_METADATA.key || value.length > MAX_METADATA.value) continue;
    rows.push([key, value]);
    if (rows.length === MAX_METADATA.entries) break;
  }
  return Object.fromEntries(rows);
}

function newRecord(
  id: string,
  requestedModel: string | undefined,
  resolution: Resolution,
  { priority, tenant, metadata }: CallSettings,
  { path = '', stream, body }: RequestOptions,
): CallRecord {
  const query = path.indexOf('?');
  return {
    id,
    route: resolution.route ?? null,
    priority,
    tenant: tenant ?? null,
    endpoint: query === -1 ? path : path.slice(0, query),
    stream: stream === true,
    startedAt: new Date().toISOString(),
    metadata: { ...(metadata ?? metadataOfBody(body)) },
    requestedModel: requestedModel === undefined ? null : cut(requestedModel),
    deployment: null,
    servedModel: null,
    region: null,
    attempts: [],
    variant: null,
    chosenBy: resolution.route === undefined ? null : 'priority',
    queuedMs: 0,
    confidence: null,
    escalated: false,
    cache: 'off',
    usage: null,
    providerUsage: null,
    providerCostUsd: null,
    costUsd: null,
    unpriced: [],
    priceSource: null,
    durationMs: 0,
    timeToFirstChunkMs: null,
  };
}
