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

/** Ways to authenticate without a key. */
const OTHER_CREDENTIALS = ['adminAPIKey', 'workloadIdentity', 'credential', 'provider'] as const;

/** The options of the SDK's constructor, to distinguish a misspelt option from a newer one. */
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

/** The clients of a router by name, and `maxConcurrent` by name for those that set it. */
export interface BuiltClients {
  readonly clients: Map<string, OpenAI>;
  readonly limits: Map<string, number>;
}

/** Builds clients from options. Throws InvalidOptionError. */
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

/** Separates the router's limits from the SDK's options. */
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
      throw new InvalidOptionError(`${path}.${key}`, 'it is set to undefined; is an environment variable missing?');
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
    // A name that resembles no known one may belong to a newer version.
    if (meant !== undefined) unknownOption(path, key, CLIENT_KEYS);
  }
  if (typeof options.apiKey === 'string' && options.apiKey.trim() === '')
    throw new InvalidOptionError(
      `${path}.apiKey`,
      'it is empty; is an environment variable missing? If the server needs no key, give any text.',
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

/** The SDK accepts headers of any shape, and reports a wrong one only at the first call, as not iterable. */
export function checkHeaderBag(option: string, value: unknown): void {
  if (value === undefined || value === null || typeof value === 'object') return;
  const what = 'an object of names and values, or Headers';
  // It may contain a key, so it is not shown.
  if (typeof value === 'string') throw new InvalidOptionError(option, `a string is not allowed; give ${what}.`);
  invalidOption(option, value, what);
}

/**
 * A client's key goes to its base URL. To the SDK, an empty URL means api.openai.com, and a relative one fails at the
 * first call. `null` means api.openai.com explicitly. Throws InvalidOptionError.
 */
export function checkBaseURL(option: string, value: unknown): void {
  if (value === undefined || value === null) return;
  if (typeof value !== 'string') invalidOption(option, value, 'an absolute URL, as a string');
  if (value.trim() === '')
    throw new InvalidOptionError(
      option,
      'it is empty, which would mean api.openai.com; is an environment variable missing?',
    );
  // `https://${HOST}/v1` without a HOST: a URL parser would use the next part of the path as the host.
  if (/^https?:\/\/(?:undefined|null)?(?:[/:]|$)/i.test(value))
    throw new InvalidOptionError(option, 'it has no host; is an environment variable missing?');
  if (URL.canParse(value) && /^https?:$/.test(new URL(value).protocol)) return;
  // A URL may contain a password, so only what looks like a host and a path is shown.
  const isShown =
    /^(?:localhost|[\w-]+(?:\.[\w-]+)+)(?::\d+)?(?:\/[\w./-]*)?$/.test(value) &&
    value.length <= 200 &&
    !value.split(/[./]/).some(isKeyLike);
  throw new InvalidOptionError(
    option,
    isShown
      ? `"${value}" is not an absolute URL; did you mean "https://${value}"?`
      : `a string of ${value.length} characters is not an absolute URL; give one such as "https://host.example/v1".`,
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

/**
 * With a client certificate the SDK allows no other `fetch` than its own. Without any `fetch` it throws its own error.
 */
function closableOptions(options: ClientOptions): ClientOptions {
  if (Reflect.get(options, 'x509Transport') != null) return options;
  const fetch = options.fetch ?? currentFetch();
  return typeof fetch === 'function' ? { ...options, fetch: closable(fetch) } : options;
}

/**
 * The platform's `fetch` at the time of each request, for clients that the router builds, so that a replacement by a
 * test or a tracer takes effect. The SDK stores the `fetch` of the time when it was constructed.
 */
function currentFetch(): Fetch | undefined {
  return typeof globalThis.fetch === 'function' ? (input, init) => globalThis.fetch(input, init) : undefined;
}

/** The options of a router's only client, unchanged except for the platform's own `fetch`. */
export function withCurrentFetch(options: ClientOptions): ClientOptions {
  const isGiven = options.fetch != null || options.workloadIdentity != null;
  return isGiven ? options : closableOptions(options);
}

/** By names instead of the SDK's type, because its versions support different ones. */
const hasOtherCredentials = (options: object) => OTHER_CREDENTIALS.some((name) => Reflect.get(options, name) != null);

/**
 * The environment's settings for OpenAI's own account (organization, headers, base URL) must not be used for another
 * host.
 */
function withoutEnvironment(options: ClientOptions): OpenAI {
  const hasHostOfItsOwn = options.provider != null || Reflect.get(options, 'dataResidency') != null;
  const client = new OpenAI({
    organization: null,
    project: null,
    ...(options.provider == null && { adminAPIKey: null }),
    ...(!hasHostOfItsOwn && { baseURL: 'https://api.openai.com/v1' }),
    ...options,
  });
  // The SDK reads OPENAI_CUSTOM_HEADERS regardless of the options.
  optionsOf(client).defaultHeaders = options.defaultHeaders;
  return client;
}

/** By shape, because an application may have two copies of the SDK. */
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

/** SDK 6's Azure client loses its own options in `withOptions`. */
export function copyOf(client: OpenAI, options: Partial<ClientOptions>): OpenAI {
  if (!('apiVersion' in client)) return client.withOptions(options);
  const { apiVersion, deploymentName }: { apiVersion?: unknown; deploymentName?: unknown } = client;
  return client.withOptions({ ...options, ...{ apiVersion, deployment: deploymentName } });
}

/**
 * Options for the SDK's constructor of the router itself: the first client's own settings, for code that reads them
 * from the client directly (realtime, webhooks, uploads). Requests never use them: each goes through its own client.
 */
export function constructorOptionsOf(client: OpenAI): ClientOptions {
  const { baseURL, organization, project, webhookSecret, adminAPIKey, timeout, maxRetries, fetchOptions } = client;
  return {
    // The constructor requires a key; `copyCredentials` replaces it with the client's own.
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
