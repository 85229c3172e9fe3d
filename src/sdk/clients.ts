import { type ClientOptions, OpenAI } from 'openai';
import { InvalidOptionError } from '../errors.js';
import { DEPLOYMENT_KEYS, SETTING_KEYS } from '../options/option-keys.js';
import { misplacedOption } from '../options/option-places.js';
import { checkMs, checkSecretRecord, checkWhole, invalidOption, unknownOption } from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import { isKeyLike } from '../util/key-like.js';
import { nearest } from '../util/nearest.js';
import { synonymOf } from '../util/synonyms.js';
import { closable, type Fetch } from './closable-fetch.js';
import { fetchOf, optionsOf } from './internals.js';

/** Other ways to say who is calling than a key. */
const OTHER_CREDENTIALS = ['adminAPIKey', 'workloadIdentity', 'credential', 'provider'] as const;

/** The options of the SDK's constructor, to distinguish a typing error from a newer option. */
const CLIENT_KEYS = [
  'apiKey',
  'adminAPIKey',
  'organization',
  'project',
  'webhookSecret',
  'baseURL',
  'dataResidency',
  'timeout',
  'fetchOptions',
  'fetch',
  'maxRetries',
  'defaultHeaders',
  'defaultQuery',
  'dangerouslyAllowBrowser',
  'logLevel',
  'logger',
  'workloadIdentity',
  'x509Transport',
  'credential',
  'provider',
];

/** The clients of a router by name, and the `maxConcurrent` of those that have one. */
export interface BuiltClients {
  readonly clients: Map<string, OpenAI>;
  readonly limits: Map<string, number>;
}

/** Builds the clients that are given as options. Throws InvalidOptionError. */
export function buildClients(specs: unknown): BuiltClients {
  if (isClient(specs)) throw new InvalidOptionError('clients', 'a client needs a name: { default: client }.');
  const clients = new Map<string, OpenAI>();
  const limits = new Map<string, number>();
  for (const [name, spec] of Object.entries(
    checkSecretRecord('clients', specs, 'an object of OpenAI clients, or of their options'),
  )) {
    const path = `clients.${name}`;
    const { own, maxConcurrent } = withoutLimits(path, spec);
    clients.set(name, buildClient(path, own));
    if (maxConcurrent !== undefined) limits.set(name, maxConcurrent);
  }
  if (clients.size === 0) throw new InvalidOptionError('clients', 'it is empty; give at least one client.');
  return { clients, limits };
}

/** What the router limits, apart from what the SDK takes. */
function withoutLimits(path: string, spec: unknown): { own: unknown; maxConcurrent: number | undefined } {
  if (isClient(spec) || !isRecord(spec) || !('maxConcurrent' in spec || 'client' in spec))
    return { own: spec, maxConcurrent: undefined };
  const { maxConcurrent, client, ...options } = spec;
  const limit = maxConcurrent === undefined ? undefined : checkWhole(`${path}.maxConcurrent`, maxConcurrent, 1);
  if (client === undefined) return { own: options, maxConcurrent: limit };
  if (!isClient(client)) invalidOption(`${path}.client`, client, 'an OpenAI client that you have built');
  for (const key of Object.keys(options))
    throw new InvalidOptionError(`${path}.${key}`, 'it belongs to the client that you have built: set it there.');
  return { own: client, maxConcurrent: limit };
}

