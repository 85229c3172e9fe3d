import { callOptions, InvalidOptionError, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';
import { OpenAI } from 'openai';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { errorOf } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

const apiKey = 'sk-secret-0123456789';
const baseURL = 'https://a.test/v1';
const base = { clients: { default: { apiKey, baseURL } }, deployments: { a: {} }, routes: { standard: ['a'] } };

function thrownBy(options: object): InvalidOptionError {
  try {
    void new ModelRouter(options as never).close();
  } catch (error) {
    if (error instanceof InvalidOptionError) return error;
    throw error;
  }
  throw new TypeError('Nothing was thrown');
}

describe('an option under another library’s name', () => {
  it.each<[string, object, string]>([
    ['circuitBreaker', {}, '`breaker`'],
    ['retries', {}, '`maxAttempts`'],
    ['maxRetry', {}, '`maxRetries`'],
    ['hedge', {}, '`hedgeAfterMs`'],
    ['fallbackModels', {}, '`fallbacks`'],
    ['models', {}, '`deployments`'],
    ['providers', {}, '`clients`'],
    ['onFallback', {}, "router.on('attempt-failed', listener)"],
    ['scope', {}, '`tenant`'],
    ['retry.retries', { retry: { retries: 3 } }, '`maxAttempts`, beside `retry`'],
    ['breaker.threshold', { breaker: { threshold: 3 } }, '`failures`'],
    ['breaker.resetTimeout', { breaker: { resetTimeout: 3 } }, '`cooldownMs`'],
    ['cache.which', { cache: { which: 'all' } }, '`mode`'],
    ['cache.ttl', { cache: { ttl: 60 } }, '`ttlMs`'],
    ['deployments.a.price.prompt', { deployments: { a: { price: { prompt: 1 } } } }, '`input`'],
    ['deployments.a.prices', { deployments: { a: { prices: { input: 1, output: 2 } } } }, '`price`'],
    [
      'routes.standard.weights',
      { routes: { standard: { deployments: ['a'], weights: { a: 1 } } } },
      "strategy: { by: 'weighted', weights }",
    ],
    ['prices.m.completion', { prices: { m: { completion: 1 } } }, '`output`'],
    ['routes.standard.scope', { routes: { standard: { deployments: ['a'], scope: 'x' } } }, '`tenant`'],
    ['deployments.a.provider', { deployments: { a: { provider: 'default' } } }, '`client`'],
  ])('%s', (option, options, meant) => {
    const error = thrownBy({ ...base, ...(Object.keys(options).length === 0 ? { [option]: {} } : options) });
    expect(error).toMatchObject({ option });
    expect(error.message).toContain(meant);
  });

  it.each(['circuitBreaker', 'models', 'hedge', 'retries', 'fallbackModels'])('for one client too: %s', (option) => {
    expect(thrownBy({ apiKey, [option]: 1 })).toMatchObject({ option });
  });

  it('in a call, and in withOptions', async () => {
    const { router } = build({ a: answer() });
    const body = { model: 'standard', messages: [{ role: 'user' as const, content: 'Hi' }] };
    const call = router.chat.completions.create(body, callOptions({ scope: 'x' } as object));
    expect((await errorOf(call)).message).toBe('scope: there is no such option; did you mean `tenant`?');
    expect(() => router.withOptions({ scope: 'x' } as object)).toThrow('did you mean `tenant`?');
    expect(() => router.withOptions({ overBudget: 'next' } as object)).toThrow("it is called 'skip'");
    expect(() => build({ a: answer() }, { headerOptions: ['scope'] as never })).toThrow("it is called 'tenant'");
    expect(() => router.on('client-set-aside' as never, () => {})).toThrow("it is called 'client-suspended'");
    const view = build({ a: answer() }, { headerOptions: ['tenant'] }).router;
    const old = view.chat.completions.create(body, { headers: { 'X-Router-Scope': 'x' } });
    expect(await errorOf(old)).toMatchObject({ option: 'X-Router-Scope' });
  });

  it('lists a handful of names, not all, if none is similar', () => {
    const { message } = thrownBy({ ...base, xyzzy: 1 });
    expect(message).toMatch(
      /^xyzzy: there is no such option; there are clients, [\w, ]+ and \d+ others: docs\/options.md/,
    );
    expect(message.length).toBeLessThan(200);
  });
});

describe('baseURL and apiKey', () => {
  const names = [
    ...['url', 'api_base', 'apiBase', 'endpoint', 'host', 'basePath', 'base_url', 'baseUrl', 'baseurl', 'BaseURL'],
    ...['BASE_URL', 'baseURI', 'uri', 'server', 'apiUrl', 'api-url', 'azureEndpoint', 'azure_endpoint', 'apiHost'],
  ];

  it.each(names)('are suggested for a misspelt baseURL: %s', (name) => {
    const inClients = thrownBy({ clients: { default: { apiKey, [name]: baseURL } } });
    expect(inClients).toMatchObject({ option: `clients.default.${name}` });
    const alone = thrownBy({ apiKey, [name]: baseURL });
    expect(alone).toMatchObject({ option: name });
    for (const { message } of [inClients, alone]) {
      expect(message).toContain('did you mean `baseURL`?');
      expect(message).not.toContain(apiKey);
    }
  });

  it.each(['apikey', 'api_key', 'token', 'accessToken'])('are suggested for a misspelt apiKey: %s', (name) => {
    for (const options of [{ clients: { default: { [name]: apiKey, baseURL } } }, { [name]: apiKey, baseURL }]) {
      const { message } = thrownBy(options);
      expect(message).toContain('did you mean `apiKey`?');
      expect(message).not.toContain(apiKey);
    }
  });

  it.each<[unknown, string]>([
    ['', 'it is empty, which would mean api.openai.com'],
    ['  ', 'it is empty'],
    ['global-apis.com/v1', '"global-apis.com/v1" is not an absolute URL; did you mean "https://global-apis.com/v1"?'],
    ['/v1', 'a string of 3 characters is not an absolute URL'],
    ['localhost:8000/v1', '"localhost:8000/v1" is not an absolute URL'],
    ['user:password@host/v1', 'a string of 21 characters is not an absolute URL'],
    ['ftp://host/v1', 'a string of 13 characters'],
    ['https:///v1', 'it has no host; is an environment variable missing?'],
    ['https://undefined/v1', 'it has no host'],
    ['http://:8000/v1', 'it has no host'],
    [7, '7 is not allowed'],
  ])('require an absolute URL: not %j', (wrong, message) => {
    for (const [options, option] of [
      [{ clients: { default: { apiKey, baseURL: wrong } } }, 'clients.default.baseURL'],
      [{ apiKey, baseURL: wrong }, 'baseURL'],
    ] as const) {
      const error = thrownBy(options);
      expect(error).toMatchObject({ option });
      expect(error.message).toContain(message);
      expect(error.message).not.toContain('password');
    }
  });

  it('are checked on clients that are passed in, and on views', () => {
    const client = new OpenAI({ apiKey, baseURL: 'global-apis.com/v1' });
    expect(thrownBy({ clients: { default: client } })).toMatchObject({ option: 'clients.default.baseURL' });
    const router = new ModelRouter({ apiKey, baseURL });
    expect(() => router.withOptions({ baseURL: '' })).toThrow('baseURL: it is empty');
  });

  it('allow api.openai.com by its own name, or by none', () => {
    for (const options of [{ apiKey }, { apiKey, baseURL: null }, { apiKey, baseURL: undefined }] as object[]) {
      expect(new ModelRouter(options).baseURL).toBe('https://api.openai.com/v1');
    }
    expect(new ModelRouter({ clients: { default: { apiKey } } }).baseURL).toBe('https://api.openai.com/v1');
  });
});

describe('a class instance in place of a record or a logger', () => {
  class Settings {
    a = {};
  }
  it.each<[string, object]>([
    ['routes', { routes: new Map([['standard', ['a']]]) }],
    ['deployments', { deployments: new Settings() }],
    ['deployments.a', { deployments: { a: new Date(0) } }],
    ['retry', { retry: new Date(0) }],
    ['breaker', { breaker: new Map() }],
    ['cache', { cache: new Map() }],
    ['prices', { prices: new Map() }],
    ['prefixes', { prefixes: new Map() }],
    ['priorities', { priorities: new Map() }],
    ['clients', { clients: new Map([['default', { apiKey }]]) }],
    ['clients.default', { clients: { default: new Settings() } }],
    ['deployments.a.headers', { deployments: { a: { headers: new Map([['x', 'y']]) } } }],
    ['logger', { logger: 5 }],
    ['logger.error', { logger: {} }],
    ['logger.debug', { logger: { error() {}, warn() {}, info() {} } }],
    ['clients.default.logger', { clients: { default: { apiKey, logger: true } } }],
  ])('is refused: %s', (option, options) => {
    expect(thrownBy({ ...base, ...options })).toMatchObject({ option });
  });

  it('is refused for one client and for a view; a logger with its four functions is accepted', () => {
    expect(thrownBy({ apiKey, logger: 5 })).toMatchObject({ option: 'logger' });
    const router = new ModelRouter({ apiKey, logger: console });
    expect(() => router.withOptions({ logger: {} as never })).toThrow('logger.error');
  });
});

describe('the fetch of clients that the router builds', () => {
  afterEach(() => {
    vi.unstubAllGlobals();
  });
  const messages = [{ role: 'user' as const, content: 'Hi' }];

  it.each([
    ['one client', { apiKey, baseURL }],
    ['several', { clients: { default: { apiKey, baseURL } } }],
  ])('is globalThis.fetch at the time of each request: %s', async (_, options) => {
    const router = new ModelRouter(options);
    vi.stubGlobal('fetch', fakeFetch({ unknownModels: answer({ content: 'one' }) }));
    const first = await router.chat.completions.create({ model: 'a', messages });
    vi.stubGlobal('fetch', fakeFetch({ unknownModels: answer({ content: 'two' }) }));
    const second = await router.withOptions({ timeout: 500 }).chat.completions.create({ model: 'a', messages });
    expect([first, second].map(({ choices }) => choices[0]?.message.content)).toEqual(['one', 'two']);
  });

  it('is the application’s own, if set', async () => {
    const fetch = fakeFetch({ unknownModels: answer({ content: 'mine' }) });
    vi.stubGlobal('fetch', fakeFetch({ unknownModels: answer({ content: 'not mine' }) }));
    for (const options of [{ apiKey, fetch }, { clients: { default: { apiKey, fetch } } }]) {
      const { choices } = await new ModelRouter(options).chat.completions.create({ model: 'a', messages });
      expect(choices[0]?.message.content).toBe('mine');
    }
  });
});
