import { InvalidOptionError, ModelRouter } from 'model-router';
import { OpenAI, OpenAIError } from 'openai';
import { afterEach, describe, expect, it, vi } from 'vitest';

const client = { apiKey: 'sk-test', baseURL: 'https://default.test/v1' };
const base = {
  clients: { default: client, pro: client },
  deployments: { a: {}, b: { client: 'pro' } },
  routes: { standard: ['a', 'b'] },
};
const route = (more: object) => ({ routes: { standard: { deployments: ['a'], ...more } } });
const deployment = (more: object) => ({ deployments: { a: more }, routes: {} });

/** The error of `new ModelRouter`. */
function thrownBy(options: unknown): InvalidOptionError {
  try {
    void new ModelRouter(options as ConstructorParameters<typeof ModelRouter>[0]).close();
  } catch (error) {
    if (error instanceof InvalidOptionError) return error;
    throw error;
  }
  throw new TypeError('Nothing was thrown');
}

const ms = 'give milliseconds above 0, at most 2147483647.';
const share = 'give a share from 0 to 1.';
const hedge = "give milliseconds above 0, at most 2147483647, or 'p90', 'p95', 'p99' or false.";
const whole = 'give a whole number of at least 1.';

const budget = (more: object) => ({ budgets: [{ usd: 1, window: 'day', ...more }] });

const priceOf = (price: unknown) => ({ prices: { m: price } });

