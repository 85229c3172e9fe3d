import { InvalidOptionError } from '../errors.js';
import { checkPrices, type PriceSource } from '../prices/check-price.js';
import type { CacheStore } from '../state/cache-store.js';
import type { BreakerSettings } from '../state/circuit-breaker.js';
import type { Fleet } from '../state/fleet.js';
import type { CacheSize } from '../state/memory-store.js';
import type { StateStore } from '../state/router-state.js';
import type { Budget, TenantLimit } from '../state/spend-account.js';
import type { CountTokens } from '../tokens/estimate-input.js';
import {
  checkFunction,
  checkKeys,
  checkMs,
  checkNumber,
  checkOneOf,
  checkRecord,
  checkString,
  checkStrings,
  checkWhole,
  invalidOption,
  show,
} from '../util/check.js';
import type { Filled } from '../util/filled.js';
import { isRecord } from '../util/is-record.js';
import { pick } from '../util/pick.js';
import { safeRandom } from '../util/safe-random.js';
import { CALL_KEYS, type CallOptions } from './call-options.js';
import { checkBudgets, checkTenants } from './check-budgets.js';
import { cacheSizeOf, checkShareInFlight, checkStore, checkUnsized, OWN_STORE } from './check-cache.js';
import { checkCall, checkPresent } from './check-call.js';
import { checkDeployments, checkHeaders, type DeploymentConfig } from './check-deployments.js';
import { checkAccept, checkEscalate, checkShadow, type EscalateConfig, type ShadowConfig } from './check-judge.js';
import { checkName, checkNames } from './check-names.js';
import { checkSla, type SlaConfig } from './check-sla.js';
import { checkStrategy, type StrategyConfig } from './check-strategy.js';
import { checkPlaces } from './option-places.js';
import type {
  BreakerOptions,
  ClassifyError,
  HeaderOption,
  PrefixOptions,
  RetryOptions,
  RouteOptions,
  RouterSettings,
} from './options.js';

const HEADER_OPTIONS = ['priority', 'deadline', 'cache', 'route', 'tenant'] as const satisfies readonly HeaderOption[];

/** The checked options of a router, with defaults filled in. */
export interface RouterConfig {
  readonly clientNames: readonly string[];
  readonly defaultClient: string;
  /** `maxConcurrent` by client; clients without a limit are missing. */
  readonly clientLimits: ReadonlyMap<string, number>;
  readonly deployments: ReadonlyMap<string, DeploymentConfig>;
  readonly routes: ReadonlyMap<string, RouteConfig>;
  readonly fallbacks: readonly string[];
  readonly prefixes: readonly Prefix[];
  /** The route of each priority. A default priority has a route only if that route exists. */
  readonly priorities: ReadonlyMap<string, string | undefined>;
  readonly unlistedModels: 'pass' | 'refuse';
  readonly headerOptions: ReadonlySet<HeaderOption>;
  readonly breaker: BreakerSettings | undefined;
  readonly retry: Readonly<Filled<RetryOptions>>;
  readonly budgets: readonly Budget[];
  readonly tenants: TenantLimit;
  readonly unknownPrice: 'allow' | 'refuse';
  readonly slowMs: number;
  /** How often slow attempts at a deployment are logged, in milliseconds. */
  readonly slowLogMs: number;
  readonly cacheStore: CacheStore | undefined;
  readonly state: StateStore | undefined;
  readonly fleet: Fleet | undefined;
  /** The limits of the router's own store. */
  readonly cacheSize: CacheSize;
  readonly shareInFlight: boolean;
  readonly prices: PriceSource;
  readonly countTokens: CountTokens | undefined;
  readonly classifyError: ClassifyError | undefined;
  readonly random: () => number;
  readonly options: CallOptions;
}

/** One route, checked. */
export interface RouteConfig {
  readonly deployments: readonly string[];
  readonly options: CallOptions;
  /** `undefined` for the listed order. */
  readonly strategy: StrategyConfig | undefined;
  readonly accept: ReturnType<typeof checkAccept>;
  readonly escalate: EscalateConfig | undefined;
  readonly shadow: ShadowConfig | undefined;
  readonly retry: Readonly<Filled<RetryOptions>>;
  readonly sla: SlaConfig | undefined;
}

export interface Prefix extends Readonly<Filled<PrefixOptions>> {
  readonly prefix: string;
}

