/**
 * The keys of an object, one after the other, in the order in which it has them. Objects with the same keys end at the
 * same path, so their keys are sorted and written once.
 */
export class KeyPath {
  readonly #before: KeyPath | undefined;
  readonly #key: string;
  /** The path of the key that followed last, and of others that have followed. */
  #last: KeyPath | undefined;
  #others: Map<string, KeyPath> | undefined;
  #sorted: readonly string[] | undefined;
  #text = '';

  constructor(before?: KeyPath, key = '') {
    this.#before = before;
    this.#key = key;
  }

  /** The path with one key more. */
  and(key: string): KeyPath {
    const last = this.#last;
    if (last !== undefined) {
      if (last.#key === key) return last;
      this.#others ??= new Map();
      this.#others.set(last.#key, last);
    }
    this.#last = this.#others?.get(key) ?? new KeyPath(this, key);
    return this.#last;
  }

  get sorted(): readonly string[] {
    return this.#sorted ?? this.#sort();
  }

  /** The sorted keys, as they are in the canonical text. */
  get text(): string {
    if (this.#sorted === undefined) this.#sort();
    return this.#text;
  }

  #sort(): readonly string[] {
    const keys: string[] = [];
    for (let path: KeyPath = this; path.#before !== undefined; path = path.#before) keys.push(path.#key);
    this.#sorted = keys.sort();
    this.#text = '{';
    for (const key of this.#sorted) this.#text += `${key.length}"${key}`;
    this.#text += ':';
    return this.#sorted;
  }
}
