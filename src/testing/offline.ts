import type { OpenAI } from 'openai';
import type { ClientSpec, RouterOptions, SingleClientOptions } from '../options/options.js';
import { checkRecord } from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import { answer } from './constructors.js';
import { fakeFetch } from './fake-fetch.js';

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** A placeholder key, because environment variables may be missing in a test. */
const KEY = 'sk-offline';
const BASE_URL = 'https://api.openai.com/v1';
/** Other credentials; some of them would request a token from a server. */
const CREDENTIALS = ['adminAPIKey', 'workloadIdentity', 'x509Transport', 'credential', 'provider', 'dataResidency'];

/**
 * Returns the same options, with every client's `fetch` and credentials replaced: a router built from them reaches no
 * network. Clients that were built already are copied.
 *
 * @default fetch `fakeFetch(answer())`, which answers everything
 * @example
 * const fetch = fakeFetch({ models: { small: fail(503), large: answer({ content: 'Hi' }) } });
 * const router = new ModelRouter(offline(options, fetch));
 */
export function offline<T extends RouterOptions | SingleClientOptions>(options: T, fetch?: Fetch): T {
  const given = fetch ?? fakeFetch(answer());
  return offlineClients(options, () => given);
}

/** The same with a `fetch` for each client, by its name. */
export function offlineClients<T extends RouterOptions | SingleClientOptions>(
  options: T,
  fetchOf: (client: string) => Fetch,
): T {
  checkRecord('offline', options, 'the options of a router');
  if (options.clients === undefined) return { ...options, ...clientOptions(options, fetchOf('default')) };
  const clients = Object.entries(options.clients).map(([name, spec]) => [name, offlineSpec(spec, fetchOf(name))]);
  return { ...options, clients: Object.fromEntries(clients) };
}

function offlineSpec(spec: ClientSpec, fetch: Fetch): unknown {
  if (isClient(spec)) return copyOf(spec, fetch);
  const client: unknown = Reflect.get(spec, 'client');
  // `{ client, maxConcurrent }`: a client with its own limits.
  return isClient(client) ? { ...spec, client: copyOf(client, fetch) } : { ...spec, ...clientOptions(spec, fetch) };
}

function copyOf(client: OpenAI, fetch: Fetch): OpenAI {
  if (!('apiVersion' in client)) return client.withOptions({ apiKey: KEY, fetch });
  // SDK 6's Azure client loses its own options in `withOptions`.
  const { apiVersion, deploymentName }: { apiVersion?: unknown; deploymentName?: unknown } = client;
  return client.withOptions({ fetch, ...{ apiVersion, deployment: deploymentName } });
}

function clientOptions(spec: object, fetch: Fetch): { apiKey: string; baseURL: string; fetch: Fetch } {
  const baseURL: unknown = Reflect.get(spec, 'baseURL');
  const none = Object.fromEntries(CREDENTIALS.filter((key) => key in spec).map((key) => [key, null]));
  return {
    ...none,
    apiKey: KEY,
    baseURL: typeof baseURL === 'string' && baseURL !== '' ? baseURL : BASE_URL,
    fetch,
  };
}

/** By shape, because an application may have two copies of the SDK. */
function isClient(spec: unknown): spec is OpenAI {
  return isRecord(spec) && typeof spec.request === 'function' && typeof spec.withOptions === 'function';
}
