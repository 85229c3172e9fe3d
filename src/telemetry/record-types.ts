/** What the application sees of calls: public, and plain data. */

/**
 * Tokens as the provider counted them: `inputTokens` and `outputTokens` are all of them, everything else is a part of one
 * of the two. Kinds that few providers tell are there only where there were such tokens.
 */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  /** Read from the provider's own cache. */
  cachedInputTokens: number;
  reasoningTokens: number;
  /** Written to the provider's own cache, for whatever time. */
  cacheWriteTokens?: number;
  /** Of `cacheWriteTokens`, those that are cached for an hour. */
  cacheWrite1hTokens?: number;
  audioInputTokens?: number;
  imageInputTokens?: number;
  audioOutputTokens?: number;
  imageOutputTokens?: number;
  /** Seconds of audio, where the provider bills by the second. */
  seconds?: number;
}

/** Prices of tokens, in US dollars per million. Reasoning is output. */
export interface TokenPrice {
  /** Input tokens. */
  input: number;
  /** Output tokens, reasoning included. */
  output: number;
  /** Input that the provider read from its own cache. @default the price of `input` */
  cachedInput?: number | undefined;
  /** Input that the provider wrote to its own cache. @default the price of `input` */
  cacheWrite?: number | undefined;
  /**
   * Input that the provider wrote to its own cache for an hour.
   * @default the price of `input`; where only `cacheWrite` is given, such tokens are `unpriced`
   */
  cacheWrite1h?: number | undefined;
  /** @default the price of `input` */
  audioInput?: number | undefined;
  /** @default the price of `input` */
  imageInput?: number | undefined;
  /** @default the price of `output` */
  audioOutput?: number | undefined;
  /** @default the price of `output` */
  imageOutput?: number | undefined;
}

/** The price of a whole request whose input is longer than `above` tokens. A part left out changes as `input` or `output` does. */
export interface LongContextPrice extends TokenPrice {
  /** Tokens of input, cached ones included. */
  above: number;
}

/** Prices of one service tier: those of tokens, and of whatever else differs there. */
export interface TierPrice extends TokenPrice {
  /** US dollars per second of audio. @default 0, and `unpriced` where seconds are all that is billed */
  perSecond?: number | undefined;
  /**
   * US dollars per call of a tool that the provider runs.
   * @example { web_search: 0.01, file_search: 0.0025 }
   */
  tools?: Record<string, number> | undefined;
  /** Prices for long inputs. The highest `above` that the input exceeds applies to all of its tokens. */
  longContext?: LongContextPrice[] | undefined;
}

/**
 * What a deployment costs: US dollars per million tokens, unless a part says otherwise.
 * @example { input: 1.25, output: 10, cachedInput: 0.125, tiers: { priority: 2, flex: 0.5 } }
 */
export interface Price extends TierPrice {
  /**
   * Prices by the service tier that served the request: a factor for the tokens, or a whole price. A tier that is not
   * listed has no known price, except `default`, `standard`, `on_demand` and `auto`, which mean the listed one.
   */
  tiers?: Record<string, number | TierPrice> | undefined;
}

/** A price, and where it comes from: `deployment`, `prices`, or the name and version of a table. */
export interface KnownPrice {
  readonly price: Price;
  readonly source: string;
}

/** What an attempt came to. All but `success` and `pending` are failures; docs/how-it-decides.md, "What an outcome means", says what each leads to. */
export type Outcome =
  | 'pending'
  | 'success'
  | 'caller-error'
  | 'context-length'
  | 'content-filter'
  | 'unauthorized'
  | 'forbidden'
  | 'model-not-found'
  | 'server-error'
  | 'rate-limited'
  | 'connection'
  | 'timeout'
  | 'deadline'
  | 'invalid-answer'
  | 'interrupted'
  | 'lost'
  | 'aborted';

