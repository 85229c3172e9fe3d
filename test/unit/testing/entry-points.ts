import OpenAI from 'openai';
import OpenAI6 from 'openai-6';
import { type FakeControls, type FakeOptions, fakeFetch, startFakeProvider } from '../../../src/testing/index.js';

export interface Door extends AsyncDisposable {
  readonly fake: FakeControls;
  readonly client: OpenAI;
  /** A plain request to the same fake. */
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
}

const json = { 'content-type': 'application/json' };

/** A request in the form of `fetch`. */
export function post(body: unknown, init: RequestInit = {}): RequestInit {
  return { method: 'POST', body: JSON.stringify(body), ...init, headers: { ...json, ...init.headers } };
}

export const sdks: Record<'sdk 7' | 'sdk 6', (options: ConstructorParameters<typeof OpenAI>[0]) => OpenAI> = {
  'sdk 7': (options) => new OpenAI(options),
  // The parts of both versions that the tests use are the same; their private members are not.
  'sdk 6': (options) => new OpenAI6(options as ConstructorParameters<typeof OpenAI6>[0]) as unknown as OpenAI,
};

const quiet = { apiKey: 'sk-test', maxRetries: 0, logLevel: 'off' } as const;

/** The same fake behind a socket, and behind a function. */
export const doors: Record<'server' | 'fakeFetch', (options: FakeOptions, sdk?: keyof typeof sdks) => Promise<Door>> = {
  server: async (options, sdk = sdkNames[0]) => {
    const fake = await startFakeProvider(options);
    return {
      fake,
      client: sdks[sdk]({ ...quiet, baseURL: fake.url }),
      fetch: (path, init) => fetch(fake.url + path, init),
      [Symbol.asyncDispose]: () => fake.close(),
    };
  },
  fakeFetch: async (options, sdk = sdkNames[0]) => {
    const fake = fakeFetch(options);
    const baseURL = 'https://provider.test/v1';
    return {
      fake,
      client: sdks[sdk]({ ...quiet, baseURL, fetch: fake }),
      fetch: (path, init) => fake(baseURL + path, init),
      [Symbol.asyncDispose]: () => fake.close(),
    };
  },
};

export const doorNames = ['server', 'fakeFetch'] as const;

/** If the tests run on the older SDK alone, `openai` is that one too. */
const isOlderAlone = (OpenAI as unknown) === OpenAI6;
export const sdkNames = isOlderAlone ? (['sdk 6'] as const) : (['sdk 7', 'sdk 6'] as const);
