import { type ClientOptions, OpenAI } from 'openai';
import { Engine } from './engine.js';
import { InvalidOptionError } from './errors.js';
import { CALL_KEYS } from './options/call-options.js';
import { checkUnsized, isSized, ONE_STORE } from './options/check-cache.js';
import { checkCall, checkPresent } from './options/check-call.js';
import { checkRouter, type RouterConfig } from './options/check-options.js';
import { SETTING_KEYS } from './options/option-keys.js';
import { checkPlaces, misplacedOption } from './options/option-places.js';
import type {
  CallOptions,
  RouterOptions,
  RouterSettings,
  SingleClientOptions,
  ViewOptions,
} from './options/options.js';
import { withoutRouterHeaders } from './request/headers.js';
import type { RouterView } from './request/read-call.js';
import { attemptsOf } from './request/read-call.js';
import {
  type BuiltClients,
  buildClients,
  checkBaseURL,
  checkHeaderBag,
  checkLogger,
  copyOf,
  settingsOf,
  withCurrentFetch,
} from './sdk/clients.js';
import { AnsweredOrigins } from './sdk/dead-socket.js';
import { optionsOf } from './sdk/internals.js';
import { type Assignable, assignTo, bindHooks, type OwnClients, overriddenHooks } from './sdk/own-clients.js';
import { type Redact, redactor } from './sdk/redact.js';
import { headerRows, mergeHeaders } from './sdk/request-headers.js';
import { OpenAIUpstream } from './sdk/upstream.js';
import { Log } from './telemetry/log.js';
import { checkMs, checkSecretRecord, unknownOption } from './util/check.js';
import { nearest } from './util/nearest.js';
import { pick } from './util/pick.js';
import { synonymOf } from './util/synonyms.js';

/** The parts of one router object. */
export interface RouterParts {
  readonly engine: Engine;
  readonly view: RouterView;
  readonly clients: ReadonlyMap<string, OpenAI>;
  /** Clients of this router object only: with an assigned key, or with the hooks of a subclass. */
  readonly own: OwnClients | undefined;
  /** A different number for each assigned account; 0 for the original one. */
  readonly account: number;
  /** Receives requests that are not routed. */
  readonly passThrough: OpenAI;
  readonly redact: Redact;
  /** The options of a router over one client. `withOptions` may give it another account. */
  readonly single: SingleClientOptions | undefined;
  /** For the SDK's own constructor. */
  readonly superOptions: ClientOptions;
  /** What `update` replaces, for this router object and all its views. */
  readonly live: LiveConfiguration;
  /** Returns this router object with another configuration. */
  readonly over: (base: RouterParts) => RouterParts;
}

/** The current configuration. */
export interface LiveConfiguration {
  base: RouterParts;
  /** The options that it was created from. */
  options: RouterOptions | SingleClientOptions;
}

type SdkOptions = Pick<
  ViewOptions,
  'timeout' | 'maxRetries' | 'defaultHeaders' | 'defaultQuery' | 'logger' | 'logLevel'
>;

const SDK_KEYS = [
  'timeout',
  'maxRetries',
  'defaultHeaders',
  'defaultQuery',
  'logger',
  'logLevel',
] as const satisfies readonly (keyof SdkOptions)[];
/** The SDK options that a view may set: these, and two that do not affect requests. */
const VIEW_KEYS = [...SDK_KEYS, 'webhookSecret', 'dangerouslyAllowBrowser'] as const;
const CREDENTIAL_KEYS = [
  'apiKey',
  'adminAPIKey',
  'organization',
  'project',
  'baseURL',
  'fetch',
  'fetchOptions',
  'provider',
  'workloadIdentity',
  'dataResidency',
];

/** Checks a router's options and builds its parts. Throws InvalidOptionError. */
export function openRouter(options: RouterOptions | SingleClientOptions): RouterParts {
  checkSecretRecord('options', options, 'an object');
  return options.clients === undefined ? openSingle(options) : openSeveral(options);
}

function openSeveral(options: RouterOptions): RouterParts {
  for (const key of CREDENTIAL_KEYS) {
    if (key in options) throw new InvalidOptionError(key, `it belongs to one of \`clients\`: clients.default.${key}.`);
  }
  checkPlaces('', options, ['clients', ...SETTING_KEYS, ...SDK_KEYS]);
  return live(openClients(options, buildClients(options.clients)), options);
}

