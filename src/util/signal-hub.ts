import type { CancelSignal } from './cancel-signal.js';
import { invalidOption } from './check.js';

/**
 * A caller's signal with one listener for all waiting code. A platform's signal visits all its listeners to add or
 * remove one, which is slow for thousands of calls under one signal.
 */
export class SignalHub implements CancelSignal {
  readonly #listeners = new Set<() => void>();

  constructor(readonly source: CancelSignal) {}

  get aborted(): boolean {
    return this.source.aborted;
  }

  get reason(): unknown {
    return this.source.reason;
  }

  addEventListener(_: 'abort', listener: () => void): void {
    if (this.#listeners.size === 0) this.source.addEventListener('abort', this.#onAbort);
    this.#listeners.add(listener);
  }

  removeEventListener(_: 'abort', listener: () => void): void {
    if (this.#listeners.delete(listener) && this.#listeners.size === 0)
      this.source.removeEventListener('abort', this.#onAbort);
  }

  readonly #onAbort = (): void => {
    this.source.removeEventListener('abort', this.#onAbort);
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  };
}

/** The hubs of one router: one for each signal, for the signal's lifetime. */
export class SignalHubs {
  readonly #hubs = new WeakMap<CancelSignal, SignalHub>();

  /** Throws InvalidOptionError for anything else, such as the AbortController itself. */
  of(signal: CancelSignal): SignalHub {
    const known = this.#hubs.get(signal);
    if (known !== undefined) return known;
    if (typeof signal.addEventListener !== 'function')
      invalidOption('signal', signal, 'an AbortSignal, such as `controller.signal`');
    const hub = new SignalHub(signal);
    this.#hubs.set(signal, hub);
    return hub;
  }
}
