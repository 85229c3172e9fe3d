/**
 * The keys of an object, one after the other, in the order in which it has them. Objects with the same keys end at the
 * same path, so their keys are sorted once.
 */
export class KeyPath {
  readonly length: number;
  readonly key: string;
  /** For `canonicalText`: which keys these are. */
  number = -1;
  readonly #before: KeyPath | undefined;
  /** The path of the key that followed last, and of all that have followed another one. */
  #last: KeyPath | undefined;
  #next: Map<string, KeyPath> | undefined;
  #sorted: SortedKeys | undefined;

  constructor(before?: KeyPath, key = '') {
    this.#before = before;
    this.key = key;
    this.length = before === undefined ? 0 : before.length + 1;
  }

  /** The path with one key more. */
  and(key: string): KeyPath {
    const last = this.#last;
    return last !== undefined && last.key === key ? last : this.#find(key);
  }

  get sorted(): SortedKeys {
    this.#sorted ??= this.#sort();
    return this.#sorted;
  }

  /** The path of each key. */
  get steps(): readonly KeyPath[] {
    const steps: KeyPath[] = [];
    for (let path: KeyPath = this; path.#before !== undefined; path = path.#before) steps.push(path);
    return steps.reverse();
  }

  #find(key: string): KeyPath {
    const last = this.#last;
    if (last === undefined) {
      this.#last = new KeyPath(this, key);
      return this.#last;
    }
    this.#next ??= new Map([[last.key, last]]);
    let next = this.#next.get(key);
    if (next === undefined) {
      next = new KeyPath(this, key);
      this.#next.set(key, next);
    }
    this.#last = next;
    return next;
  }

  #sort(): SortedKeys {
    const { steps } = this;
    // By code units, and no two keys are equal.
    const sorted = [...steps].sort((a, b) => (a.key < b.key ? -1 : 1));
    let root: KeyPath = this;
    while (root.#before !== undefined) root = root.#before;
    let path = root;
    for (const { key } of sorted) path = path.and(key);
    return { path, places: sorted.map(({ length }) => length - 1) };
  }
}

/** The path of the same keys in order, and for each of them its place before. */
interface SortedKeys {
  readonly path: KeyPath;
  readonly places: readonly number[];
}
