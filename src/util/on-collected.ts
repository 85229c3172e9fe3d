const registry =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry<() => void>((run) => {
        run();
      });

/**
 * Calls `run` some time after `target` has been garbage-collected, if the platform supports it. `run` must not refer to
 * `target`, or it would never be collected. Returns a function that cancels it.
 */
export function onCollected(target: object, run: () => void): () => void {
  const token = {};
  registry?.register(target, run, token);
  return () => registry?.unregister(token);
}

/** Returns a getter of `target`, which gives `undefined` once nothing else refers to it. */
export function weakly<T extends object>(target: T): () => T | undefined {
  if (typeof WeakRef === 'undefined') return () => target;
  const ref = new WeakRef(target);
  return () => ref.deref();
}
