import type { CachedAnswer } from './cache-store.js';

/** An answer in memory, and its neighbours in the order of use. */
export interface Entry {
  readonly key: string;
  readonly answer: CachedAnswer;
  readonly bytes: number;
  /** The `performance.now()` time at which it expires. */
  readonly until: number;
  readonly share: TenantShare;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/** One tenant's entries in a store, least recently used first. Every operation takes constant time. */
export class TenantShare {
  oldest: Entry | undefined;
  entries = 0;
  bytes = 0;
  /** Its position among shares of similar size; see `SharesBySize`. */
  rank = -1;
  index = -1;
  #newest: Entry | undefined;

  constructor(readonly tenant: string | undefined) {}

  add(entry: Entry): void {
    this.entries++;
    this.bytes += entry.bytes;
    this.#append(entry);
  }

  remove(entry: Entry): void {
    this.entries--;
    this.bytes -= entry.bytes;
    this.#unlink(entry);
  }

  touch(entry: Entry): void {
    if (entry === this.#newest) return;
    this.#unlink(entry);
    this.#append(entry);
  }

  #append(entry: Entry): void {
    entry.older = this.#newest;
    entry.newer = undefined;
    if (this.#newest === undefined) this.oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
  }

  #unlink({ older, newer }: Entry): void {
    if (older === undefined) this.oldest = newer;
    else older.newer = newer;
    if (newer === undefined) this.#newest = older;
    else newer.older = older;
  }
}

/** Ranks are powers of two, so this many distinguish shares down to a billionth of the store. */
const RANKS = 30;

/** Finds one of the largest shares without visiting all: shares of one rank differ by at most a factor of two. */
export class SharesBySize {
  readonly #ranks: TenantShare[][] = Array.from({ length: RANKS }, () => []);

  /** `part`: its part of the whole store, 0 to 1; 0 removes the share. */
  place(share: TenantShare, part: number): void {
    const rank = part > 0 ? Math.min(RANKS - 1, Math.max(0, Math.floor(-Math.log2(part)))) : -1;
    if (rank === share.rank) return;
    this.#remove(share);
    if (rank === -1) return;
    const list = this.#ranks[rank] ?? [];
    share.rank = rank;
    share.index = list.length;
    list.push(share);
  }

  largest(): TenantShare | undefined {
    return this.#ranks.find((list) => list.length > 0)?.at(-1);
  }

  #remove(share: TenantShare): void {
    const list = this.#ranks[share.rank];
    const last = list?.pop();
    if (list !== undefined && last !== undefined && last !== share) {
      list[share.index] = last;
      last.index = share.index;
    }
    share.rank = -1;
    share.index = -1;
  }
}
