/** A cached answer: plain data that can be written as JSON. Nothing changes it. */
export interface CachedAnswer {
  /** What `text` is the JSON of: a whole answer, the array of a stream's chunks, or one vector. */
  readonly kind: 'json' | 'chunks' | 'vector';
  readonly text: string;
  /** `Date.now()` when it was stored. */
  readonly storedAt: number;
  /** Of the request that was answered so. */
  readonly requestId: string | null;
  readonly deployment: string | null;
  readonly servedModel: string | null;
  readonly region: string | null;
  /** What it cost, in US dollars, and so saves each time it is used; `null` where that is not known. */
  readonly costUsd: number | null;
  /** Input and output tokens; `null` where the provider has not reported them. */
  readonly tokens: number | null;
}

/**
 * Where answers are stored. The router's own store is in memory; one of yours may be shared by several processes. Any
 * method may return a promise. A store that throws, rejects or takes more than 100 ms to `get` is a miss and harms no
 * call. A store of yours sees the SHA-256 of each key, never the request.
 */
export interface CacheStore {
  get(key: string): CachedAnswer | undefined | Promise<CachedAnswer | undefined>;
  /** Stores `answer` for at most `keepMs` milliseconds. `tenant` is whose it is, so that you can bound each one's share. */
  set(key: string, answer: CachedAnswer, keepMs: number, tenant?: string): unknown;
  delete(key: string): unknown;
  clear(): unknown;
  /**
   * Whether this process may refresh a stale answer, which is then refreshed by no other for `forMs` milliseconds. Without
   * it, each process refreshes by itself.
   */
  claimRefresh?(key: string, forMs: number): boolean | Promise<boolean>;
}
