/** A cached answer: plain JSON data, never modified. */
export interface CachedAnswer {
  /** What `text` contains as JSON: a whole answer, the array of a stream's chunks, or one vector. */
  readonly kind: 'json' | 'chunks' | 'vector';
  readonly text: string;
  /** `Date.now()` when it was stored. */
  readonly storedAt: number;
  /** The id of the request that got this answer. */
  readonly requestId: string | null;
  readonly deployment: string | null;
  readonly servedModel: string | null;
  readonly region: string | null;
  /** The cost of the answer in US dollars, which each hit saves; `null` if unknown. */
  readonly costUsd: number | null;
  /** Input and output tokens; `null` if the provider has not reported them. */
  readonly tokens: number | null;
}

/**
 * Where answers are stored. The router's own store is in memory; your own store may be shared by several processes. Any
 * method may return a promise. A store that throws, rejects or takes more than 100 ms to `get` counts as a miss and
 * fails no call. Your store sees the SHA-256 of each key, never the request.
 */
export interface CacheStore {
  get(key: string): CachedAnswer | undefined | Promise<CachedAnswer | undefined>;
  /**
   * Stores `answer` for at most `keepMs` milliseconds. `tenant` is the answer's tenant, so that you can limit each
   * one's share.
   */
  set(key: string, answer: CachedAnswer, keepMs: number, tenant?: string): unknown;
  delete(key: string): unknown;
  clear(): unknown;
  /**
   * Whether this process may refresh a stale answer; no other process then refreshes it for `forMs` milliseconds.
   * Without this method, each process refreshes by itself.
   */
  claimRefresh?(key: string, forMs: number): boolean | Promise<boolean>;
}