function openClients(options: RouterOptions, { clients, limits }: BuiltClients, previous?: RouterParts): RouterParts {
  return open(
    clients,
    { ...options, ...callOptionsOf(options) },
    pick(options, ['defaultHeaders', 'defaultQuery', 'logger', 'logLevel']),
    undefined,
    limits,
    previous,
  );
}

/** Remembers the options, so that `update` can replace some of them. */
function live(parts: RouterParts, options: RouterOptions | SingleClientOptions): RouterParts {
  parts.live.base = parts;
  parts.live.options = options;
  return parts;
}

/** Filled in once the router is open. */
function newLive(): LiveConfiguration {
  return {} as LiveConfiguration;
}

/** Options that cannot change while a router runs, and the reason. */
const FIXED: Readonly<Record<string, string>> = {
  fleet: 'the fleet knows this process already',
  cacheStore: 'answers are in the store that the router was made with',
  random: 'it is drawn from all the time',
  shareInFlight: 'it says what the runtime can do',
  state: 'it was read when the router made its first call',
  tenants: 'tenants have their budgets already',
};

/**
 * Replaces options of a running router, each as a whole. Everything is checked before anything changes. Throws
 * InvalidOptionError.
 */
export function updateRouter({ live: now }: RouterParts, part: Partial<RouterOptions>): string[] {
  checkSecretRecord('update', part, 'an object of options to replace');
  for (const [key, why] of Object.entries(FIXED))
    if (key in part) throw new InvalidOptionError(key, `it cannot be updated: ${why}; make another router.`);
  const changed = Object.keys(part);
  const { base, options } = now;
  if (options.clients === undefined) {
    for (const key of changed)
      if (!SETTING_KEYS.some((each) => each === key))
        throw new InvalidOptionError(key, `it belongs to the router's only client; assign it: router.${key} = ...`);
    const next: SingleClientOptions = { ...options, ...(part as object) };
    const sdk = pick(next, ['defaultHeaders', 'defaultQuery', 'logger', 'logLevel']);
    const parts = open(
      base.clients,
      next,
      sdk,
      isSized(next.cache) ? undefined : base.engine.config.cacheSize,
      undefined,
      base,
    );
    now.options = next;
    now.base = { ...parts, live: now, single: next };
    return changed;
  }
  const next: RouterOptions = { ...options, ...part };
  checkPlaces('', next, ['clients', ...SETTING_KEYS, ...SDK_KEYS]);
  const built =
    part.clients === undefined
      ? { clients: new Map(base.clients), limits: new Map(base.engine.config.clientLimits) }
      : buildClients(part.clients);
  now.base = { ...openClients(next, built, base), live: now };
  now.options = next;
  return changed;
}

/** Creates a router of one client from a plain client's options. It rejects what the SDK's constructor rejects. */
function openSingle(
  options: SingleClientOptions,
  cacheSize?: RouterConfig['cacheSize'],
  newClient = (given: ClientOptions) => new OpenAI(withCurrentFetch(given)),
): RouterParts {
  const clientOptions: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(options)) {
    if (SETTING_KEYS.some((each) => each === key) || key === 'clients') continue;
    const place = misplacedOption(key);
    if (place !== undefined) throw new InvalidOptionError(key, place);
    if (!isKnownToSdk(key)) checkTypo(key);
    clientOptions[key] = value;
  }
  // `withOptions` replaces these on the router, as on a plain client, so the inner client does not get them.
  const { defaultHeaders: _headers, defaultQuery: _query, ...rest } = clientOptions;
  checkBaseURL('baseURL', options.baseURL);
  const client = newClient(rest);
  const { maxRetries } = options;
  // The client itself has its timeout.
  const settings =
    maxRetries === undefined ? options : { ...options, ...callOptionsOf({ maxRetries, ...pick(options, CALL_KEYS) }) };
  const sdk = pick(options, ['defaultHeaders', 'defaultQuery', 'logger', 'logLevel']);
  return live({ ...open(new Map([['default', client]]), settings, sdk, cacheSize), single: options }, options);
}

/** Refuses an unknown option that resembles a known one. Any other unknown option may belong to a newer SDK. */
function checkTypo(key: string): void {
  if (synonymOf('clients', key) !== undefined) unknownOption('clients', key, SETTING_KEYS, key);
  if (synonymOf('', key) !== undefined || nearest(key, SETTING_KEYS, 1).length > 0)
    unknownOption('', key, SETTING_KEYS);
}

const isKnownToSdk = (key: string) => [...CREDENTIAL_KEYS, ...VIEW_KEYS].includes(key);

