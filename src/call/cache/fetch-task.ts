import type { CachedAnswer } from '../../state/cache-store.js';
import { lastThatCounts } from '../record.js';
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
