const registry =
  typeof FinalizationRegistry === 'undefined'
    ? undefined
    : new FinalizationRegistry<() => void>((run) => {
        run();
      });

/**
 * Runs `run` some time after `target` has been collected as garbage, if the platform supports it. `run` must not hold
 * on to `target`: it never would be then. Returns a function that calls it off.
 */
export function onCollected(target: object, run: () => void): () => void {
  const token = {};
  registry?.register(target, run, token);
  return () => registry?.unregister(token);
}

/** Gives `target` as long as something else holds it. */
export function weakly<T extends object>(target: T): () => T | undefined {
  if (typeof WeakRef === 'undefined') return () => target;
  const ref = new WeakRef(target);
  return () => ref.deref();
}
