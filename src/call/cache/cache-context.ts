import type { CachedAnswer } from '../../state/cache-store.js';
import type { CacheRequest, Call, CallReply } from '../../types.js';
import { lastThatCounts } from '../record.js';
import type { CacheLookup } from './lookup.js';
import type { SharedCall } from './shared-call.js';

/** What to fetch upstream, and what to do with the answer. */
export interface Fetch {
  /** What an equal fetch in flight has in common with it, besides its terms. */
  readonly key: string;
  /** Nothing changes it. */
  readonly body: Record<string, unknown>;
  /** Answers that call tools may be stored. */
  readonly toolCalls: boolean;
  /** Stores what may be stored of an answer that has come. Returns the store's promise, if any. */
  readonly store: (fetched: Fetched) => unknown;
}

/** An answer that has come from upstream. */
export interface Fetched {
  /** Of a whole answer. */
  readonly data: unknown;
  /** JSON: of `data`, or of the array of a stream's chunks. */
  readonly text: () => string;
  readonly isStream: boolean;
  readonly source: Source;
  readonly requestId: string | null;
}

/** Where an answer comes from, and what it saves. */
export type Source = Pick<CachedAnswer, 'deployment' | 'servedModel' | 'region' | 'costUsd' | 'tokens'>;

export function sourceOf({ call: { record } }: SharedCall): Source {
  const { deployment, servedModel, region, usage, attempts } = record;
  const last = lastThatCounts(attempts);
  // An estimate is not what the provider has reported, and a cached answer could not report it.
  const tokens = usage === null || last?.estimated ? null : usage.inputTokens + usage.outputTokens;
  return { deployment, servedModel, region, costUsd: last?.costUsd ?? null, tokens };
}

export type CacheUseOfHit = 'hit' | 'joined' | 'stale' | 'stale-if-error';

/** What single answers and batches of vectors need of the cache. */
export interface CacheContext {
  readonly lookup: CacheLookup;
  /** Sends the call upstream, without the cache. */
  bypass(call: Call): Promise<CallReply>;
  /** Sends the call upstream, or joins an equal call in flight. */
  fetch(call: Call, request: CacheRequest, fetch: Fetch): Promise<CallReply>;
  /** Fetches upstream in the background. Returns false if the platform would end that: then fetch in the foreground. */
  refresh(call: Call, request: CacheRequest, fetch: Fetch): boolean;
  /** Counts an answer that cost nothing, and writes it into the record. */
  useCached(call: Call, how: CacheUseOfHit, from: readonly Source[], ageMs: number | null): void;
  /** Counts what these answers would have cost. */
  addSaved(from: readonly Source[]): number | null;
}
