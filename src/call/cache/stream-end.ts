import type { AttemptEnd } from '../../types.js';

type Listener = (end: AttemptEnd) => void;

/**
 * How one caller's stream ended, for its listeners. They run in the async context of the call, whatever ended the
 * stream, and before the caller sees the end.
 */
export class StreamEnd {
  #end: AttemptEnd | undefined;
  readonly #listeners: Listener[] = [];
  readonly #resolve: () => void;

  constructor() {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#resolve = resolve;
    void promise.then(() => this.#notify());
  }

  onEnd(listener: Listener): void {
    if (this.#end === undefined) this.#listeners.push(listener);
    else listener(this.#end);
  }

  set(end: AttemptEnd): void {
    if (this.#end !== undefined) return;
    this.#end = end;
    this.#resolve();
  }

  #notify(): void {
    const end = this.#end;
    if (end !== undefined) for (const listener of this.#listeners.splice(0)) listener(end);
  }
}
