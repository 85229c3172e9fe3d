import type { ClientOptions, OpenAI } from 'openai';
import type { ErrorOutcome } from '../protocol/error-outcomes.js';
import type { CacheStore } from '../state/cache-store.js';
import type { Fleet } from '../state/fleet.js';
import type { StateStore } from '../state/router-state.js';
import type { Logger, LogLevel } from '../telemetry/log.js';
import type { Price } from '../telemetry/record-types.js';
import type { CountTokens } from '../tokens/estimate-input.js';
import type { Capability } from '../types.js';
import type { CallOptions } from './call-options.js';
import type { AcceptFunction, EscalateOptions, ShadowOptions } from './check-judge.js';
import type { StrategyName, StrategyOptions } from './check-strategy.js';
import type { Strategy } from './strategy.js';

export type { CallOptions, SingleCallOptions } from './call-options.js';
export type { CacheOptions } from './check-cache.js';

interface BudgetBase {
  /** US dollars. */
  usd: number;
  /** `'tenant'`: each tenant has its own budget. @default one for all */
  per?: 'tenant' | undefined;
  /** Only calls of this route count. With `per: 'tenant'`: each tenant's calls of the route. @default all calls */
  route?: string | undefined;
}

/**
 * A spend limit: per hour, day or month of the UTC calendar, or over the last `windowMs` milliseconds.
 *
 * @example
 * budgets: [{ usd: 400, window: 'month' }, { usd: 5, window: 'day', per: 'tenant', route: 'chat' }]
 */
export type BudgetOptions = BudgetBase &
  ({ window: 'hour' | 'day' | 'month'; windowMs?: undefined } | { windowMs: number; window?: undefined });

/** An upstream's error, as `classifyError` gets it. */
export interface UpstreamError {
  /** The HTTP status, or the status in an error inside a 200 or a stream; `undefined` if there is none. */
  readonly status: number | undefined;
  /** The first code in the body. */
  readonly code: string | undefined;
  readonly type: string | undefined;
  /** The upstream's own text. It may quote the prompt. */
  readonly message: string;
  readonly headers: Headers;
  /** The deployment's name. */
  readonly deployment: string;
}

/** Returns an error's outcome, or `undefined` to use the router's own. */
export type ClassifyError = (error: UpstreamError) => ErrorOutcome | undefined;

/**
 * How many tenants can have their own budget at a time.
 *
 * @example
 * tenants: { max: 50_000, overflow: 'refuse' }
 */
export interface TenantOptions {
  /** Tenants with spend in the window, for each budget per tenant. @default 10_000 */
  max?: number | undefined;
  /**
   * Further tenants share one budget (`'share'`), or their calls fail with `SpendBudgetExceededError` (`'refuse'`). Use
   * `'refuse'` if tenant names come from outside, so that invented names cannot use up the shared budget.
   * @default 'share'
   */
  overflow?: 'share' | 'refuse' | undefined;
}

/** The argument of a `prices` function. */
export interface PriceQuery {
  /** The upstream's name of the model. */
  model: string;
  /** The `model` of an answer, in a second query if the requested model has no price. */
  servedModel?: string | undefined;
  /**
   * The service tier, in lower case: the requested tier for reservations, the served tier for booking. Absent for the
   * listed price.
   */
  serviceTier?: string | undefined;
  /** A deployment's name; `CLIENT/*` for an unlisted model. */
  deployment: string;
}

/**
 * Returns a price, `undefined` to use the built-in table, or `null` for none. Called once for each model and service
 * tier. If a tier's price equals the price without a tier, the router assumes that the function ignores tiers, and the
 * tier's price is unknown. Return `tiers: { scale: 1 }` if the price really is the same.
 *
 * @example
 * prices: ({ model }) => (model === 'my-model' ? { input: 0.2, output: 0.8 } : undefined)
 */
export interface PriceFunction {
  (query: PriceQuery): Price | null | undefined;
  /** The `priceSource` of records. @default 'prices' */
  readonly version?: string | undefined;
}

/**
 * An `OpenAI` or `AzureOpenAI` client, or the options to build an `OpenAI` client.
 *
 * @example
 * clients: {
 *   default: { apiKey: process.env.GLOBAL_API_KEY, baseURL: 'https://global-apis.com/v1' },
 *   azure: { client: new AzureOpenAI({ apiVersion: '2024-10-21' }), maxConcurrent: 50 },
 * }
 */
