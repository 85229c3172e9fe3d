import { LRUCache } from 'lru-cache';
import { textBytes } from '../util/heap-bytes.js';
import { KeptTree, readValue } from './kept-tree.js';
import { isSame, type Key, settle, slotOf } from './question.js';

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

/** Beside answer and question: the objects around them, and their place in the lists of the cache. */
const OVERHEAD_BYTES = 400;
const QUESTION_BYTES = 250;
/** A question may take this part of `maxBytes`; a larger one is known by a digest. */
const SHARE = 64;

interface Entry {
  readonly key: Key;
  readonly answer: CachedAnswer;
  readonly bytes: number;
  /** `performance.now()` from when on it is gone. */
  readonly until: number;
}

/**
 * The router's own store: the answers used last, bounded by number and by bytes. They are found by their questions
 * themselves. Why: to compare one with another takes less time than to write it out and to hash it.
 */
export class ResponseStore implements CacheStore {
  /** Bytes that a question may take. */
  readonly largestQuestion: number;
  readonly #entries: LRUCache<number | string, Entry>;
  readonly #maxBytes: number;

  constructor({ maxEntries, maxBytes }: { maxEntries: number; maxBytes: number }) {
    this.largestQuestion = Math.floor(maxBytes / SHARE);
    this.#maxBytes = maxBytes;
    this.#entries = new LRUCache({ max: maxEntries, maxSize: maxBytes, sizeCalculation: ({ bytes }) => bytes });
  }

  get entries(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  /** The answer, ready to be copied. */
  find(key: Key): CachedAnswer | undefined {
    const entry = this.#entryOf(key);
    if (entry === undefined || entry.answer.kind !== 'json' || entry.answer instanceof KeptTree) return entry?.answer;
    // Most answers are never asked for again, and text is what costs least to keep.
    const tree = new KeptTree(readValue(entry.answer), entry.answer);
    const bytes = entry.bytes - bytesOf(entry.answer) + bytesOf(tree);
    if (bytes > this.#maxBytes) return entry.answer;
    this.#entries.set(slotOf(key), { ...entry, answer: tree, bytes });
    return tree;
  }

  #entryOf(key: Key): Entry | undefined {
    const slot = slotOf(key);
    const entry = this.#entries.get(slot);
    if (entry === undefined || !isSame(entry.key, key)) return undefined;
    if (performance.now() < entry.until) return entry;
    this.#entries.delete(slot);
    return undefined;
  }

  get(key: string): CachedAnswer | undefined {
    const found = this.#entryOf(key)?.answer;
    return found instanceof KeptTree ? found.asText() : found;
  }

  /** Of two questions with one print, the later one is kept. `key` is nobody else's. */
  set(key: Key, answer: CachedAnswer, keepMs: number): void {
    const keyBytes = typeof key === 'string' ? textBytes(key) : QUESTION_BYTES + settle(key);
    const bytes = keyBytes + bytesOf(answer) + OVERHEAD_BYTES;
    this.#entries.set(slotOf(key), { key, answer, bytes, until: performance.now() + keepMs });
  }

  delete(key: string): void {
    this.#entries.delete(key);
  }

  clear(): void {
    this.#entries.clear();
  }
}

function bytesOf(answer: CachedAnswer): number {
  return answer instanceof KeptTree ? answer.bytes : textBytes(answer.text);
}
