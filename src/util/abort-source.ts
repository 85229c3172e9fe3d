import type { CancelSignal } from './cancel-signal.js';

/**
 * An `AbortController` and its signal in one, for signals that only the router sees. It is cheaper, and may be created at
 * module scope and outlive a request, which Workers forbid for the platform's own.
 */
export class AbortSource implements CancelSignal {
  aborted = false;
  reason: unknown;
  readonly #listeners = new Set<() => void>();

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.add(listener);
  }

  removeEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.delete(listener);
  }

  abort(reason: unknown): void {
    if (this.aborted) return;
    this.aborted = true;
    this.reason = reason;
    const listeners = [...this.#listeners];
    this.#listeners.clear();
    for (const listener of listeners) listener();
  }
}
