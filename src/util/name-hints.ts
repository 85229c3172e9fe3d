import { LRUCache } from 'lru-cache';
import { nearest, within } from './nearest.js';
import { cut } from './shown.js';

/** Wrong names come from outside, so at most this many are remembered. */
const MAX_NAMES = 1000;

/** Suggests the intended name for a wrong one. Each wrong name is looked up once. */
export class NameHints {
  readonly #nearest = new LRUCache<string, readonly string[]>({ max: MAX_NAMES });
  readonly #reported = new LRUCache<string, true>({ max: MAX_NAMES });

  constructor(readonly names: () => Iterable<string>) {}

  /** The nearest names, without `name` itself. */
  nearest(name: string): readonly string[] {
    const key = cut(name);
    const known = this.#nearest.get(key);
    if (known !== undefined) return known;
    const found = nearest(name, this.names(), 4)
      .filter((each) => each !== name)
      .slice(0, 3);
    this.#nearest.set(key, found);
    return found;
  }

  /** The known name that `name` differs from by a letter or two; only at its first occurrence. */
  firstTypo(name: string): string | undefined {
    const key = cut(name);
    if (this.#reported.has(key)) return undefined;
    this.#reported.set(key, true);
    // Two changed letters make a short name a different word.
    const limit = name.length > 3 ? 2 : name.length - 2;
    return limit < 1 ? undefined : within(name, this.names(), limit)[0];
  }
}
