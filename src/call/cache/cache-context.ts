import type { CachedAnswer } from '../../state/cache-store.js';
import type { CacheRequest, Call, CallReply } from '../../types.js';
import { lastThatCounts } from '../record.js';
import type { CacheLookup } from './lookup.js';
import type { SharedCall } from './shared-call.js';

/** What to request from upstream, and how to store its answer. */
export interface FetchTask {
  /** The key of the answer. Equal requests in flight have it in common. */
  readonly key: string;
  /** Never modified. */
  readonly body: Record<string, unknown>;
  /** Whether answers with tool calls may be stored. */
  readonly toolCalls: boolean;
  /** Stores the answer if allowed. Returns the store's promise, if any. */
  readonly store: (fetched: FetchedAnswer) => unknown;
}

/** An answer from upstream. */
export interface FetchedAnswer {
  /** Undefined for a stream. */
  readonly data: unknown;
  /** The JSON of `data`, or of the array of a stream's chunks. */
  readonly text: () => string;
  readonly isStream: boolean;
  readonly source: Source;
  readonly requestId: string | null;
}

/** The origin of an answer, and what a hit saves. */
export type Source = Pick<CachedAnswer, 'deployment' | 'servedModel' | 'region' | 'costUsd' | 'tokens'>;

export function sourceOf({ call: { record } }: SharedCall): Source {
  const { deployment, servedModel, region, usage, attempts } = record;
  const last = lastThatCounts(attempts);
  // An estimate is not what the provider reported, so a hit must not report it as such.
  const tokens = usage === null || last?.estimated ? null : usage.inputTokens + usage.outputTokens;
  return { deployment, servedModel, region, costUsd: last?.costUsd ?? null, tokens };
}

export type CacheUseOfHit = 'hit' | 'joined' | 'stale' | 'stale-if-error';

/** The cache operations that single answers and batches of vectors need. */
export interface CacheContext {
  readonly lookup: CacheLookup;
  /** Sends the call upstream, without the cache. */
  bypass(call: Call): Promise<CallReply>;
  /** Sends the call upstream, or joins an equal call in flight. */
  fetch(call: Call, request: CacheRequest, task: FetchTask): Promise<CallReply>;
  /** Fetches upstream in the background. Returns false if the platform would end that: then fetch in the foreground. */
  refresh(call: Call, request: CacheRequest, task: FetchTask): boolean;
  /** Counts an answer without a cost, and writes it into the record. */
  useCached(call: Call, how: CacheUseOfHit, from: readonly Source[], ageMs: number | null): void;
  /** Adds the cost that these answers saved. */
  addSaved(from: readonly Source[]): number | null;
}