export type ClientSpec =
  | OpenAI
  | (ClientOptions & ClientLimits)
  | ({
      /** A client that you have built. */
      client: OpenAI;
    } & ClientLimits);

/** Limits of one client. */
export interface ClientLimits {
  /** Attempts that may run at once, over all deployments of this client. @default no limit */
  maxConcurrent?: number | undefined;
}

/**
 * A service level: a deployment counts attempts, a route counts calls. It does not change routing. The router watches
 * it (`sla-burning`, `sla-recovered`), shows it in `snapshot()` and reports it in `slaReport()`.
 *
 * @example
 * sla: { uptime: 0.999, p99Ms: 500 }
 */
export interface SlaOptions {
  /** The share of calls that must be answered: above 0, below 1. @default none */
  uptime?: number | undefined;
  /** Time within which 99 % of the answers (for streams: the first content) must arrive, in milliseconds. @default none */
  p99Ms?: number | undefined;
  /** The failures that an alarm needs in its long window, so that a few failed calls at night raise no alarm. @default 5 */
  minFailures?: number | undefined;
  /** When a minute counts as downtime. */
  downtime?:
    | {
        /** Attempts counted in the minute. @default 5 */
        minAttempts?: number | undefined;
        /** The share of them that failed, above 0, at most 1. @default 0.5 */
        failedShare?: number | undefined;
      }
    | undefined;
}

/**
 * One place that can answer: a client and a model on it.
 *
 * @example
 * deployments: {
 *   'gpt-4o-mini': { client: 'default' },
 *   eu: { client: 'azure', model: 'gpt-4o-mini', region: 'eu', price: { input: 0.15, output: 0.6 } },
 * }
 */
export interface DeploymentOptions {
  /** A name in `clients`. @default the default client */
  client?: string | undefined;
  /** The upstream's name of the model. @default the deployment's own name */
  model?: string | undefined;
  /** US dollars per million tokens. @default the model's price in `prices`, else in the built-in table; else costs are `null` */
  price?: Price | undefined;
  /** Where it runs, for `regions`. List all regions of a deployment that may run in several; a call must allow all of them. @default unknown */
  region?: string | readonly string[] | undefined;
  /** Time for one attempt, in milliseconds, unless the call sets its own. @default the route's or router's */
  attemptTimeoutMs?: number | undefined;
  /**
   * Converts the body for this provider, such as a renamed parameter. It gets a copy that it may change, and returns the
   * body. @default none
   */
  adapt?: ((body: Record<string, unknown>) => Record<string, unknown>) | undefined;
  /** Tokens. After `context_length_exceeded`, the call fails over only to a larger window. @default unknown */
  contextWindow?: number | undefined;
  /** Tokens. The longest possible answer, for spend limits, if the call sets no limit itself. @default 4096 */
  maxOutputTokens?: number | undefined;
  /** Unsupported capabilities, each `false`. A call that needs one uses another deployment. @default everything is supported */
  capabilities?: Partial<Record<Capability, boolean>> | undefined;
  /** Sent with each request to this deployment. @default none */
  headers?: Record<string, string> | undefined;
  /** Whether it supports `stream_options.include_usage`. @default true */
  streamUsage?: boolean | undefined;
  /** Deployments with the same embedding space return interchangeable vectors. @default the upstream's name of the model */
  embeddingSpace?: string | undefined;
  /** Its share of the traffic under `weighted`, and its size under `least-busy`. 0: only if the others cannot answer. @default 1 */
  weight?: number | undefined;
  /** Attempts that may run at once; a stream counts until its end. Further calls wait in a queue. @default no limit */
  maxConcurrent?: number | undefined;
  /** Calls that may wait in its queue. @default 1000 */
  maxQueue?: number | undefined;
  /** Requests a minute, in this process or its whole `fleet`, with a burst of 10 seconds' worth. @default no limit */
  rpm?: number | undefined;
  /** Tokens a minute, input and output, in this process or its whole `fleet`. @default no limit */
  tpm?: number | undefined;
  /** The service level that its provider promises. @default none */
  sla?: SlaOptions | undefined;
}

/**
 * A name that callers use as `model`: the deployments that serve it, in order, and the options of its calls.
 *
 * @example
 * routes: {
 *   standard: ['gpt-4o-mini', 'eu'],
 *   premium: { deployments: ['eu'], deadlineMs: 10_000, strategy: 'lowest-latency' },
 * }
 */