/** The router's own options, completed with the SDK's where those are not set. */
function callOptionsOf(options: Pick<SdkOptions, 'timeout' | 'maxRetries'> & CallOptions): CallOptions {
  const { timeout, maxRetries } = options;
  return {
    ...(timeout !== undefined && { attemptTimeoutMs: checkMs('timeout', timeout) }),
    ...(maxRetries !== undefined && { maxAttempts: attemptsOf(maxRetries) }),
    ...pick(options, CALL_KEYS),
  };
}

function open(
  clients: ReadonlyMap<string, OpenAI>,
  settings: RouterSettings,
  sdk: SdkOptions,
  cacheSize?: RouterConfig['cacheSize'],
  limits?: ReadonlyMap<string, number>,
  previous?: RouterParts,
): RouterParts {
  checkHeaderBag('defaultHeaders', sdk.defaultHeaders);
  checkLogger('logger', sdk.logger);
  const checked = checkRouter(settings, [...clients.keys()], limits);
  const config = cacheSize === undefined ? checked : { ...checked, cacheSize };
  const deployments = [...config.deployments.values()].map((each) => each.headers);
  const prefixes = config.prefixes.map((each) => each.headers);
  const models = [...config.deployments].flatMap(([id, { model }]) => [id, model]);
  const names = [...clients.keys(), ...config.routes.keys(), ...models];
  const redact = redactor(clients, [sdk.defaultHeaders, ...deployments, ...prefixes], [sdk.defaultQuery], names);
  const answered = new AnsweredOrigins();
  // An unchanged client is the same upstream. Its recent keys are masked like all others.
  for (const [name, client] of previous?.clients ?? []) redact.note(name, client);
  const upstreams = new Map(
    [...clients].map(([name, client]) => {
      const known = previous?.clients.get(name) === client ? previous.engine.upstreams.get(name) : undefined;
      return [name, known ?? new OpenAIUpstream(name, client, redact, answered)];
    }),
  );
  const defaultClient = clients.get(config.defaultClient);
  if (defaultClient === undefined) throw new Error('No default client: the options were not checked.');
  const engine = new Engine(config, upstreams, previous?.engine);
  const base = { options: {}, headers: undefined, query: undefined, log: logOf(defaultClient) };
  const parts = {
    engine,
    view: base,
    clients,
    redact,
    own: undefined,
    account: 0,
    single: undefined,
    passThrough: defaultClient,
    superOptions: settingsOf(defaultClient),
    live: newLive(),
    over: (base: RouterParts) => base,
  };
  const given = pick(sdk, SDK_KEYS);
  const complete = Object.keys(given).length === 0 ? parts : withView(parts, given);
  engine.changes.log = complete.view.log;
  return complete;
}

/**
 * Creates a view over the same engine. On a router of one client, another account creates another router. Throws
 * InvalidOptionError.
 */
export function openView(from: RouterParts, options: ViewOptions): RouterParts {
  checkPresent('', options);
  const account = CREDENTIAL_KEYS.filter((key) => key in options);
  if (account.length > 0 && from.single !== undefined) {
    // An application's own store is not inherited: accounts must not share answers.
    const { cacheStore: _, ...inherited } = from.single;
    // The store keeps its size, whatever a view sets for caching.
    return openSingle(
      { ...inherited, ...withoutUndefined(options) },
      isSized(options.cache) ? undefined : from.engine.config.cacheSize,
      // The SDK knows which options exclude each other, such as a provider and a key.
      () => accountClient(from, options),
    );
  }
  for (const key of account) {
    throw new InvalidOptionError(
      key,
      "it cannot be changed by withOptions: it belongs to one of the router's clients.",
    );
  }
  checkPlaces('', options, [...VIEW_KEYS, ...CALL_KEYS]);
  return withView(from, options);
}

function withView(from: RouterParts, options: ViewOptions): RouterParts {
  checkHeaderBag('defaultHeaders', options.defaultHeaders);
  checkLogger('logger', options.logger);
  const { view, engine } = from;
  const { defaultHeaders, defaultQuery } = options;
  const callOptions = checkCall('', callOptionsOf(options), engine.config.priorities);
  checkUnsized('cache', options.cache, ONE_STORE);
  const sdk = sdkOptionsFor(from, options);
  const isSame = Object.keys(sdk).length === 0;
  const passThrough = isSame && from.own === undefined ? from.passThrough : copyOf(from.passThrough, sdk);
  // On a router of one client, assigned values go to views as they do in the SDK's own `withOptions`.
  const own = from.single && from.own && new Map([[engine.config.defaultClient, passThrough]]);
  return {
    ...from,
    own,
    single: from.single && { ...from.single, ...withoutUndefined(options) },
    passThrough,
    superOptions: settingsOf(passThrough),
    over: (base) => withView(from.over(base), options),
    view: {
      options: { ...view.options, ...callOptions },
      headers: defaultHeaders === undefined ? view.headers : defaultHeaders,
      query: defaultQuery === undefined ? view.query : defaultQuery,
      log: options.logger === undefined && options.logLevel === undefined ? view.log : logOf(passThrough),
    },
  };
}

