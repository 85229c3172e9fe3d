/** Public, plain data about calls. */

/**
 * Tokens as the provider counted them. `inputTokens` and `outputTokens` are totals; every other count is a part of one
 * of them. Rare kinds are present only if the provider reported such tokens.
 */
export interface Usage {
  inputTokens: number;
  outputTokens: number;
  /** Read from the provider's own cache. */
  cachedInputTokens: number;
  reasoningTokens: number;
  /** Written to the provider's own cache, for any time. */
  cacheWriteTokens?: number;
  /** The part of `cacheWriteTokens` that is cached for an hour. */
  cacheWrite1hTokens?: number;
  audioInputTokens?: number;
  imageInputTokens?: number;
  audioOutputTokens?: number;
  imageOutputTokens?: number;
  /** Seconds of audio, if the provider bills by the second. */
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
   * @default the price of `input`; if only `cacheWrite` is set, such tokens are `unpriced`
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

/** The price of a whole request whose input is longer than `above` tokens. A missing part scales with `input` or `output`. */
export interface LongContextPrice extends TokenPrice {
  /** Tokens of input, cached ones included. */
  above: number;
}

/** Prices of one service tier: tokens, and anything else that differs. */
export interface TierPrice extends TokenPrice {
  /** US dollars per second of audio. @default 0, and `unpriced` if only seconds are billed */
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

/** A price and its source: `deployment`, `prices`, or the name and version of a table. */
export interface KnownPrice {
  readonly price: Price;
  readonly source: string;
}

/**
 * The outcome of an attempt. All but `success` and `pending` are failures; docs/how-it-decides-failures.md, "What an
 * outcome means", lists the consequences.
 */
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

/** One attempt of a call at one deployment. */
export interface AttemptRecord {
  /** From 1. */
  number: number;
  deployment: string;
  outcome: Outcome;
  /** The HTTP status; `null` if there was none. */
  status: number | null;
  /** The provider's own error code (`insufficient_quota`, `ECONNREFUSED`); `null` if there was none. */
  code: string | null;
  /** The error in words, without keys and prompts. */
  error: string | null;
  /** The provider's request id (`x-request-id`); `null` if there was none. */
  requestId: string | null;
  /** How often the request was resent, because a pooled connection was dead or the provider refused a field that the router had added. */
  resends: number;
  /** Milliseconds from the start of the call. */
  startedMs: number;
  durationMs: number;
  /** US dollars; `null` if the price or the usage is unknown. */
  costUsd: number | null;
  /**
   * Which price: `deployment`, `prices`, `provider` (its own figure), or a table's name and version, such as `built-in
   * 2026-11-22`; `null` if unknown.
   */
  priceSource: string | null;
  /** The stream ended with `[DONE]` but without a `finish_reason`. */
  unfinished?: true;
  /** The provider reported no usage, or left a part of it out: `costUsd` is the router's estimate. */
  estimated?: true;
  /** Used parts without a price, such as a tool's fee. */
  unpriced?: readonly string[];
  /** The cost that the provider reported, in US dollars. */
  providerCostUsd?: number;
  /** Started while another attempt of the call was still running. */
  hedge?: true;
}

/** When a hedge starts: after this many milliseconds, or after a percentile of the first deployment's own times. */
export type HedgeAfter = number | 'p90' | 'p95' | 'p99';

/**
 * `off`: the call has no `cache` option. `bypass`: this call cannot be cached. `miss`: sent, and cached if possible.
 * `hit`, `stale`, `stale-if-error`: answered from the cache. `joined`: answered by an identical call in flight.
 * `refresh`: the router's own call that refreshes a stale answer in the background.
 */
export type CacheUse = 'off' | 'bypass' | 'miss' | 'hit' | 'joined' | 'stale' | 'stale-if-error' | 'refresh';

/** The record of one call: which deployment answered, its attempts, its cost. `callRecord(x)` returns it. */
export interface CallRecord {
  id: string;
  route: string | null;
  priority: string;
  /** The option `tenant`; `null` if it was not set. */
  tenant: string | null;
  /** The path of the request: `/chat/completions`. */
  endpoint: string;
  stream: boolean;
  /** ISO 8601. */
  startedAt: string;
  /** The option `metadata`, else the plain strings of the body's `metadata`. */
  metadata: Record<string, string>;
  /** The caller's `model`. */
  requestedModel: string | null;
  /** The deployment that answered, else the last one that was tried. */
  deployment: string | null;
  /** The `model` that the provider named in its answer. */
  servedModel: string | null;
  region: string | null;
  attempts: AttemptRecord[];
  /** The variant that a weighted route assigned to the call. */
  variant: string | null;
  /**
   * The route's strategy; `probe` or `recovery` if the first deployment was tried to test it. `null` without a route.
   */
  chosenBy: string | null;
  /** Confidence of the first answer, 0 to 1, on a route with `escalate`; `null` if unknown. */
  confidence: number | null;
  /** The call went to another deployment because the confidence in the first answer was too low. */
  escalated: boolean;
  /** How long the call waited for a slot of a full deployment, in milliseconds. */
  queuedMs: number;
  /** How the response cache was used. */
  cache: CacheUse;
  usage: Usage | null;
  /** The provider's own `usage`, unchanged. */
  providerUsage: unknown;
  /** US dollars, as the provider reported them (`usage.cost` and the like), summed over all attempts; `null` if none did. */
  providerCostUsd: number | null;
  /**
   * US dollars, all attempts together; `null` if the cost of any of them is unknown. Without a price: the provider's own
   * figure.
   */
  costUsd: number | null;
  /** Used parts without a price, such as a tool's fee: `['web_search']`. `costUsd` is then `null`. */
  unpriced: string[];
  /** The price source of the last attempt; each attempt has its own. */
  priceSource: string | null;
  /** Milliseconds until the answer was complete; for a stream, until its end. */
  durationMs: number;
  /** Milliseconds until the first content of a stream; `null` for other calls. */
  timeToFirstChunkMs: number | null;
  /** `costUsd` and `usage` are partly the router's estimate. */
  estimated?: true;
}

/** Ways to compute confidence from an answer's token probabilities. Each is 0 to 1, `null` if unknown. */
export interface ConfidenceScores {
  readonly mean: number | null;
  readonly lowest: number | null;
  readonly first: number | null;
}

/** How confidence is computed from token probabilities. */
export type ScoreName = keyof ConfidenceScores;