/** Checks everything that can be checked before the first call. Throws InvalidOptionError. */
export function checkRouter(
  settings: RouterSettings,
  clientNames: readonly string[],
  clientLimits: ReadonlyMap<string, number> = new Map(),
): RouterConfig {
  checkPresent('', settings);
  const clients = new Set(clientNames);
  const defaultClient = clients.has('default')
    ? 'default'
    : (clientNames[0] ?? invalidOption('clients', {}, 'at least one client'));
  const deployments = checkDeployments(settings.deployments, clients, defaultClient);
  const retry = checkRetry('retry', settings.retry);
  const routes = checkRoutes(settings.routes, deployments, retry);
  const priorities = checkPriorities(settings.priorities, routes);
  const config: RouterConfig = {
    clientNames,
    defaultClient,
    clientLimits,
    deployments,
    routes,
    fallbacks:
      settings.fallbacks === undefined ? [] : checkNames('fallbacks', settings.fallbacks, deployments, 'deployment'),
    prefixes: checkPrefixes(settings.prefixes, clients),
    priorities,
    unlistedModels: checkOneOf('unlistedModels', settings.unlistedModels ?? 'pass', ['pass', 'refuse']),
    headerOptions: checkHeaderOptions(settings.headerOptions),
    breaker: checkBreaker(settings.breaker),
    retry,
    budgets: checkBudgets(settings.budgets, [...routes.keys()]),
    tenants: checkTenants(settings.tenants),
    unknownPrice: checkOneOf('unknownPrice', settings.unknownPrice ?? 'refuse', ['allow', 'refuse']),
    slowMs: settings.slowMs === undefined ? 500 : checkMs('slowMs', settings.slowMs),
    // The default is too low for many models, and must not flood a log.
    slowLogMs: settings.slowMs === undefined ? 3_600_000 : 60_000,
    cacheStore: checkStore(settings.cacheStore),
    state: checkStateStore(settings.state),
    fleet: checkFleet(settings.fleet),
    cacheSize: cacheSizeOf([settings, ...[...routes.values()].map(({ options }) => options)]),
    shareInFlight: checkShareInFlight(settings.shareInFlight),
    prices: checkPrices(settings.prices),
    countTokens: settings.countTokens,
    classifyError: settings.classifyError,
    random: checkRandom(settings.random),
    options: checkCall('', pick(settings, CALL_KEYS), priorities),
  };
  if (config.countTokens !== undefined) checkFunction('countTokens', config.countTokens);
  if (config.classifyError !== undefined) checkFunction('classifyError', config.classifyError);
  for (const [name, route] of routes) checkCall(`routes.${name}`, route.options, priorities);
  if (config.cacheStore !== undefined) {
    checkUnsized('cache', settings.cache, OWN_STORE);
    for (const [name, { options }] of routes) checkUnsized(`routes.${name}.cache`, options.cache, OWN_STORE);
  }
  return config;
}

function checkStateStore(value: unknown): StateStore | undefined {
  if (value === undefined) return undefined;
  const what = 'what fileState(directory) of model-router/node returns, or an object with load, save and append';
  const store = isRecord(value) ? value : invalidOption('state', value, what);
  for (const name of ['load', 'save', 'append'])
    if (typeof store[name] !== 'function') invalidOption(`state.${name}`, store[name], 'a function');
  return value as unknown as StateStore;
}

function checkFleet(fleet: RouterSettings['fleet']): Fleet | undefined {
  if (fleet === undefined) return undefined;
  const what = "what redisFleet(client, { name: 'checkout-prod' }) of model-router/redis returns";
  const given: unknown = fleet;
  if (!isRecord(given) || typeof given.connect !== 'function') invalidOption('fleet', given, what);
  return fleet;
}

function checkRandom(random: RouterSettings['random']): () => number {
  if (random === undefined) return Math.random;
  checkFunction('random', random);
  return safeRandom(random);
}

function checkRoutes(
  routes: unknown,
  deployments: ReadonlyMap<string, DeploymentConfig>,
  retry: RouterConfig['retry'],
): RouterConfig['routes'] {
  const checked = new Map<string, RouteConfig>();
  if (routes === undefined) return checked;
  for (const [name, value] of Object.entries(checkRecord('routes', routes, 'an object of routes by name'))) {
    const path = `routes.${name}`;
    if (name === 'auto')
      throw new InvalidOptionError(path, '"auto" is taken: it means the route of the call\'s priority.');
    const {
      deployments: names,
      strategy,
      accept,
      escalate,
      shadow,
      ...options
    }: RouteOptions = Array.isArray(value)
      ? { deployments: value }
      : { deployments: [], ...checkRecord(path, value, 'an array of deployments, or { deployments, ... }') };
    checkPlaces(path, options, [
      ...CALL_KEYS,
      'deployments',
      'strategy',
      'accept',
      'escalate',
      'shadow',
      'retry',
      'sla',
    ]);
    checkNames(`${path}.deployments`, names, deployments, 'deployment');
    if (names.length === 0)
      throw new InvalidOptionError(`${path}.deployments`, 'it is empty; give at least one deployment.');
    if (deployments.has(name) && names[0] !== name) {
      throw new InvalidOptionError(
        path,
        `a deployment has the same name, so the route must begin with it; it begins with ${show(names[0])}.`,
      );
    }
    checkPresent(path, options);
    // Only a strategy reads weights.
    const weighted = strategy === undefined ? [] : names;
    const weights = new Map(weighted.map((each) => [each, deployments.get(each)?.weight ?? 1]));
    checked.set(name, {
      deployments: [...names],
      options: pick(options, CALL_KEYS),
      strategy: checkStrategy(`${path}.strategy`, strategy, name, weights),
      accept: checkAccept(`${path}.accept`, accept),
      escalate: checkEscalate(`${path}.escalate`, escalate),
      shadow: checkShadow(`${path}.shadow`, shadow, deployments),
      retry: checkRetry(`${path}.retry`, options.retry, retry),
      sla: checkSla(`${path}.sla`, options.sla),
    });
  }
  return checked;
}