/** The only client of a router, with another account. */
function accountClient({ own, clients, engine }: RouterParts, options: ViewOptions): OpenAI {
  const name = engine.config.defaultClient;
  const client = own?.get(name) ?? clients.get(name);
  if (client === undefined) throw new Error('No default client: the options were not checked.');
  const isOurs = (key: string) => SETTING_KEYS.some((each) => each === key) || key.startsWith('default');
  return client.withOptions(Object.fromEntries(Object.entries(options).filter(([key]) => !isOurs(key))));
}

/**
 * Returns the router object's parts after an assignment to one of its properties. With one client it takes effect for
 * later calls, as on a plain client. Throws InvalidOptionError.
 */
export function assign(from: RouterParts, name: Assignable, value: unknown): RouterParts {
  if (name === 'webhookSecret') return withView(from, { [name]: value as string });
  if (name === 'logger' || name === 'logLevel') {
    const assigned = withView(from, { [name]: value });
    from.engine.changes.log = assigned.view.log;
    return assigned;
  }
  if (from.single === undefined) {
    const place =
      name === 'timeout' || name === 'maxRetries'
        ? `give it to the constructor, or to a view: router.withOptions({ ${name} })`
        : `it belongs to one of \`clients\`: clients.default.${name}`;
    throw new InvalidOptionError(name, `it cannot be assigned where there are \`clients\`; ${place}.`);
  }
  if (name === 'timeout' || name === 'maxRetries') return withView(from, { [name]: value });
  if (name === 'baseURL') checkBaseURL(name, value);
  const client = from.own === undefined ? copyOf(from.passThrough, {}) : from.passThrough;
  assignTo(client, name, value);
  const own = new Map([[from.engine.config.defaultClient, client]]);
  const account = from.engine.nextAccount();
  return {
    ...from,
    own,
    passThrough: client,
    account,
    over: (base) => ({ ...from.over(base), own, passThrough: client, account }),
  };
}

/** Returns the parts with clients that call the methods which a subclass of the router overrides. */
export function withHooks(from: RouterParts, router: OpenAI): RouterParts {
  const names = overriddenHooks(router, from.single !== undefined);
  if (names.length === 0) return from;
  const { defaultClient } = from.engine.config;
  const own = new Map(
    [...from.clients].map(([name, client]) => {
      const copy = copyOf(name === defaultClient ? from.passThrough : (from.own?.get(name) ?? client), {});
      bindHooks(copy, router, names);
      return [name, copy];
    }),
  );
  return { ...from, own, passThrough: own.get(defaultClient) ?? from.passThrough };
}

/**
 * Drops undefined options of the router, so that they do not lift earlier values. The SDK's own options are left as
 * they are.
 */
function withoutUndefined(options: ViewOptions): ViewOptions {
  const silent = new Set<string>(CALL_KEYS.filter((key) => options[key] === undefined));
  return Object.fromEntries(Object.entries(options).filter(([key]) => !silent.has(key)));
}

/**
 * Options of the default client for requests that are not routed. A client among others keeps its own headers and
 * query.
 */
function sdkOptionsFor({ clients, engine, single }: RouterParts, options: ViewOptions): Partial<ClientOptions> {
  const sdk = pick(options, VIEW_KEYS);
  const client = clients.get(engine.config.defaultClient);
  const own = single === undefined && client !== undefined ? optionsOf(client) : undefined;
  const { defaultHeaders, defaultQuery } = sdk;
  return {
    ...sdk,
    ...(defaultHeaders !== undefined && {
      defaultHeaders: mergeHeaders(withoutRouterHeaders(defaultHeaders), headerRows(own?.defaultHeaders)),
    }),
    ...(defaultQuery !== undefined && { defaultQuery: { ...own?.defaultQuery, ...defaultQuery } }),
  };
}

function logOf(client: OpenAI): Log {
  return new Log(client.logger, client.logLevel ?? 'warn');
}
