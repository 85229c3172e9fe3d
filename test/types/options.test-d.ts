// The types that the options accept, and those that they reject at compile time.
import {
  callOptions,
  InvalidOptionError,
  ModelRouter,
  type PriceFunction,
  projectCost,
  type RouterOptions,
} from 'model-router';
import { genaiPrices } from 'model-router/genai-prices';
import { simulate } from 'model-router/simulate';
import { expectTrue, type Same } from './same.js';

const clients = { default: { apiKey: 'sk' } };

const all: RouterOptions = {
  clients,
  deployments: {
    small: {
      client: 'default',
      model: 'small-1',
      price: {
        input: 1,
        output: 2,
        cachedInput: 0.5,
        cacheWrite: 1,
        audioInput: 1,
        imageInput: 1,
        audioOutput: 1,
        imageOutput: 1,
      },
      region: 'eu',
      contextWindow: 8000,
      maxOutputTokens: 4096,
      capabilities: { tools: false, vision: false },
      headers: { 'X-Team': 'red' },
      streamUsage: false,
      embeddingSpace: 'space',
    },
  },
  routes: { standard: ['small'], premium: { deployments: ['small'], deadlineMs: 1000, maxAttempts: 1 } },
  fallbacks: ['small'],
  prefixes: { 'Pro/': 'default', 'Max/': { client: 'default', premium: true, headers: { a: 'b' } } },
  priorities: { batch: 'standard' },
  unlistedModels: 'refuse',
  headerOptions: ['priority', 'route'],
  breaker: { failures: 5, windowMs: 1000, minRate: 0, consecutive: Number.POSITIVE_INFINITY, cooldownMs: 1000 },
  retry: { baseMs: 1, maxMs: 2, budget: 0.1 },
  slowMs: 500,
  budgets: [
    { usd: 400, window: 'month' },
    { usd: 5, windowMs: 60_000, per: 'tenant' },
    { usd: 5, window: 'hour', route: 'standard' },
  ],
  unknownPrice: 'allow',
  maxCostUsd: 0.05,
  overBudget: 'skip',
  prices: { small: { input: 1, output: 2 }, large: null },
  random: () => 0.5,
  priority: 'premium',
  deadlineMs: 1000,
  attemptTimeoutMs: 500,
  firstChunkTimeoutMs: 500,
  chunkTimeoutMs: 500,
  maxAttempts: 2,
  hedgeAfterMs: 'p95',
  regions: ['eu'],
  cache: { mode: 'all', ttlMs: 1, staleMs: 1, staleIfErrorMs: 1, toolCalls: true, maxEntries: 1, maxBytes: 1 },
  tenant: 'a',
  maxInputTokens: 8000,
  timeout: 500,
  maxRetries: 1,
  defaultHeaders: { 'X-Team': 'red', 'X-Gone': null },
  defaultQuery: { a: '1', b: undefined },
  logger: console,
  logLevel: 'info',
};
new ModelRouter(all);
new ModelRouter({ clients, breaker: false });
new ModelRouter({ clients, prices: false });
new ModelRouter({ clients, prices: ({ model }) => (model === 'small' ? { input: 1, output: 2 } : undefined) });
new ModelRouter({ clients, prices: genaiPrices({ provider: 'openai', aliases: { mine: 'openai:gpt-4o' } }) });
expectTrue<Same<ReturnType<typeof genaiPrices>, PriceFunction>>();
projectCost({ tokensPerMonth: 5_000_000, models: { small: 0.25, large: { input: 2, output: 10 } } });
// @ts-expect-error prices must be synchronous
new ModelRouter({ clients, prices: async () => ({ input: 1, output: 2 }) });
// @ts-expect-error the built-in table is the default
new ModelRouter({ clients, prices: true });
// @ts-expect-error a projection needs prices
projectCost({ tokensPerMonth: 5_000_000 });