function checkPriorities(priorities: unknown, routes: RouterConfig['routes']): RouterConfig['priorities'] {
  const orNone = (route: string) => (routes.has(route) ? route : undefined);
  const checked = new Map([
    ['standard', orNone('standard')],
    ['premium', orNone('premium')],
  ]);
  if (priorities === undefined) return checked;
  for (const [priority, route] of Object.entries(
    checkRecord('priorities', priorities, 'an object of routes by priority'),
  )) {
    const path = `priorities.${priority}`;
    checked.set(priority, checkName(path, checkString(path, route, 'the name of a route'), routes, 'route'));
  }
  return checked;
}

function checkPrefixes(prefixes: unknown, clientNames: ReadonlySet<string>): Prefix[] {
  if (prefixes === undefined) {
    if (!clientNames.has('pro')) return [];
    return [{ prefix: 'Pro/', client: 'pro', premium: true, headers: { 'X-Capacity-Guarantee': 'dedicated' } }];
  }
  return (
    Object.entries(checkRecord('prefixes', prefixes, 'an object of clients by prefix'))
      .map(([prefix, value]) => {
        const path = `prefixes.${prefix}`;
        checkString('prefixes', prefix, 'prefixes that are not empty');
        const given: Partial<PrefixOptions> =
          typeof value === 'string'
            ? { client: value }
            : checkRecord(path, value, 'a client, or { client, premium, headers }');
        checkKeys(path, given, ['client', 'premium', 'headers']);
        const { premium = false, headers = {} } = given;
        if (typeof premium !== 'boolean') invalidOption(`${path}.premium`, premium, 'true or false');
        checkHeaders(`${path}.headers`, headers);
        return { prefix, client: checkName(`${path}.client`, given.client, clientNames, 'client'), premium, headers };
      })
      // The longest prefix is the most specific.
      .sort((a, b) => b.prefix.length - a.prefix.length)
  );
}

function checkBreaker(breaker: unknown): BreakerSettings | undefined {
  if (breaker === false) return undefined;
  const given: BreakerOptions =
    breaker === undefined ? {} : checkRecord('breaker', breaker, 'an object such as { failures: 5 }, or false');
  checkKeys('breaker', given, ['failures', 'windowMs', 'minRate', 'consecutive', 'cooldownMs']);
  const { failures = 5, windowMs = 10_000, minRate = 0.5, consecutive = 5, cooldownMs = 10_000 } = given;
  if (consecutive !== Number.POSITIVE_INFINITY) checkWhole('breaker.consecutive', consecutive, 1);
  return {
    failures: checkWhole('breaker.failures', failures, 1),
    windowMs: checkNumber('breaker.windowMs', windowMs, {
      least: 10,
      most: 86_400_000,
      what: 'milliseconds, 10 to 86400000',
    }),
    minRate: checkNumber('breaker.minRate', minRate, { least: 0, most: 1, what: 'a share from 0 to 1' }),
    consecutive,
    cooldownMs: checkMs('breaker.cooldownMs', cooldownMs),
  };
}

function checkRetry(
  path: string,
  retry: unknown,
  defaults: Readonly<Filled<RetryOptions>> = { baseMs: 250, maxMs: 8000, budget: 0.2, minPerSecond: 10 },
): Readonly<Filled<RetryOptions>> {
  const given: RetryOptions =
    retry === undefined ? {} : checkRecord(path, retry, 'an object such as { baseMs: 250 }; `maxAttempts` is a number');
  checkKeys(path, given, ['baseMs', 'maxMs', 'budget', 'minPerSecond']);
  const { baseMs = defaults.baseMs, budget = defaults.budget, minPerSecond = defaults.minPerSecond } = given;
  const { maxMs = defaults.maxMs } = given;
  checkNumber(`${path}.baseMs`, baseMs, { least: 0, most: 600_000, what: 'milliseconds, 0 to 600000' });
  checkNumber(`${path}.maxMs`, maxMs, {
    least: baseMs,
    most: 600_000,
    what: `milliseconds, from ${path}.baseMs to 600000`,
  });
  if (budget !== false)
    checkNumber(`${path}.budget`, budget, { least: 0, most: 1, what: 'a share from 0 to 1, or false for no limit' });
  checkNumber(`${path}.minPerSecond`, minPerSecond, { least: 0, most: 100_000, what: 'a number from 0 to 100000' });
  return { baseMs, maxMs, budget, minPerSecond };
}

function checkHeaderOptions(value: unknown): Set<HeaderOption> {
  if (value === undefined) return new Set(['priority', 'deadline', 'cache']);
  const names = checkStrings('headerOptions', value, 'an array');
  return new Set(names.map((name, i) => checkOneOf(`headerOptions[${i}]`, name, HEADER_OPTIONS)));
}