export interface RouteOptions extends CallOptions {
  /** Names of deployments, in failover order. */
  deployments: readonly string[];
  /** Checks every answer before it is returned; `false` fails over. It gets a copy. @default none */
  accept?: AcceptFunction | undefined;
  /** Sends the call to the next deployment too if an answer is unsure. @default none */
  escalate?: EscalateOptions | undefined;
  /** Sends a share of the calls to another deployment too, for comparison. @default none */
  shadow?: ShadowOptions | undefined;
  /** How the deployments are ordered; the result is also the failover order. @default 'priority', the listed order */
  strategy?: StrategyName | StrategyOptions | Strategy | undefined;
  /** How this route's calls are retried; missing fields come from the router's `retry`. @default the router's */
  retry?: RetryOptions | undefined;
  /** The service level that you promise your callers. @default none */
  sla?: SlaOptions | undefined;
}

/** A prefix of model names that chooses a client. */
export interface PrefixOptions {
  /** A name in `clients`. */
  client: string;
  /** Sends calls with `X-Request-Priority: high`. @default false */
  premium?: boolean | undefined;
  /** Sent with each call that this prefix matches. @default none */
  headers?: Record<string, string> | undefined;
}

/**
 * When a failing deployment gets no more traffic.
 *
 * @example
 * breaker: { failures: 5, windowMs: 10_000, minRate: 0.5, cooldownMs: 10_000 }
 * @example
 * breaker: { minRate: 0, consecutive: Infinity }   // plain "5 failures in 10 s"
 */
export interface BreakerOptions {
  /** Failures within `windowMs` that open the breaker, if they are at least `minRate` of the attempts. @default 5 */
  failures?: number | undefined;
  /** The window of `failures` and `minRate`, in milliseconds, 10 or more. @default 10_000 */
  windowMs?: number | undefined;
  /** The lowest share of failures within the window that opens, 0 to 1. With 0, `failures` alone decides. @default 0.5 */
  minRate?: number | undefined;
  /**
   * Also opens at this many failures in a row that span at least one second, regardless of the share. A success that
   * ended after an attempt began resets the row. `Infinity` turns this off; 1 opens at the first failure. @default 5
   */
  consecutive?: number | undefined;
  /** Milliseconds until the breaker allows one probe; shortened by up to 20 % at random. @default 10_000 */
  cooldownMs?: number | undefined;
}

/**
 * How the same deployment is retried. It does not limit failover to another deployment.
 *
 * @example
 * retry: { baseMs: 100, maxMs: 2000 }            // shorter waits
 * @example
 * retry: { budget: 0, minPerSecond: 0 }          // no retry of the same deployment, and no hedge
 */
export interface RetryOptions {
  /** Milliseconds. The wait before retry n (from 0) is a random time between half and all of `min(maxMs, baseMs * 2 ** n)`. @default 250 */
  baseMs?: number | undefined;
  /** The longest wait in milliseconds. @default 8000 */
  maxMs?: number | undefined;
  /**
   * Retries and hedges within 10 s, as a share (0 to 1) of the calls, in addition to `minPerSecond`. Successful retries
   * do not count. `false`: no limit. @default 0.2
   */
  budget?: number | false | undefined;
  /** Retries and hedges per second that are always allowed. @default 10 */
  minPerSecond?: number | undefined;
}

/** Options that `headerOptions` can allow callers to set by header. */
export type HeaderOption = 'priority' | 'deadline' | 'cache' | 'route' | 'tenant';

