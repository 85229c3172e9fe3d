import type { SharedCall } from './shared-call.js';

/** What an equal call has in common with one in flight. */
export interface SharedKey {
  /** The call's own key, as it is: hashing a long text again takes time. */
  readonly key: string;
  readonly terms: string;
}

/** The calls in flight that an equal call can join. */
export class SharedCalls {
  readonly #byKey = new Map<string, Map<string, SharedCall>>();

  /** Not one that has failed, or that nothing waits for any more. */
  find({ key, terms }: SharedKey): SharedCall | undefined {
    const shared = this.#byKey.get(key)?.get(terms);
    return shared?.canBeJoined ? shared : undefined;
  }

  /** In place of one that is of no use any more. */
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
