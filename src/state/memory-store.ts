import { textBytes } from '../util/heap-bytes.js';
import type { CachedAnswer, CacheStore } from './cache-store.js';
import { type Entry, SharesBySize, TenantShare } from './tenant-share.js';

/** The limits of the router's own store. */
export interface CacheSize {
  readonly maxEntries: number;
  readonly maxBytes: number;
}

/** The memory of an entry besides its texts: objects, and its place in the lists. */
const OVERHEAD_BYTES = 400;

/** The memory of an answer in the router's own store, including its key. */
export function entryBytes(key: string, answer: CachedAnswer): number {
  return textBytes(key) + textBytes(answer.text) + OVERHEAD_BYTES;
}

/**
 * The router's own store: recently used answers, limited by number and by bytes. Tenants share it fairly: when it is
 * full, a tenant with more than an equal part loses its own oldest answers.
 */
export class ResponseStore implements CacheStore {
  readonly #entries = new Map<string, Entry>();
  readonly #shares = new Map<string | undefined, TenantShare>();
  readonly #bySize = new SharesBySize();
  readonly #size: CacheSize;
  #bytes = 0;

  constructor(size: CacheSize) {
    this.#size = size;
  }

  get entries(): number {
    return this.#entries.size;
  }

  get bytes(): number {
    return this.#bytes;
  }

  get(key: string): CachedAnswer | undefined {
    const entry = this.#entries.get(key);
    if (entry === undefined) return undefined;
    if (performance.now() >= entry.until) {
      this.#remove(entry);
      return undefined;
    }
    entry.share.touch(entry);
    return entry.answer;
  }

  set(key: string, answer: CachedAnswer, keepMs: number, tenant?: string): void {
    this.delete(key);
    const bytes = entryBytes(key, answer);
    if (bytes > this.#size.maxBytes) return;
    const share = this.#shareOf(tenant);
    const until = performance.now() + keepMs;
    const entry: Entry = { key, answer, bytes, until, share, older: undefined, newer: undefined };
    this.#entries.set(key, entry);
    share.add(entry);
    this.#bytes += bytes;
    this.#place(share);
    while (this.#isOver) this.#evictFor(share);
  }

  delete(key: string): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#remove(entry);
  }

  clear(): void {
    for (const entry of [...this.#entries.values()]) this.#remove(entry);
  }

  get #isOver(): boolean {
    return this.#bytes > this.#size.maxBytes || this.#entries.size > this.#size.maxEntries;
  }

  /** Evicts the tenant's own oldest entry if it has more than its part; else the oldest of a tenant that has. */
  #evictFor(share: TenantShare): void {
    const isOverItsPart = share.entries > 1 && this.#partOf(share) * this.#shares.size > 1;
    const victim = (isOverItsPart ? share : this.#bySize.largest())?.oldest;
    if (victim !== undefined) this.#remove(victim);
  }

  #partOf({ entries, bytes }: TenantShare): number {
    return Math.max(entries / this.#size.maxEntries, bytes / this.#size.maxBytes);
  }

  #shareOf(tenant: string | undefined): TenantShare {
    const known = this.#shares.get(tenant);
    if (known !== undefined) return known;
    const share = new TenantShare(tenant);
    this.#shares.set(tenant, share);
    return share;
  }

  #remove(entry: Entry): void {
    const { share } = entry;
    this.#entries.delete(entry.key);
    share.remove(entry);
    this.#bytes -= entry.bytes;
    this.#place(share);
    if (share.entries === 0) this.#shares.delete(share.tenant);
  }

  #place(share: TenantShare): void {
    this.#bySize.place(share, share.entries === 0 ? 0 : this.#partOf(share));
  }
}