const wrong: [option: string, options: object, message: string][] = [
  ['clients', { clients: {} }, 'it is empty; give at least one client.'],
  ['budgets', { budgets: { usd: 1 } }, 'an object is not allowed; give an array such as'],
  ['budgets[0]', { budgets: [400] }, '400 is not allowed; give an object such as'],
  ['budgets[0].usd', budget({ usd: 0 }), '0 is not allowed; give US dollars above 0, at most 1000000.'],
  ['budgets[0].usd', budget({ usd: Number.NaN }), 'NaN is not allowed'],
  ['budgets[0].usd', budget({ usd: '400' }), '"400" is not allowed'],
  ['budgets[0].window', budget({ window: 'week' }), '"week" is not allowed; give one of "hour", "day", "month".'],
  ['budgets[0]', budget({ window: undefined }), 'give one of `window` ("hour", "day", "month") and `windowMs`.'],
  ['budgets[0]', budget({ windowMs: 1000 }), 'give one of `window`'],
  ['budgets[0].windowMs', budget({ window: undefined, windowMs: 99 }), '99 is not allowed; give milliseconds, 100 to'],
  ['budgets[0].of', budget({ of: 'scope' }), "now `per` and `route`, which can be combined; give per: 'tenant'."],
  ['budgets[0].of', budget({ of: 'tenant' }), "give per: 'tenant'."],
  ['budgets[0].of', budget({ of: { route: 'standard' } }), 'give route: "standard".'],
  ['budgets[0].of', budget({ of: 'router' }), 'a budget without `per` and `route` is for the whole router.'],
  ['budgets[0].scope', budget({ scope: 'a' }), "per: 'tenant' gives each tenant its own budget"],
  ['budgets[0].per', budget({ per: 'route' }), '"route" is not allowed; give one of "tenant".'],
  ['budgets[0].route', budget({ route: 'premium' }), '"premium" is not allowed; give a route that exists: "standard".'],
  ['tenants', { tenants: 5 }, '5 is not allowed; give an object such as'],
  ['tenants.max', { tenants: { max: 0 } }, '0 is not allowed; give a whole number of tenants'],
  ['tenants.overflow', { tenants: { overflow: 'drop' } }, '"drop" is not allowed; give one of "share", "refuse".'],
  ['budgets[0].usdPerMonth', budget({ usdPerMonth: 4 }), 'there is no such option'],
  ['maxCostUsd', { maxCostUsd: -1 }, '-1 is not allowed; give US dollars, 0 to 1000000.'],
  ['routes.standard.maxCostUsd', route({ maxCostUsd: '1' }), '"1" is not allowed'],
  ['overBudget', { overBudget: 'ask' }, '"ask" is not allowed; give one of "refuse", "skip".'],
  ['unknownPrice', { unknownPrice: true }, 'true is not allowed; give one of "allow", "refuse".'],
  ['deployments.a.maxOutputTokens', deployment({ maxOutputTokens: 0 }), whole],
  ['clients', { clients: [client] }, 'an array is not allowed; give an object of OpenAI clients, or of their options.'],
  ['clients', { clients: 'default' }, 'give an object of OpenAI clients'],
  ['clients.default', { clients: { default: 'sk-test' } }, ' give an OpenAI client, or the options of'],
  ['clients.default', { clients: { default: null } }, 'null is not allowed; give an OpenAI client'],
  ['deployments', { deployments: [{ name: 'a' }] }, 'an array is not allowed; give an object of deployments by name.'],
  ['deployments.a', { deployments: { a: 'default' }, routes: {} }, '"default" is not allowed; give an object such as'],
  ['deployments.a.clint', deployment({ clint: 'pro' }), 'there is no such option; did you mean `client`?'],
  [
    'deployments.a.client',
    deployment({ client: 'eco' }),
    '"eco" is not allowed; give a client that exists: "default", "pro".',
  ],
  ['deployments.a.client', deployment({ client: 3 }), '3 is not allowed; give the name of a client.'],
  ['deployments.a.model', deployment({ model: '' }), '"" is not allowed; give the name of a model.'],
  ['deployments.a.price', deployment({ price: 2 }), '2 is not allowed; give { input, output } in US dollars per'],
  ['deployments.a.price.output', deployment({ price: { input: 1 } }), 'undefined is not allowed; give US dollars per'],
  ['deployments.a.price.input', deployment({ price: { input: -1, output: 1 } }), '-1 is not allowed'],
  ['deployments.a.price.input', deployment({ price: { input: Number.NaN, output: 1 } }), 'NaN is not allowed'],
  ['deployments.a.price.cachedInput', deployment({ price: { input: 1, output: 1, cachedInput: '0' } }), '"0" is not'],
  [
    'deployments.a.price.cached',
    deployment({ price: { input: 1, output: 1, cached: 1 } }),
    'there is no such option; did you mean `cachedInput`?',
  ],
  [
    'deployments.a.price.cacheWrite',
    deployment({ price: { input: 1, output: 1, cacheWrite: -1 } }),
    '-1 is not allowed',
  ],
  ['deployments.a.region', deployment({ region: '' }), '"" is not allowed; give a string that is not empty.'],
  ['deployments.a.contextWindow', deployment({ contextWindow: 0 }), `0 is not allowed; ${whole}`],
  ['deployments.a.contextWindow', deployment({ contextWindow: '128k' }), `"128k" is not allowed; ${whole}`],
  ['deployments.a.capabilities', deployment({ capabilities: ['tools'] }), 'an array is not allowed; give an object of'],
  ['deployments.a.capabilities.tool', deployment({ capabilities: { tool: false } }), 'did you mean `tools`?'],
  ['deployments.a.capabilities.tools', deployment({ capabilities: { tools: 'no' } }), 'give true or false.'],
  ['deployments.a.headers', deployment({ headers: 'x: y' }), '"x: y" is not allowed; give an object of names and'],
  ['deployments.a.headers.x', deployment({ headers: { x: 1 } }), '1 is not allowed; give a string'],
  ['deployments.a.headers.X-Router-Team', deployment({ headers: { 'X-Router-Team': 'a' } }), 'never leave the process'],
  ['deployments.a.streamUsage', deployment({ streamUsage: 'yes' }), '"yes" is not allowed; give true or false.'],
  ['deployments.a.embeddingSpace', deployment({ embeddingSpace: 1 }), '1 is not allowed'],
  ['routes', { routes: 'standard' }, '"standard" is not allowed; give an object of routes by name.'],
  ['routes.auto', { routes: { auto: ['a'] } }, '"auto" is taken: it means the route of the call\'s priority.'],
  ['routes.standard', { routes: { standard: 'a' } }, '"a" is not allowed; give an array of deployments, or {'],
  ['routes.standard.deployments', { routes: { standard: [] } }, 'give at least one deployment.'],
  ['routes.standard.deployments', { routes: { standard: {} } }, 'give at least one deployment.'],
  ['routes.standard.deployments', route({ deployments: 'a' }), '"a" is not allowed; give an array of names'],
  [
    'routes.standard.deployments[1]',
    { routes: { standard: ['a', 'c'] } },
    '"c" is not allowed; give a deployment that exists: "a", "b".',
  ],
  ['routes.standard.deployments[1]', { routes: { standard: ['a', 'a'] } }, '"a" is listed twice.'],
  ['routes.standard.deployments[0]', { routes: { standard: [7] } }, '7 is not allowed'],
  ['routes.a', { routes: { a: ['b'] } }, 'the route must begin with it; it begins with "b".'],
  ['routes.standard.deadline', route({ deadline: 5 }), 'there is no such option; did you mean `deadlineMs`?'],
  ['routes.standard.deadlineMs', route({ deadlineMs: 0 }), `0 is not allowed; ${ms}`],
  ['routes.standard.route', route({ route: 'standard' }), 'there is no such option'],
  [
    'routes.standard.priority',
    route({ priority: 'urgent' }),
    '"urgent" is not allowed; give one of "standard", "premium".',
  ],
  ['fallbacks', { fallbacks: 'a' }, '"a" is not allowed; give an array of names of deployments.'],
  ['fallbacks[0]', { fallbacks: ['standard'] }, '"standard" is not allowed; give a deployment that exists: "a", "b".'],
  ['fallbacks[1]', { fallbacks: ['a', 'a'] }, '"a" is listed twice.'],
  ['prefixes', { prefixes: ['Pro/'] }, 'an array is not allowed; give an object of clients by prefix.'],
  ['prefixes', { prefixes: { '': 'pro' } }, 'give prefixes that are not empty.'],
  ['prefixes.X/.client', { prefixes: { 'X/': 'eco' } }, '"eco" is not allowed; give a client that exists:'],
  ['prefixes.X/.client', { prefixes: { 'X/': {} } }, 'undefined is not allowed; give the name of a client.'],
  [
    'prefixes.X/.premium',
    { prefixes: { 'X/': { client: 'pro', premium: 1 } } },
    '1 is not allowed; give true or false.',
  ],
  ['prefixes.X/.header', { prefixes: { 'X/': { client: 'pro', header: {} } } }, 'did you mean `headers`?'],
  ['priorities', { priorities: ['bulk'] }, 'an array is not allowed; give an object of routes by priority.'],
  ['priorities.bulk', { priorities: { bulk: 'slow' } }, '"slow" is not allowed; give a route that exists: "standard".'],
  ['priorities.bulk', { priorities: { bulk: ['standard'] } }, 'an array is not allowed; give the name of a route.'],
  ['unlistedModels', { unlistedModels: true }, 'true is not allowed; give one of "pass", "refuse".'],
  ['headerOptions', { headerOptions: 'route' }, '"route" is not allowed; give an array.'],
  [
    'headerOptions[0]',
    { headerOptions: ['deadlineMs'] },
    'give one of "priority", "deadline", "cache", "route", "tenant".',
  ],
  ['breaker', { breaker: true }, 'true is not allowed; give an object such as { failures: 5 }, or false.'],
  ['breaker.threshold', { breaker: { threshold: 5 } }, 'there is no such option; did you mean `failures`?'],
  ['breaker.failures', { breaker: { failures: 0 } }, `0 is not allowed; ${whole}`],
  ['breaker.windowMs', { breaker: { windowMs: 9 } }, '9 is not allowed; give milliseconds, 10 to 86400000.'],
  ['breaker.minRate', { breaker: { minRate: 50 } }, `50 is not allowed; ${share}`],
  ['breaker.consecutive', { breaker: { consecutive: 2.5 } }, `2.5 is not allowed; ${whole}`],
  ['breaker.cooldownMs', { breaker: { cooldownMs: Number.POSITIVE_INFINITY } }, `Infinity is not allowed; ${ms}`],
  ['retry', { retry: 3 }, '3 is not allowed; give an object such as { baseMs: 250 }; `maxAttempts` is a number.'],
  ['retry.retries', { retry: { retries: 3 } }, 'there is no such option'],
  ['retry.baseMs', { retry: { baseMs: -1 } }, '-1 is not allowed; give milliseconds, 0 to 600000.'],
  ['retry.maxMs', { retry: { baseMs: 500, maxMs: 499 } }, '499 is not allowed; give milliseconds, from retry.baseMs'],
  ['retry.budget', { retry: { budget: 2 } }, '2 is not allowed; give a share from 0 to 1, or false for no limit.'],
  ['retry.minPerSecond', { retry: { minPerSecond: -1 } }, '-1 is not allowed; give a number from 0 to 100000.'],
  ['slowMs', { slowMs: 0 }, `0 is not allowed; ${ms}`],
  ['random', { random: 0.5 }, '0.5 is not allowed; give a function.'],
  ['priority', { priority: 'bulk' }, '"bulk" is not allowed; give one of "standard", "premium".'],
  ['deadlineMs', { deadlineMs: 2 ** 31 }, `2147483648 is not allowed; ${ms}`],
  ['deadlineMs', { deadlineMs: '10s' }, `"10s" is not allowed; ${ms}`],
  ['attemptTimeoutMs', { attemptTimeoutMs: -5 }, `-5 is not allowed; ${ms}`],
  ['firstChunkTimeoutMs', { firstChunkTimeoutMs: Number.NaN }, `NaN is not allowed; ${ms}`],
  ['chunkTimeoutMs', { chunkTimeoutMs: null }, `null is not allowed; ${ms}`],
  ['hedgeAfterMs', { hedgeAfterMs: 0 }, `0 is not allowed; ${hedge}`],
  ['hedgeAfterMs', { hedgeAfterMs: 'p50' }, `"p50" is not allowed; ${hedge}`],
  ['routes.standard.hedgeAfterMs', route({ hedgeAfterMs: true }), `true is not allowed; ${hedge}`],
  ['maxAttempts', { maxAttempts: 0 }, `0 is not allowed; ${whole}`],
  ['maxAttempts', { maxAttempts: 5n }, `5 is not allowed; ${whole}`],
  ['regions', { regions: 'eu' }, '"eu" is not allowed; give an array of regions.'],
  ['regions', { regions: [] }, 'it is empty; give at least one region, or leave it out to allow all.'],
  ['regions[1]', { regions: ['eu', ''] }, '"" is not allowed'],
  ['timeout', { timeout: 0 }, `0 is not allowed; ${ms}`],
  ['maxRetries', { maxRetries: -1 }, '-1 is not allowed; give a whole number of at least 0.'],
  ['apiKey', { apiKey: 'sk-test' }, 'it belongs to one of `clients`: clients.default.apiKey.'],
  ['baseURL', { baseURL: client.baseURL }, 'it belongs to one of `clients`: clients.default.baseURL.'],
  ['fetch', { fetch }, 'it belongs to one of `clients`: clients.default.fetch.'],
  ['route', { route: 'standard' }, 'there is no such option; did you mean `routes`?'],
  ['deployment', { deployment: {} }, 'there is no such option; did you mean `deployments`?'],
  ['somethingElseAltogether', { somethingElseAltogether: 1 }, 'there is no such option; there are clients, priority, '],
  ['prices', { prices: true }, 'true is not allowed; give a table of prices by model, a function, or false.'],
  ['prices', { prices: [] }, 'an empty array is not allowed; give a table of prices by model'],
  ['prices', { prices: null }, 'null is not allowed; give a table of prices by model'],
  ['prices.m', priceOf(0.25), '0.25 is not allowed; give { input, output } in US dollars per million tokens.'],
  ['prices.m.output', priceOf({ input: 1 }), 'undefined is not allowed; give US dollars per million tokens, 0 to'],
  ['prices.m.audio', priceOf({ input: 1, output: 1, audio: 1 }), 'there is no such option'],
  ['maxOutputTokens', { maxOutputTokens: 100 }, 'it is an option of a deployment: deployments.NAME.maxOutputTokens.'],
  ['price', { price: { input: 1, output: 1 } }, 'it is an option of a deployment: deployments.NAME.price.'],
  ['routes.standard.model', route({ model: 'a' }), 'it is an option of a deployment'],
  ['routes.standard.budgets', route({ budgets: [] }), 'of the constructor: new ModelRouter({ budgets }).'],
  ['routes.standard.timeout', route({ timeout: 5 }), 'it is an option of the SDK: set it next to callOptions'],
  ['routes.standard.timeout', route({ timeout: 5 }), ', or attemptTimeoutMs.'],
  ['routes.standard.deployment', { routes: { standard: { deployment: ['a'] } } }, 'did you mean `deployments`?'],
  ['deployments.a.deadlineMs', deployment({ deadlineMs: 5 }), 'it is an option of a call: give it to the constructor'],
  ...(['deadlineMs', 'maxAttempts', 'budgets', 'breaker', 'cache'] as const).map((key): (typeof wrong)[number] => [
    `clients.default.${key}`,
    { clients: { default: { ...client, [key]: 1 } } },
    'it is an option of the router: set it next to `clients`.',
  ]),
  ...(['price', 'model', 'capabilities'] as const).map((key): (typeof wrong)[number] => [
    `clients.default.${key}`,
    { clients: { default: { ...client, [key]: 1 } } },
    `it is an option of a deployment: deployments.NAME.${key}.`,
  ]),
  ['clients.default.apiKey', { clients: { default: { ...client, apiKey: '' } } }, 'it is empty; is an environment'],
  ['clients.default.apiKey', { clients: { default: { ...client, apiKey: ' \n' } } }, 'it is empty; is an environment'],
  ['clients.default.defaultHeaders', { clients: { default: { ...client, defaultHeaders: 5 } } }, '5 is not allowed'],
  ['defaultHeaders', { defaultHeaders: 'Authorization: Bearer sk-secret' }, 'a string is not allowed'],
  ['prices', { prices: async () => ({ input: 1, output: 1 }) }, 'the function gives a promise'],
  [
    'prices',
    {
      prices: () => {
        throw new Error('no table');
      },
    },
    'the function threw for "a".',
  ],
  ['prices("a").input', { prices: () => ({}) }, 'undefined is not allowed; give US dollars'],
];

