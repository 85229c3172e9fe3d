import { ModelRouter, type RouterOptions, type RouterSettings } from 'model-router';
import { type FakeFetch, type FakeFetchOptions, fakeFetch, type Models } from 'model-router/testing';
import type { ClientOptions } from 'openai';
import { onTestFinished } from 'vitest';

type SdkOptions = Pick<
  RouterOptions,
  'timeout' | 'maxRetries' | 'defaultHeaders' | 'defaultQuery' | 'logger' | 'logLevel'
>;

export interface Setup extends RouterSettings, SdkOptions {
  /** Names of clients, or their options in addition to key, URL and fetch. @default ['default'] */
  clients?: readonly string[] | Record<string, ClientOptions>;
  /** More options of the fake behind all clients. */
  fake?: FakeFetchOptions;
}

export interface Built {
  readonly router: ModelRouter;
  readonly fake: FakeFetch;
  /** The models of all requests so far, in order. */
  readonly calledModels: () => (string | undefined)[];
}

/**
 * A router whose deployments are the given models, in order the route `standard`, all of them behind one fake. It has
 * no randomness and no backoff: the same deployment is retried at once. `apiKeyOf` of a request is its client's name.
 */
export function build(models: Models, { fake: more, clients, ...settings }: Setup = {}): Built {
  const names = Array.isArray(models) ? models : Object.keys(models);
  const { fake, clients: built } = fakeClients(clients ?? ['default'], { models, ...more });
  const router = new ModelRouter({
    clients: built,
    deployments: Object.fromEntries(names.map((name) => [name, {}])),
    ...(names.length > 0 && settings.deployments === undefined && { routes: { standard: names } }),
    random: () => 0,
    ...settings,
    retry: { baseMs: 0, ...settings.retry },
  });
  onTestFinished(() => router.close());
  return { router, fake, calledModels: () => fake.requests.map((request) => request.model) };
}

/** Options of clients that share one fake, which records each request with the client's name. */
export function fakeClients(
  clients: readonly string[] | Record<string, ClientOptions>,
  options: FakeFetchOptions,
): { fake: FakeFetch; clients: Record<string, ClientOptions> } {
  const given: [string, ClientOptions][] = isNames(clients)
    ? clients.map((name) => [name, {}])
    : Object.entries(clients);
  const apiKeys = Object.fromEntries(given.map(([name]) => [name, `sk-key-of-${name}`]));
  const fake = fakeFetch({ apiKeys, ...options });
  const optionsOf = (name: string): ClientOptions => ({
    apiKey: apiKeys[name],
    baseURL: `https://${name}.test/v1`,
    fetch: fake,
    logLevel: 'off',
  });
  return { fake, clients: Object.fromEntries(given.map(([name, more]) => [name, { ...optionsOf(name), ...more }])) };
}

function isNames(clients: readonly string[] | Record<string, ClientOptions>): clients is readonly string[] {
  return Array.isArray(clients);
}
