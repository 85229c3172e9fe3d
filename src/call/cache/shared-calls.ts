import type { SharedCall } from './shared-call.js';

/** What an equal call must share with one in flight. */
export interface SharedKey {
  /** The call's own key, not hashed, because hashing a long text takes time. */
  readonly key: string;
  readonly terms: string;
}

/** The calls in flight that an equal call can join. */
export class SharedCalls {
  readonly #byKey = new Map<string, Map<string, SharedCall>>();

  /** Skips a call that has failed, or whose callers have all left. */
  find({ key, terms }: SharedKey): SharedCall | undefined {
    const shared = this.#byKey.get(key)?.get(terms);
    return shared?.canBeJoined ? shared : undefined;
  }

  /** Replaces a call that can no longer be joined. */
  add({ key, terms }: SharedKey, shared: SharedCall): void {
    const byTerms = this.#byKey.get(key);
    if (byTerms === undefined) this.#byKey.set(key, new Map([[terms, shared]]));
    else byTerms.set(terms, shared);
  }

  remove({ key, terms }: SharedKey, shared: SharedCall): void {
    const byTerms = this.#byKey.get(key);
    if (byTerms?.get(terms) !== shared) return;
    byTerms.delete(terms);
    if (byTerms.size === 0) this.#byKey.delete(key);
  }
}
