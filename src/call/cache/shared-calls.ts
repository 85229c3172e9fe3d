import type { SharedCall } from './shared-call.js';

/** The calls in flight that an equal call can join. */
export class SharedCalls {
  readonly #byKey = new Map<string, SharedCall>();

  /** Not one that has failed, or that nothing waits for any more. */
  find(key: string): SharedCall | undefined {
    const shared = this.#byKey.get(key);
    return shared?.canBeJoined ? shared : undefined;
  }

  /** In place of one that is of no use any more. */
  add(key: string, shared: SharedCall): void {
    this.#byKey.set(key, shared);
  }

  remove(key: string, shared: SharedCall): void {
    if (this.#byKey.get(key) === shared) this.#byKey.delete(key);
  }
}