describe('the constructor names an invalid option, its value and the allowed values', () => {
  it.each(wrong)('%s: %o', (option, options, message) => {
    const error = thrownBy({ ...base, ...options });
    expect(error).toMatchObject({ name: 'InvalidOptionError', code: 'invalid_option', option });
    expect(error).toBeInstanceOf(OpenAIError);
    expect(error.message).toContain(`${option}: `);
    expect(error.message).toContain(message);
  });

  it('shortens a long value, and never shows the content of an object', () => {
    expect(thrownBy({ ...base, priority: 'x'.repeat(1000) }).message.length).toBeLessThan(200);
    expect(thrownBy({ ...base, deadlineMs: { apiKey: 'sk-secret' } }).message).toContain('an object is not allowed');
  });

  it.each([null, 7, 'sk-test', []])('refuses options that are not an object: %j', (options) => {
    expect(thrownBy(options)).toMatchObject({ option: 'options' });
  });

  it('treats an undefined option as absent', () => {
    const names = ['deployments', 'routes', 'fallbacks', 'breaker', 'retry', 'deadlineMs', 'timeout', 'random'];
    const options = { clients: base.clients, ...Object.fromEntries(names.map((name) => [name, undefined])) };
    expect(() => new ModelRouter(options).close()).not.toThrow();
  });
});

