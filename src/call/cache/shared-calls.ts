import type { SharedCall } from './shared-call.js';

/** The calls in flight that an equal call can join: one for each `sharedKeyOf`. */
export class SharedCalls {
  readonly #calls = new Map<string, SharedCall>();

  /** Skips a call that has failed, or whose callers have all left. */
  find(key: string): SharedCall | undefined {
    const shared = this.#calls.get(key);
    return shared?.canBeJoined ? shared : undefined;
  }

  /** Replaces a call that can no longer be joined. */
  add(key: string, shared: SharedCall): void {
    this.#calls.set(key, shared);
  }

  remove(key: string, shared: SharedCall): void {
    if (this.#calls.get(key) === shared) this.#calls.delete(key);
  }
}
