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
  /** Written to the provider's own cache. */
  cacheWriteTokens?: number;
  audioInputTokens?: number;
  imageInputTokens?: number;
  audioOutputTokens?: number;
  imageOutputTokens?: number;
}

/** US dollars per million tokens. Reasoning is output. */
export interface Price {
  input: number;
  output: number;
  /** Input that the provider read from its own cache. @default the price of `input` */
  cachedInput?: number;
  /** Input that the provider wrote to its own cache. @default the price of `input` */
  cacheWrite?: number;
  /** @default the price of `input` */
  audioInput?: number;
  /** @default the price of `input` */
  imageInput?: number;
  /** @default the price of `output` */
  audioOutput?: number;
  /** @default the price of `output` */
  imageOutput?: number;
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
  /** Milliseconds after the call began. */
  startedMs: number;
  durationMs: number;
  /** US dollars; `null` where the price or the usage is not known. */
  costUsd: number | null;
  /** Which price: `deployment`, `prices`, or a table's name and version, such as `built-in 2026-11-22`; `null` where none is known. */
  priceSource: string | null;
  /** The stream ended with `[DONE]` but without a `finish_reason`. */
  unfinished?: true;
  /** The provider told nothing: `costUsd` is the router's estimate of what may have been billed. */
  estimated?: true;
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
  /** What the response cache had to do with it. */
  cache: CacheUse;
  usage: Usage | null;
  /** The provider's own `usage`, untouched. */
  providerUsage: unknown;
  /** US dollars; `null` where it is not known, never 0. */
  costUsd: number | null;
  /** Of the last attempt; each attempt has its own. */
  priceSource: string | null;
  /** Until the answer was complete; a stream's, until its end. */
  durationMs: number;
  /** Until the first content of a stream; `null` for other calls. */
  timeToFirstChunkMs: number | null;
  /** `costUsd`, and `usage` of a stream that broke off, are in part the router's estimate. */
  estimated?: true;
}