function buildClient(path: string, spec: unknown): OpenAI {
  if (isClient(spec)) {
    checkBaseURL(`${path}.baseURL`, spec.baseURL);
    return spec;
  }
  const options: ClientOptions = checkSecretRecord(path, spec, 'an OpenAI client, or the options of one');
  for (const key of ['apiKey', 'baseURL'] as const) {
    if (key in options && options[key] === undefined) {
      throw new InvalidOptionError(`${path}.${key}`, 'it is there, but undefined; is an environment variable missing?');
    }
  }
  for (const key of Object.keys(options)) {
    if (CLIENT_KEYS.includes(key)) continue;
    if ([...SETTING_KEYS, ...DEPLOYMENT_KEYS].some((each) => each === key))
      throw new InvalidOptionError(
        `${path}.${key}`,
        misplacedOption(key) ?? 'it is an option of the router: set it next to `clients`.',
      );
    const meant = synonymOf(path, key) ?? nearest(key, CLIENT_KEYS, 1)[0];
    // A name that is nothing like those known may be a newer version's.
    if (meant !== undefined) unknownOption(path, key, CLIENT_KEYS);
  }
  if (typeof options.apiKey === 'string' && options.apiKey.trim() === '')
    throw new InvalidOptionError(
      `${path}.apiKey`,
      'it is empty; is an environment variable missing? A server without keys takes any.',
    );
  checkBaseURL(`${path}.baseURL`, options.baseURL);
  checkLogger(`${path}.logger`, options.logger);
  checkHeaderBag(`${path}.defaultHeaders`, options.defaultHeaders);
  if (options.timeout !== undefined) checkMs(`${path}.timeout`, options.timeout);
  const usesEnvironment =
    options.apiKey === undefined && options.baseURL === undefined && !hasOtherCredentials(options);
  if (!usesEnvironment && options.apiKey == null && !hasOtherCredentials(options)) {
    throw new InvalidOptionError(
      `${path}.apiKey`,
      'it is missing; OPENAI_API_KEY is only read for a client with neither `apiKey` nor `baseURL`, so that it never goes to another host.',
    );
  }
  try {
    const built = closableOptions(options);
    return usesEnvironment ? new OpenAI(built) : withoutEnvironment(built);
  } catch (error) {
    throw new InvalidOptionError(path, error instanceof Error ? error.message : 'the client could not be built.');
  }
}

/** The SDK reads headers of any shape, and says of a wrong one only that it cannot be iterated, with the first call. */
export function checkHeaderBag(option: string, value: unknown): void {
  if (value === undefined || value === null || typeof value === 'object') return;
  const what = 'an object of names and values, or Headers';
  // It may well hold a key: it is not shown.
  if (typeof value === 'string') throw new InvalidOptionError(option, `a string is not allowed; give ${what}.`);
  invalidOption(option, value, what);
}

/**
 * A client's key goes to its base URL. An empty one means api.openai.com to the SDK, and a relative one fails with the
 * first call. `null` is the SDK's word for api.openai.com. Throws InvalidOptionError.
 */
export function checkBaseURL(option: string, value: unknown): void {
  if (value === undefined || value === null) return;
  if (typeof value !== 'string') invalidOption(option, value, 'an absolute URL, as a string');
  if (value.trim() === '')
    throw new InvalidOptionError(
      option,
      'it is empty, which would mean api.openai.com; is an environment variable missing?',
    );
  // `https://${HOST}/v1`, where there is no HOST: to a URL it would be the next part of the path.
  if (/^https?:\/\/(?:undefined|null)?(?:[/:]|$)/i.test(value))
    throw new InvalidOptionError(option, 'it has no host; is an environment variable missing?');
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return;
  // A URL may hold a password: only what looks like a host and a path is shown.
  const isShown =
    /^(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:\/[\w./-]*)?$/.test(value) &&
    value.length <= 200 &&
    !value.split(/[./]/).some(isKeyLike);
  throw new InvalidOptionError(
    option,
    isShown
      ? `"${value}" is no absolute URL; did you mean "https://${value}"?`
      : `a string of ${value.length} characters is no absolute URL; give one such as "https://host.example/v1".`,
  );
}

const LOGGER = ['error', 'warn', 'info', 'debug'] as const;