// @ts-expect-error a client's option beside `clients`
new ModelRouter({ clients, apiKey: 'sk' });
// @ts-expect-error a client without options
new ModelRouter({ clients: { default: 'sk' } });
// @ts-expect-error a deployment is not its model
new ModelRouter({ clients, deployments: { small: 'small-1' } });
// @ts-expect-error a deployment has no such option
new ModelRouter({ clients, deployments: { small: { clients: 'default' } } });
// @ts-expect-error a price has two sides
new ModelRouter({ clients, deployments: { small: { price: { input: 1 } } } });
// @ts-expect-error there is no such capability
new ModelRouter({ clients, deployments: { small: { capabilities: { smell: false } } } });
// @ts-expect-error a route has deployments
new ModelRouter({ clients, routes: { standard: { deadlineMs: 1000 } } });
// @ts-expect-error a route lists its deployments
new ModelRouter({ clients, routes: { standard: 'small' } });
// @ts-expect-error an unlisted model passes, or is refused
new ModelRouter({ clients, unlistedModels: 'ignore' });
// @ts-expect-error there is no such option to be given by header
new ModelRouter({ clients, headerOptions: ['maxAttempts'] });
// @ts-expect-error a breaker is on by default
new ModelRouter({ clients, breaker: true });
// @ts-expect-error there is no such level
new ModelRouter({ clients, logLevel: 'verbose' });
// @ts-expect-error milliseconds are numbers
new ModelRouter({ clients, deadlineMs: '1s' });
new ModelRouter({ clients, hedgeAfterMs: false });
// @ts-expect-error half of all calls is no tail
new ModelRouter({ clients, hedgeAfterMs: 'p50' });
// @ts-expect-error there is no default to turn on
new ModelRouter({ clients, hedgeAfterMs: true });
// @ts-expect-error there is no such option
new ModelRouter({ clients, deadline: 1000 });

declare const router: ModelRouter;
router.withOptions({ priority: 'premium', timeout: 1000, defaultHeaders: { a: 'b' }, logLevel: 'off' });
router.withOptions({ apiKey: 'sk' });
// @ts-expect-error a view has the router's routes
router.withOptions({ routes: {} });
router.update({ routes: { chat: ['small'] }, clients, deadlineMs: 5000, logLevel: 'off' });
// @ts-expect-error a running router keeps its store
router.update({ cacheStore: undefined });
// @ts-expect-error a running router keeps its tenants
router.update({ tenants: { max: 5 } });
// @ts-expect-error a fetch is made for one base URL
router.asFetch('https://gateway.test/v1');
// @ts-expect-error the option is called deadlineMs
void router.routeRequest('Hi', { deadline: 1000 });

declare const error: unknown;
if (error instanceof InvalidOptionError) {
  expectTrue<Same<typeof error.code, 'invalid_option'>>();
  expectTrue<Same<typeof error.option, string>>();
}

// A budget has one window.
// @ts-expect-error two of them
new ModelRouter({ clients, budgets: [{ usd: 1, window: 'day', windowMs: 1000 }] });
// @ts-expect-error none
new ModelRouter({ clients, budgets: [{ usd: 1 }] });
// @ts-expect-error there is no such option of a budget
new ModelRouter({ clients, budgets: [{ usd: 1, window: 'day', of: 'x' }] });
// @ts-expect-error neither 'refuse' nor 'next'
new ModelRouter({ clients, overBudget: 'ask' });

// An optional value may be undefined, which is ignored.
const maybe: number | undefined = Math.random() < 2 ? undefined : 5;
callOptions({ deadlineMs: maybe, maxAttempts: maybe, cache: undefined, route: undefined });
new ModelRouter({
  clients,
  deadlineMs: maybe,
  logger: undefined,
  breaker: { failures: maybe },
  retry: { baseMs: maybe },
});
new ModelRouter({ clients, deployments: { small: { contextWindow: maybe, price: undefined } } }).withOptions({
  deadlineMs: maybe,
});
new ModelRouter({ clients, deployments: { small: {} }, routes: { a: { deployments: ['small'], deadlineMs: maybe } } });
void router.routeRequest('Hi', { signal: undefined, deadlineMs: maybe });
router.asFetch({ baseURL: undefined });
void router.check({ deadlineMs: maybe });
router.explain({ model: 'a' }, { priority: undefined, timeout: 5 });
new ModelRouter({
  clients,
  deployments: {
    small: { price: { input: 1, output: 1, cachedInput: maybe, tiers: undefined, longContext: undefined } },
  },
});
void simulate({
  router: () => router,
  traffic: { perSecond: 1, durationMs: 1000, mix: undefined, arrivals: undefined },
  seed: maybe,
  faults: undefined,
  baseline: { timeoutMs: maybe },
  onProgress: undefined,
});
projectCost({ tokensPerMonth: 1, models: { small: 1 }, outputShare: maybe, stages: undefined });
// @ts-expect-error a missing tenant would share all tenants' answers
callOptions({ tenant: undefined });
// @ts-expect-error missing regions would mean all regions
callOptions({ regions: undefined });
