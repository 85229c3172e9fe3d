import type { CachedAnswer } from '../../state/memory-store.js';
import type { Key } from '../../state/question.js';
import type { CacheRequest, Call, CallReply } from '../../types.js';
import { lastThatCounts } from '../record.js';
import type { Memory } from './lookup.js';
import type { Flight } from './shared-call.js';

/** What is asked of a flight, beside what its call says. */
export interface Order {
  /** What an equal order has in common with it, beside its terms. */
  readonly key: Key;
  /** Nobody else's. */
  readonly body: Record<string, unknown>;
  /** A whole answer is there: keeps what is to be kept of it. `text` is what it was parsed from, if that is known. */
  readonly keep: (data: unknown, flight: Flight, requestId: string | null, text?: string) => void;
}

/** What an answer is known by, and what it saves. */
export type Source = Pick<CachedAnswer, 'deployment' | 'servedModel' | 'region' | 'costUsd' | 'tokens'>;

/** What a run has learned of its answer. */
export function learned({ call: { record } }: Flight): Source {
  const { deployment, servedModel, region, usage, attempts } = record;
  const last = lastThatCounts(attempts);
  // An estimate is not what the provider has told, and no answer that is given later could tell it.
  const tokens = usage === null || last?.estimated ? null : usage.inputTokens + usage.outputTokens;
  return { deployment, servedModel, region, costUsd: last?.costUsd ?? null, tokens };
}

/** What single answers and batches of vectors need of the cache. */
export interface Asker {
  readonly memory: Memory;
  /** Asks upstream without it. */
  bypass(call: Call): Promise<CallReply>;
  /** Asks upstream, or joins a call that does. */
  fly(call: Call, request: CacheRequest, order: Order): Promise<CallReply>;
  /** Asks upstream behind an answer that is no longer fresh. */
  refresh(call: Call, request: CacheRequest, order: Order): void;
  /** Counts and tells an answer that nobody was asked for. */
  tell(
    call: Call,
    how: 'hit' | 'joined' | 'stale' | 'stale-if-error',
    from: readonly Source[],
    ageMs: number | null,
  ): void;
  /** Books what these answers would have cost. */
  save(from: readonly Source[]): number | null;
}
