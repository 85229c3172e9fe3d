import { LRUCache } from 'lru-cache';
import { textBytes } from '../util/heap-bytes.js';
import { KeptTree, readValue } from './kept-tree.js';
import { RecentKeys } from './recent-keys.js';

/** An answer as it is kept: plain data that can be written as JSON, and that nobody changes. */
export interface CachedAnswer {
  /** What `text` is the JSON of: a whole answer, the array of a stream's chunks, or one vector. */
  readonly kind: 'json' | 'chunks' | 'vector';
  readonly text: string;
  /** `Date.now()` when it was kept. */
  readonly storedAt: number;
  /** Of the request that was answered so. */
  readonly requestId: string | null;
  readonly deployment: string | null;
  readonly servedModel: string | null;
  readonly region: string | null;
  /** What it cost, in US dollars, and so saves each time it is used; `null` where that is not known. */
  readonly costUsd: number | null;
  /** Input and output tokens; `null` where the provider has not told them. */
  readonly tokens: number | null;
}

/**
 * Where answers are kept. The router's own is in memory; another one may be shared by several processes. Any member may
 * answer with a promise. One that throws, rejects or takes more than 100 ms to `get` is a miss, and harms no call.
 */
export interface CacheStore {
  get(key: string): CachedAnswer | undefined | Promise<CachedAnswer | undefined>;
  /** Keeps `answer` for `keepMs` milliseconds at most. */
  set(key: string, answer: CachedAnswer, keepMs: number): unknown;
  delete(key: string): unknown;
  clear(): unknown;
}

/** Of `maxBytes`, what the keys of recent questions may take: a sixteenth, and no more than this. */
const MOST_RECENT_BYTES = 2 * 1024 * 1024;
/** What an entry takes beside its answer and its key, about: two objects, and its place in the lists of the cache. */
const OVERHEAD_BYTES = 400;

/** The router's own store: the answers used last, bounded by number and by bytes. */
export class ResponseStore implements CacheStore {
  readonly recent: RecentKeys;
  readonly #answers: LRUCache<string, CachedAnswer>;
  readonly #answerBytes: number;

  constructor({ maxEntries, maxBytes }: { maxEntries: number; maxBytes: number }) {
    const recentBytes = Math.min(MOST_RECENT_BYTES, Math.floor(maxBytes / 16));
    this.recent = new RecentKeys(recentBytes);
    this.#answerBytes = maxBytes - recentBytes;
    this.#answers = new LRUCache({
      max: maxEntries,
      maxSize: this.#answerBytes,
      sizeCalculation: bytesOf,
      // Milliseconds are looked at each time; the clock too, as one that is captured cannot be moved by a test. A time of 0
      // is taken for none.
      ttlResolution: 0,
      perf: { now: () => performance.now() + 1 },
    });
  }

  get entries(): number {
    return this.#answers.size;
  }

  get bytes(): number {
    return this.#answers.calculatedSize + this.recent.bytes;
  }

  get(key: string): CachedAnswer | undefined {
    const found = this.#answers.get(key);
    return found instanceof KeptTree ? found.asText() : found;
  }

  /** The same, ready to be copied. Most answers are never asked for again, and text is what costs least to keep. */
  getTree(key: string): CachedAnswer | undefined {
    const found = this.#answers.get(key);
    if (found?.kind !== 'json' || found instanceof KeptTree) return found;
    const tree = new KeptTree(readValue(found), found);
    if (bytesOf(tree, key) > this.#answerBytes) return found;
    this.#answers.set(key, tree, { noUpdateTTL: true });
    return tree;
  }

  set(key: string, answer: CachedAnswer, keepMs: number): void {
    this.#answers.set(key, answer, { ttl: Math.max(1, keepMs) });
  }

  delete(key: string): void {
    this.#answers.delete(key);
  }

  clear(): void {
    this.#answers.clear();
    this.recent.clear();
  }
}

function bytesOf(answer: CachedAnswer, key: string): number {
  const own = answer instanceof KeptTree ? answer.bytes : textBytes(answer.text);
  return own + textBytes(key) + OVERHEAD_BYTES;
}
