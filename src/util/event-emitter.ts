type Name = string | symbol;
type Listener = (...args: never[]) => unknown;

/**
 * The part of Node's `EventEmitter` that opossum uses, so that our builds need no `events` module. The npm package of
 * that name ignores the second argument of `listenerCount`, so only the first breaker's window would advance.
 */
export class EventEmitter {
  /** Lists are replaced, not changed, so that a running iteration is not affected. */
  readonly #listeners = new Map<Name, readonly Listener[]>();

  on(name: Name, listener: Listener): this {
    this.#listeners.set(name, [...(this.#listeners.get(name) ?? []), listener]);
    return this;
  }

  removeListener(name: Name, listener: Listener): this {
    const listeners = this.#listeners.get(name) ?? [];
    const at = listeners.lastIndexOf(listener);
    if (at === -1) return this;
    if (listeners.length === 1) this.#listeners.delete(name);
    else this.#listeners.set(name, listeners.toSpliced(at, 1));
    return this;
  }

  removeAllListeners(name?: Name): this {
    if (name === undefined) this.#listeners.clear();
    else this.#listeners.delete(name);
    return this;
  }

  listenerCount(name: Name, listener?: Listener): number {
    const listeners = this.#listeners.get(name) ?? [];
    return listener === undefined ? listeners.length : listeners.filter((each) => each === listener).length;
  }

  emit(name: Name, ...args: unknown[]): boolean {
    const listeners = this.#listeners.get(name);
    if (listeners === undefined) return false;
    for (const listener of listeners) Reflect.apply(listener, this, args);
    return true;
  }
}