/** One try of a call at one deployment. */
export interface AttemptRecord {
  /** From 1. */
  number: number;
  deployment: string;
  outcome: Outcome;
  /** The HTTP status, where there was one. */
  status: number | null;
  /** The provider's own code for what went wrong (`insufficient_quota`, `ECONNREFUSED`), where it gave one. */
  code: string | null;
  /** What went wrong, in words that hold no key and no prompt. */
  error: string | null;
  /** The provider's id of the request (`x-request-id`); `null` where it gave none. */
  requestId: string | null;
  /** How often the request was sent again: it met a dead pooled connection, or what the router had added was refused. */
  resends: number;
  /** Milliseconds after the call began. */
  startedMs: number;
  durationMs: number;
  /** US dollars; `null` where the price or the usage is not known. */
  costUsd: number | null;
  /** Which price: `deployment`, `prices`, `provider` (its own figure), or a table's name and version, such as `built-in 2026-11-22`; `null` where none is known. */
  priceSource: string | null;
  /** The stream ended with `[DONE]` but without a `finish_reason`. */
  unfinished?: true;
  /** The provider told nothing: `costUsd` is the router's estimate of what may have been billed. */
  estimated?: true;
  /** What it used that has no price, such as a tool's fee. */
  unpriced?: readonly string[];
  /** What the provider says that it cost, in US dollars. */
  providerCostUsd?: number;
  /** Begun while another attempt of the call was still running. */
  hedge?: true;
}

/** When another deployment is asked too: after so many milliseconds, or after a percentile of the asked one's own times. */
export type HedgeAfter = number | 'p90' | 'p95' | 'p99';

/**
 * `off`: nobody asked for a cache. `bypass`: this call may not be cached. `miss`: asked, and kept if it may be. `hit`,
 * `stale`, `stale-if-error`: answered from the cache. `joined`: answered by an identical call in flight. `refresh`: the
 * call that the router makes behind a stale answer.
 */
export type CacheUse = 'off' | 'bypass' | 'miss' | 'hit' | 'joined' | 'stale' | 'stale-if-error' | 'refresh';

/** What became of one call: which deployment answered, after which attempts, at what cost. */
export interface CallRecord {
  id: string;
  route: string | null;
  priority: string;
  /** Whose call it was; `null` where the option `tenant` was not set. */
  tenant: string | null;
  /** The path of the request: `/chat/completions`. */
  endpoint: string;
  stream: boolean;
  /** ISO 8601. */
  startedAt: string;
  /** The option `metadata`, else the plain strings of the body's `metadata`. */
  metadata: Record<string, string>;
  /** The `model` that the caller wrote. */
  requestedModel: string | null;
  /** The deployment that answered, or was asked last. */
  deployment: string | null;
  /** The `model` that the provider says has answered. */
  servedModel: string | null;
  region: string | null;
  attempts: AttemptRecord[];
  /** The variant that the call was assigned to, on a weighted route. */
  variant: string | null;
  /** The route's strategy; `probe` or `recovery` where the first deployment was tried to see how it is. `null` without a route. */
  chosenBy: string | null;
  /** How sure the first answer was, 0 to 1, where its route escalates; `null` where that is unknown. */
  confidence: number | null;
  /** Another deployment was requested because the first answer was unsure. */
  escalated: boolean;
  /** How long the call waited for a slot of a full deployment, in milliseconds. */
  queuedMs: number;
  /** What the response cache had to do with it. */
  cache: CacheUse;
  usage: Usage | null;
  /** The provider's own `usage`, untouched. */
  providerUsage: unknown;
  /** US dollars, as the provider reported it (`usage.cost` and the like), all attempts together; `null` where none did. */
  providerCostUsd: number | null;
  /** US dollars; `null` where it is not known, never 0. Where no price is known, the provider's own figure. */
  costUsd: number | null;
  /** What was used but has no price, such as a tool's fee: `['web_search']`. `costUsd` is null then. */
  unpriced: string[];
  /** Of the last attempt; each attempt has its own. */
  priceSource: string | null;
  /** Until the answer was complete; a stream's, until its end. */
  durationMs: number;
  /** Until the first content of a stream; `null` for other calls. */
  timeToFirstChunkMs: number | null;
  /** `costUsd`, and `usage` of a stream that broke off, are in part the router's estimate. */
  estimated?: true;
}
