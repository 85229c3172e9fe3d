import type { ClientOptions, OpenAI } from 'openai';
import type { Strategy } from '../plan/order/strategy.js';
import type { ErrorOutcome } from '../protocol/error-outcomes.js';
import type { CacheStore } from '../state/cache-store.js';
import type { StateStore } from '../state/router-state.js';
import type { Logger, LogLevel } from '../telemetry/log.js';
import type { Price } from '../telemetry/record-types.js';
import type { CountTokens } from '../tokens/estimate-input.js';
import type { Capability } from '../types.js';
import type { CallOptions } from './call-options.js';
import type { AcceptFunction, EscalateOptions, ShadowOptions } from './check-judge.js';
import type { StrategyName, StrategyOptions } from './check-strategy.js';

export type { CallOptions, SingleCallOptions } from './call-options.js';
export type { CacheOptions } from './check-cache.js';

interface BudgetBase {
  /** US dollars. */
  usd: number;
  /** Each tenant has a budget of its own. @default one for all */
  per?: 'tenant' | undefined;
  /** Only calls of this route count. With `per: 'tenant'`: each tenant's calls of it. @default all calls */
  route?: string | undefined;
}

/** A limit to what may be spent: in an hour, a day or a month of the UTC calendar, or in the last `windowMs` milliseconds. */
export type BudgetOptions = BudgetBase &
  ({ window: 'hour' | 'day' | 'month'; windowMs?: undefined } | { windowMs: number; window?: undefined });