/** All options of a router except its clients. */
export interface RouterSettings extends CallOptions {
  /** The places that can answer, by name. @default none: every model is passed on under its name */
  deployments?: Record<string, DeploymentOptions> | undefined;
  /** Names that callers use as `model`, and the deployments that serve each, in order. @default none */
  routes?: Record<string, readonly string[] | RouteOptions> | undefined;
  /** Where to fail over from a deployment that the call names itself, or from an unlisted model. @default [] */
  fallbacks?: readonly string[] | undefined;
  /** Prefixes of unlisted models, and the client of each. @default { 'Pro/': { client: 'pro', premium: true, headers: { 'X-Capacity-Guarantee': 'dedicated' } } } if a client `pro` exists */
  prefixes?: Record<string, string | PrefixOptions> | undefined;
  /** The route of each priority, for `model: 'auto'`. @default { standard: 'standard', premium: 'premium' } */
  priorities?: Record<string, string> | undefined;
  /** Whether a model that is neither a route nor a deployment is passed on unchanged. @default 'pass' */
  unlistedModels?: 'pass' | 'refuse' | undefined;
  /** Options that callers may set by header. @default ['priority', 'deadline', 'cache'] */
  headerOptions?: readonly HeaderOption[] | undefined;
  /** When a failing deployment gets no more traffic; `false`: never. @default on */
  breaker?: BreakerOptions | false | undefined;
  /** How the same deployment is retried; a route can have its own. @default on */
  retry?: RetryOptions | undefined;
  /** Spend limits. A call that could cost more than is left is refused before anything is sent. @default none */
  budgets?: readonly BudgetOptions[] | undefined;
  /**
   * How many tenants have their own budgets, and what happens to the others. @default { max: 10_000, overflow: 'share'
   * }
   */
  tenants?: TenantOptions | undefined;
  /** Whether calls under a spend limit may use deployments of unknown price. @default 'refuse' */
  unknownPrice?: 'allow' | 'refuse' | undefined;
  /** Milliseconds. A slower attempt is logged and counted, and emits `attempt-slow`. @default 500 */
  slowMs?: number | undefined;
  /** Where answers are cached instead of the router's memory. It bounds its own size: `maxEntries` and `maxBytes` are then errors. @default memory */
  cacheStore?: CacheStore | undefined;
  /**
   * Stores service levels and what budgets have spent across restarts: `fileState(directory)` from `model-router/node`,
   * or your own store. @default nowhere
   */
  state?: StateStore | undefined;
  /**
   * Shares budgets, rates and pauses between processes: `redisFleet(client, { name })` from `model-router/redis`.
   * @default none: each process has its own budgets
   */
  fleet?: Fleet | undefined;
  /**
   * Whether equal calls in flight share one upstream call. Turn it off if one request must not wait for another's I/O.
   * @default true, but false on Cloudflare Workers
   */
  shareInFlight?: boolean | undefined;
  /**
   * Prices of models whose deployment sets none, by the upstream's name of the model, or a function. The router looks
   * up missing models in its small, dated table. `false` turns both off. @default the built-in table
   */
  prices?: Readonly<Record<string, Price | null>> | PriceFunction | false | undefined;
  /**
   * Counts the tokens of a text instead of the router's estimate, if a limit needs the count. It runs on the event
   * loop, once for each model that the call may be sent to. If it throws or returns `undefined`, the router estimates.
   * @default the router's estimate
   */
  countTokens?: CountTokens | undefined;
  /**
   * Classifies an upstream's error before the router does: return an outcome, or `undefined` to use the router's own.
   * Also called for errors inside a 200 or a stream. If it throws or returns anything else, the router ignores it and
   * warns once. @default none
   * @example ({ code }) => (code === 'E_MAINTENANCE' ? 'server-error' : undefined)
   */
  classifyError?: ClassifyError | undefined;
  /** The only source of randomness: returns 0 up to 1. @default Math.random */
  random?: (() => number) | undefined;
}

/** Options of a router over several clients. The client `default`, else the first, gets all requests that are not routed. */
export interface RouterOptions extends RouterSettings {
  /** The accounts, by name: `OpenAI` or `AzureOpenAI` clients, or the options to build one. `default`, else the first, gets all requests that are not routed. */
  clients: Record<string, ClientSpec>;
  /** The SDK's own option: time for one attempt in milliseconds, like `attemptTimeoutMs`. @default none */
  timeout?: number | undefined;
  /** The SDK's own option, equal to `maxAttempts - 1`. @default 2 */
  maxRetries?: number | undefined;
  /** Headers sent with each call. @default none */
  defaultHeaders?: ClientOptions['defaultHeaders'] | undefined;
  /** Query parameters sent with each call. @default none */
  defaultQuery?: ClientOptions['defaultQuery'] | undefined;
  /** Where the router logs, in the SDK's shape. @default console */
  logger?: Logger | undefined;
  /** The lowest level that is logged. The router writes one line per call at `info`. @default 'warn' */
  logLevel?: LogLevel | undefined;
}

/** Options of a router over one client: that client's own options, and the router's. */
export type SingleClientOptions = ClientOptions & RouterSettings & { clients?: undefined };

/** Options that a running router cannot change. */
export type FixedOption = 'cacheStore' | 'fleet' | 'random' | 'shareInFlight' | 'state' | 'tenants';

/** The options of `update`. */
export type UpdateOptions = Partial<Omit<RouterOptions, FixedOption>>;

/** The options of `withOptions`. Account options (`apiKey`, `baseURL`) are allowed only if the router has a single client. */
export type ViewOptions = Partial<ClientOptions> & CallOptions;
