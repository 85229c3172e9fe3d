import { LRUCache } from 'lru-cache';
import { nearest, within } from './nearest.js';
import { cut } from './shown.js';

/** Wrong names come from outside: so many are remembered. */
const MAX_NAMES = 1000;

/** What a wrong name was probably meant to be. Each is looked up once, however often it comes. */
export class NameHints {
  readonly #nearest = new LRUCache<string, readonly string[]>({ max: MAX_NAMES });
  readonly #reported = new LRUCache<string, true>({ max: MAX_NAMES });

  constructor(readonly names: () => Iterable<string>) {}

  /** The nearest of the names, without `name` itself. */
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

  /** The name that `name` differs from by a letter or two; only when it comes for the first time. */
  firstSlip(name: string): string | undefined {
    const key = cut(name);
    if (this.#reported.has(key)) return undefined;
    this.#reported.set(key, true);
    // Two letters make another word of a short one.
    const limit = name.length > 3 ? 2 : name.length - 2;
    return limit < 1 ? undefined : within(name, this.names(), limit)[0];
  }
}
