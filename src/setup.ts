import { type ClientOptions, OpenAI } from 'openai';
import { Engine } from './engine.js';
import { InvalidOptionError } from './errors.js';
import { CALL_KEYS } from './options/call-options.js';
import { isSized } from './options/check-cache.js';
import { checkPresent } from './options/check-call.js';
import { checkRouter, type RouterConfig } from './options/check-options.js';
import { SETTING_KEYS } from './options/option-keys.js';
import { checkPlaces, misplacedOption } from './options/option-places.js';
import type {
  FixedOption,
  RouterOptions,
  RouterSettings,
  SingleClientOptions,
  UpdateOptions,
  ViewOptions,
} from './options/options.js';
import {
  callOptionsOf,
  type LiveConfiguration,
  logOf,
  type RouterParts,
  SDK_KEYS,
  type SdkOptions,
  SHARED_KEYS,
  VIEW_KEYS,
  withoutUndefined,
  withView,
} from './router-parts.js';
import {
  type BuiltClients,
  buildClients,
  checkBaseURL,
  checkHeaderBag,
  checkLogger,
  constructorOptionsOf,
  withCurrentFetch,
} from './sdk/clients.js';
import { AnsweredOrigins } from './sdk/dead-socket.js';
import { redactor } from './sdk/redact.js';
import { OpenAIUpstream } from './sdk/upstream.js';
import { checkSecretRecord, unknownOption } from './util/check.js';
import { nearest } from './util/nearest.js';
import { pick } from './util/pick.js';
import { synonymOf } from './util/synonyms.js';

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
  checkPlacesOfSeveral(options);
  return live(openClients(options, buildClients(options.clients)), options);
}

function checkPlacesOfSeveral(options: RouterOptions): void {
  for (const key of CREDENTIAL_KEYS) {
    if (key in options) throw new InvalidOptionError(key, `it belongs to one of \`clients\`: clients.default.${key}.`);
  }
  checkPlaces('', options, ['clients', ...SETTING_KEYS, ...SDK_KEYS]);
}

function openClients(options: RouterOptions, { clients, limits }: BuiltClients, previous?: RouterParts): RouterParts {
  return open(
    clients,
    { ...options, ...callOptionsOf(options) },
    pick(options, SHARED_KEYS),
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
const FIXED: Readonly<Record<FixedOption, string>> = {
  fleet: 'the fleet knows this process already',
  cacheStore: 'answers are in the store that the router was made with',
  random: 'it is drawn from all the time',
  shareInFlight: 'it says what the runtime can do',
  state: 'it was read when the router made its first call',
  tenants: 'tenants have their budgets already',
};

/**
 * Replaces options of a running router, each as a whole; one that is `undefined` stays as it is. Everything is checked
 * before anything changes. Throws InvalidOptionError.
 */
export function updateRouter({ live: now }: RouterParts, given: UpdateOptions): string[] {
  checkSecretRecord('update', given, 'an object of options to replace');
  checkPresent('', given);
  const part: UpdateOptions = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
  for (const [key, why] of Object.entries(FIXED))
    if (key in part) throw new InvalidOptionError(key, `it cannot be updated: ${why}; make another router.`);
  const changed = Object.keys(part);
  const { base, options } = now;
  if (options.clients === undefined) {
    for (const key of changed)
      if (!SETTING_KEYS.some((each) => each === key))
        throw new InvalidOptionError(key, `it belongs to the router's only client; assign it: router.${key} = ...`);
    const next: SingleClientOptions = { ...options, ...(part as object) };
    const sdk = pick(next, SHARED_KEYS);
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
  checkPlacesOfSeveral(next);
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
  const sdk = pick(options, SHARED_KEYS);
  return live({ ...open(new Map([['default', client]]), settings, sdk, cacheSize), single: options }, options);
}

/** Refuses an unknown option that resembles a known one. Any other unknown option may belong to a newer SDK. */
function checkTypo(key: string): void {
  if (synonymOf('clients', key) !== undefined) unknownOption('clients', key, SETTING_KEYS, { option: key });
  if (synonymOf('', key) !== undefined || nearest(key, SETTING_KEYS, 1).length > 0)
    unknownOption('', key, SETTING_KEYS);
}

const isKnownToSdk = (key: string) => [...CREDENTIAL_KEYS, ...VIEW_KEYS].includes(key);

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
    superOptions: constructorOptionsOf(defaultClient),
    live: newLive(),
    over: (base: RouterParts) => base,
  };
  const given = pick(sdk, SDK_KEYS);
  const complete = Object.keys(given).length === 0 ? parts : withView(parts, given);
  engine.life.changes.log = complete.view.log;
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

/** The only client of a router, with another account. */
function accountClient({ own, clients, engine }: RouterParts, options: ViewOptions): OpenAI {
  const name = engine.config.defaultClient;
  const client = own?.get(name) ?? clients.get(name);
  if (client === undefined) throw new Error('No default client: the options were not checked.');
  const isOurs = (key: string) => SETTING_KEYS.some((each) => each === key) || key.startsWith('default');
  return client.withOptions(Object.fromEntries(Object.entries(options).filter(([key]) => !isOurs(key))));
}
