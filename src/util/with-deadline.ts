import type { CancelSignal } from './cancel-signal.js';

/**
 * Resolves to the promise's value, or `undefined` if it has not settled by `deadline`, a `performance.now()` time, or
 * before `signal` aborts.
 */
export async function withDeadline<T>(
  deadline: number,
  promise: Promise<T>,
  signal?: CancelSignal,
): Promise<T | undefined> {
  let stop: () => void = () => undefined;
  const late = new Promise<undefined>((resolve) => {
    const onLate = () => resolve(undefined);
    const timer = setTimeout(onLate, Math.max(0, Math.ceil(deadline - performance.now())));
    signal?.addEventListener('abort', onLate);
    stop = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onLate);
    };
    if (signal?.aborted) onLate();
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    stop();
  }
}