/** What an upstream said about an error. */
export interface UpstreamError {
  /** The HTTP status, or the one that an error inside a 200 or a stream names; `undefined` where there is none. */
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

/** Names an error's outcome; `undefined` leaves it to the router. */
export type ClassifyError = (error: UpstreamError) => ErrorOutcome | undefined;

/** How many tenants have a budget of their own at one time. */
export interface TenantOptions {
  /** Tenants with money in a window, of each budget per tenant. @default 10_000 */
  max?: number | undefined;
  /**
   * What happens to a further tenant: it shares one budget with all others that there is no room for, or its calls are
   * refused with `SpendBudgetExceededError`. Refuse where tenants come from outside: invented names then harm nobody else.
   * @default 'share'
   */
  overflow?: 'share' | 'refuse' | undefined;
}

/** What a `prices` function is called with. */
export interface PriceQuery {
  /** The upstream's name of the model. */
  model: string;
  /** The `model` of an answer: asked for once more where the name in the request has no price. */
  servedModel?: string | undefined;
  /**
   * The service tier of a request, lower case: the requested one when money is reserved, the served one when it is booked.
   * Absent for the listed price.
   */
  serviceTier?: string | undefined;
  /** A deployment's name; `CLIENT/*` for a model that is not listed. */
  deployment: string;
}

/**
 * Returns a price, `undefined` to use the built-in table, or `null` for none. Called once for each model and service tier.
 * A function that returns the same price for a tier as without one is taken not to know tiers, and the tier's price is
 * unknown; return `tiers: { scale: 1 }` to say that it is the same.
 */
export interface PriceFunction {
  (query: PriceQuery): Price | null | undefined;
  /** The `priceSource` of records. @default 'prices' */
  readonly version?: string | undefined;
}

/** An `OpenAI` or `AzureOpenAI` client, or the options to build an `OpenAI` client from. */
export type ClientSpec =
  | OpenAI
  | (ClientOptions & ClientLimits)
  | ({
      /** A client that you have built. */
      client: OpenAI;
    } & ClientLimits);

/** What the router limits for one account. */
export interface ClientLimits {
  /** How many attempts may run at once over all deployments of this client. @default no limit */
  maxConcurrent?: number | undefined;
}

/**
 * What is promised: of a deployment, counted by attempts; of a route, by calls. It changes no routing. It is watched
 * (`sla-burning`, `sla-recovered`), shown in `snapshot()` and summed up by `slaReport()`.
 *
 * @example
 * sla: { uptime: 0.999, p99Ms: 500 }
 */
export interface SlaOptions {
  /** The share of calls that must be answered: above 0, below 1. @default no promise */
  uptime?: number | undefined;
  /** Milliseconds within which 99 % of the answers must come; of streams, their first content. @default no promise */
  p99Ms?: number | undefined;
  /** An alarm needs so many failures in its long window: a few calls at night wake nobody. @default 5 */
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

/** One place that can answer: a client and a model on it. */
export interface DeploymentOptions {
  /** A name in `clients`. @default the default client */
  client?: string | undefined;
  /** The upstream's name of the model. @default the deployment's own name */
  model?: string | undefined;
  /** US dollars per million tokens. @default what `prices` says of `model`, else what the built-in table says; else cost is `null` */
  price?: Price | undefined;
  /** Where it runs, for `regions`; of a deployment that may run in several, all of them. It is used only where all are allowed. */
  region?: string | readonly string[] | undefined;
  /** Time for one attempt there, in milliseconds, unless the call has a limit of its own. @default that of the route or router */
  attemptTimeoutMs?: number | undefined;
  /** Returns the body as its provider wants it: a parameter by another name, say. It gets a copy that it may change. @default none */
  adapt?: ((body: Record<string, unknown>) => Record<string, unknown>) | undefined;
  /** Tokens. After `context_length_exceeded` only a larger one is asked. */
  contextWindow?: number | undefined;
  /** Tokens. What an answer can have at most, where a call sets no limit itself: for limits of money. @default 4096 */
  maxOutputTokens?: number | undefined;
  /** What it cannot do, each `false`: a call that needs it goes elsewhere. What is not said is taken to work. */
  capabilities?: Partial<Record<Capability, boolean>> | undefined;
  /** Sent with each request to it. */
  headers?: Record<string, string> | undefined;
  /** Whether it understands `stream_options.include_usage`. @default true */
  streamUsage?: boolean | undefined;
  /** Deployments with the same name here give interchangeable vectors. @default the upstream's name of the model */
  embeddingSpace?: string | undefined;
  /** Its share of the traffic under `weighted`, and its size under `least-busy`. 0: only when the others cannot answer. @default 1 */
  weight?: number | undefined;
  /** How many attempts may run there at once; a stream counts until its end. Calls over it wait in a queue. @default no limit */
  maxConcurrent?: number | undefined;
  /** How many calls may wait for it, where it has a limit. @default 1000 */
  maxQueue?: number | undefined;
  /** Requests a minute, in this process, with a burst of 10 seconds' worth. @default no limit */
  rpm?: number | undefined;
  /** Tokens a minute, input and output, in this process. @default no limit */
  tpm?: number | undefined;
  /** What its provider promises. @default nothing */
  sla?: SlaOptions | undefined;
}

/** What a caller asks for by name: where it may be answered, in order, and the options of its calls. */
export interface RouteOptions extends CallOptions {
  /** Names of deployments, in the order in which they are tried. */
  deployments: readonly string[];
  /** Judges every answer before it is returned: one that it refuses with `false` fails over. It gets a copy. @default none */
  accept?: AcceptFunction | undefined;
  /** Requests the next deployment too where an answer is unsure. @default none */
  escalate?: EscalateOptions | undefined;
  /** Sends a share of the calls to another deployment too, to compare. @default none */
  shadow?: ShadowOptions | undefined;
  /** How they are ordered; the order is also the failover order. @default 'priority', the listed order */
  strategy?: StrategyName | StrategyOptions | Strategy | undefined;
  /** How this route's calls are retried; what it leaves out is as in the router's `retry`. @default the router's */
  retry?: RetryOptions | undefined;
  /** What you promise to those who call it. @default nothing */
  sla?: SlaOptions | undefined;
}

/** A prefix of model names that chooses a client. */
export interface PrefixOptions {
  /** A name in `clients`. */
  client: string;
  /** Calls that go there are sent with `X-Request-Priority: high`. @default false */
  premium?: boolean | undefined;
  /** Sent with each call that goes there. */
  headers?: Record<string, string> | undefined;
}

/** When a deployment that fails gets no more traffic. */
export interface BreakerOptions {
  /** Opens at this many failures within `windowMs`, if they are at least `minRate` of the attempts. @default 5 */
  failures?: number | undefined;
  /** Milliseconds, from 10. @default 10_000 */
  windowMs?: number | undefined;
  /** The least share of failures within the window, 0 to 1. With 0, `failures` alone decides. @default 0.5 */
  minRate?: number | undefined;
  /**
   * Also opens at this many failures in a row that span at least one second, whatever the share. A success that ended
   * since an attempt began breaks its row. `Infinity` turns this off; 1 opens at the first failure. @default 5
   */
  consecutive?: number | undefined;
  /** Milliseconds until one probe is let through; shortened by up to 20 % at random. @default 10_000 */
  cooldownMs?: number | undefined;
}

/**
 * How the same deployment is tried again. Failing over to another deployment is not limited by it.
 *
 * @example
 * retry: { baseMs: 100, maxMs: 2000 }            // shorter waits
 * @example
 * retry: { budget: 0, minPerSecond: 0 }          // no retry of the same deployment, and no hedge
 */
export interface RetryOptions {
  /** Milliseconds. The wait before retry n (from 0) is half of `min(maxMs, baseMs * 2 ** n)`, and up to as much again at random. @default 250 */
  baseMs?: number | undefined;
  /** The longest wait in milliseconds. @default 8000 */
  maxMs?: number | undefined;
  /**
   * Retries and hedges within 10 s, as a share (0 to 1) of the calls, beside `minPerSecond`. A retry that succeeds does
   * not count. `false`: no limit. @default 0.2
   */
  budget?: number | false | undefined;
  /** Retries and hedges per second that are always allowed. @default 10 */
  minPerSecond?: number | undefined;
}

export type HeaderOption = 'priority' | 'deadline' | 'cache' | 'route' | 'tenant';

/** What is particular to a router, apart from its clients. */
export interface RouterSettings extends CallOptions {
  /** The places that can answer, by name: a client and a model on it. @default none: every model is passed on by its name */
  deployments?: Record<string, DeploymentOptions> | undefined;
  /** What callers ask for by name, and which deployments may answer it, in order. @default none */
  routes?: Record<string, readonly string[] | RouteOptions> | undefined;
  /** Deployments to ask after one that was named itself, or after an unlisted model. @default [] */
  fallbacks?: readonly string[] | undefined;
  /** @default { 'Pro/': { client: 'pro', premium: true, headers: { 'X-Capacity-Guarantee': 'dedicated' } } } where a client `pro` exists */
  prefixes?: Record<string, string | PrefixOptions> | undefined;
  /** The route of each priority, for `model: 'auto'`. @default { standard: 'standard', premium: 'premium' } */
  priorities?: Record<string, string> | undefined;
  /** Whether a model that is neither a route nor a deployment is sent on as it stands. @default 'pass' */
  unlistedModels?: 'pass' | 'refuse' | undefined;
  /** Which options a caller may give by header. @default ['priority', 'deadline', 'cache'] */
  headerOptions?: readonly HeaderOption[] | undefined;
  /** When a deployment that fails gets no more traffic; `false`: never. @default on */
  breaker?: BreakerOptions | false | undefined;
  /** How the same deployment is tried again; a route can have its own. */
  retry?: RetryOptions | undefined;
  /** What may be spent. Calls that could cost more than is left are refused before anything is sent. @default none */
  budgets?: readonly BudgetOptions[] | undefined;
  /** How many tenants have budgets of their own, and what happens to the others. @default { max: 10_000, overflow: 'share' } */
  tenants?: TenantOptions | undefined;
  /** Under a limit of money, whether deployments whose price is not known are asked. @default 'refuse' */
  unknownPrice?: 'allow' | 'refuse' | undefined;
  /** A slower attempt is logged, counted and told by `attempt-slow`, in milliseconds. @default 500 */
  slowMs?: number | undefined;
  /** Where answers are cached, in place of the router's own memory. It bounds itself: `maxEntries` and `maxBytes` are then errors. */
  cacheStore?: CacheStore | undefined;
  /**
   * Where service levels and what was spent are remembered over restarts: `fileState(directory)` of `model-router/node`,
   * or a store of your own. @default nowhere
   */
  state?: StateStore | undefined;
  /**
   * Whether equal calls in flight share one upstream call. Turn it off where one request must not wait for another's
   * input and output. @default true, but false on Cloudflare Workers
   */
  shareInFlight?: boolean | undefined;
  /**
   * Prices of models whose deployment has none, unlisted ones too: by the upstream's name of the model, or a function.
   * What it does not know is looked up in a small dated table; `false` turns both off. @default the built-in table
   */
  prices?: Readonly<Record<string, Price | null>> | PriceFunction | false | undefined;
  /**
   * Counts the tokens of a text in place of the router's estimate, where a limit needs it. It runs on the event loop, for
   * each model that the call may be sent to; `undefined` leaves it to the estimate. Where it throws, so does nothing else.
   */
  countTokens?: CountTokens | undefined;
  /**
   * Says what an upstream's error means, before the router's own reading: return an outcome, or `undefined` to leave it to
   * the router. Also called for errors inside a 200 or a stream. If it throws or returns anything else it is ignored,
   * with one warning. @default none
   * @example ({ code }) => (code === 'E_MAINTENANCE' ? 'server-error' : undefined)
   */
  classifyError?: ClassifyError | undefined;
  /** The only source of chance: 0 up to 1. @default Math.random */
  random?: (() => number) | undefined;
}

/** A router over several clients. The client `default`, else the first, gets what is not routed. */
export interface RouterOptions extends RouterSettings {
  /** The accounts, by name: `OpenAI` or `AzureOpenAI` clients, or the options to build one. `default`, else the first, gets what is not routed. */
  clients: Record<string, ClientSpec>;
  /** The SDK's own option: one attempt's time. The same as `attemptTimeoutMs`. */
  timeout?: number | undefined;
  /** The SDK's own option. The same as `maxAttempts - 1`. */
  maxRetries?: number | undefined;
  /** Sent with each call. */
  defaultHeaders?: ClientOptions['defaultHeaders'] | undefined;
  /** Query parameters sent with each call. */
  defaultQuery?: ClientOptions['defaultQuery'] | undefined;
  /** @default console */
  logger?: Logger | undefined;
  /** The router's line for each call is written at `info`. @default 'warn' */
  logLevel?: LogLevel | undefined;
}

/** A router over one client, from that client's own options. */
export type SingleClientOptions = ClientOptions & RouterSettings & { clients?: undefined };

/** What `withOptions` takes. What belongs to an account (`apiKey`, `baseURL`) only where the router has a single client. */
export type ViewOptions = Partial<ClientOptions> & CallOptions;