describe('keys', () => {
  afterEach(() => {
    vi.unstubAllEnvs();
  });

  it('a present but undefined key is refused, whatever the environment has', () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-of-another-host');
    const error = thrownBy({ clients: { default: { apiKey: undefined, baseURL: client.baseURL } } });
    expect(error).toMatchObject({ option: 'clients.default.apiKey' });
    expect(error.message).toContain('it is set to undefined; is an environment variable missing?');
  });

  it('the key from the environment is used only for a client with neither key nor URL', () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-from-env');
    expect(thrownBy({ clients: { default: { baseURL: client.baseURL } } }).message).toContain('it is missing');
    const router = new ModelRouter({ clients: { default: {} } });
    expect(router.apiKey).toBe('sk-from-env');
    void router.close();
  });

  it('a client that cannot be built is named', () => {
    vi.stubEnv('OPENAI_API_KEY', undefined);
    expect(thrownBy({ clients: { default: {} } })).toMatchObject({ option: 'clients.default' });
  });

  it.each([
    ['in place of the options of a client', { clients: { default: 'sk-secret-key' } }],
    ['in place of the clients', { clients: 'sk-secret-key' }],
    ['beside the clients', { ...base, apiKey: 'sk-secret-key' }],
  ])('a message never shows a key: %s', (_, options) => {
    expect(thrownBy(options).message).not.toContain('sk-secret-key');
  });
});

describe('a router of one client', () => {
  it('distinguishes its own options from the client’s', () => {
    expect(thrownBy({ ...client, deadlineM: 5 })).toMatchObject({ option: 'deadlineM' });
    expect(thrownBy({ ...client, route: {} })).toMatchObject({ option: 'route' });
    expect(thrownBy({ ...client, deadlineMs: 0 })).toMatchObject({ option: 'deadlineMs' });
  });

  it('leaves to the SDK what the SDK rejects', () => {
    vi.stubEnv('OPENAI_API_KEY', undefined);
    expect(() => new ModelRouter({ baseURL: client.baseURL })).toThrow(OpenAIError);
    expect(() => new OpenAI({ baseURL: client.baseURL })).toThrow(OpenAIError);
    vi.unstubAllEnvs();
  });
});