/** Throws InvalidOptionError. */
export function checkLogger(option: string, value: unknown): void {
  if (value === undefined || value === null) return;
  const isObject = typeof value === 'object' || typeof value === 'function';
  if (!isObject)
    invalidOption(option, value, 'an object with the functions error, warn, info and debug, such as `console`');
  for (const name of LOGGER) {
    const write: unknown = Reflect.get(value, name);
    if (typeof write !== 'function') invalidOption(`${option}.${name}`, write, 'a function, as `console` has it');
  }
}

/** The SDK allows no other `fetch` than its own with a client certificate, and says itself what is wrong with none at all. */
function closableOptions(options: ClientOptions): ClientOptions {
  if (Reflect.get(options, 'x509Transport') != null) return options;
  const fetch = options.fetch ?? currentFetch();
  return typeof fetch === 'function' ? { ...options, fetch: closable(fetch) } : options;
}

/**
 * The platform's `fetch` as it is at each request, for clients that the router builds: what a test or a tracer puts in
 * its place later counts too. The SDK keeps the one of the moment when it was constructed.
 */
function currentFetch(): Fetch | undefined {
  return typeof globalThis.fetch === 'function' ? (input, init) => globalThis.fetch(input, init) : undefined;
}

/** The options of a router's only client: as given, but for the platform's own `fetch`. */
export function withCurrentFetch(options: ClientOptions): ClientOptions {
  const isGiven = options.fetch != null || options.workloadIdentity != null;
  return isGiven ? options : closableOptions(options);
}

/** By names and not by the SDK's type: its versions differ in which of them they know. */
const hasOtherCredentials = (options: object) => OTHER_CREDENTIALS.some((name) => Reflect.get(options, name) != null);

/** What the environment says of OpenAI's own account (organization, headers, base URL) is not for another's host. */
function withoutEnvironment(options: ClientOptions): OpenAI {
  const hasHostOfItsOwn = options.provider != null || Reflect.get(options, 'dataResidency') != null;
  const client = new OpenAI({
    organization: null,
    project: null,
    ...(options.provider == null && { adminAPIKey: null }),
    ...(!hasHostOfItsOwn && { baseURL: 'https://api.openai.com/v1' }),
    ...options,
  });
  // OPENAI_CUSTOM_HEADERS is read whatever the options say.
  optionsOf(client).defaultHeaders = options.defaultHeaders;
  return client;
}

/** By shape, as an application may have two copies of the SDK. */
function isClient(value: unknown): value is OpenAI {
  return (
    typeof value === 'object' &&
    value !== null &&
    'request' in value &&
    typeof value.request === 'function' &&
    'baseURL' in value &&
    typeof value.baseURL === 'string'
  );
}

/** Azure's client of SDK 6 forgets its own options in `withOptions`. */
export function copyOf(client: OpenAI, options: Partial<ClientOptions>): OpenAI {
  if (!('apiVersion' in client)) return client.withOptions(options);
  const { apiVersion, deploymentName }: { apiVersion?: unknown; deploymentName?: unknown } = client;
  return client.withOptions({ ...options, ...{ apiVersion, deployment: deploymentName } });
}

/**
 * What the router itself passes to the SDK's constructor: the first client's own settings, for what reads them off the
 * client directly (realtime, webhooks, uploads). Requests never use them: each goes through its own client.
 */
export function settingsOf(client: OpenAI): ClientOptions {
  const { baseURL, organization, project, webhookSecret, adminAPIKey, timeout, maxRetries, fetchOptions } = client;
  return {
    // The constructor wants one; `copyCredentials` puts the client's own in its place.
    apiKey: 'none-yet',
    adminAPIKey,
    baseURL,
    organization,
    project,
    webhookSecret,
    timeout,
    maxRetries,
    fetchOptions,
    fetch: fetchOf(client),
    logger: client.logger,
    logLevel: client.logLevel,
    defaultHeaders: optionsOf(client).defaultHeaders,
    defaultQuery: optionsOf(client).defaultQuery,
    dangerouslyAllowBrowser: true,
  };
}
