import type { CancelSignal } from './cancel-signal.js';

/**
 * Waits `ms` milliseconds, or until `onWake`'s callback is called; rejects with the signal's reason as soon as it is
 * aborted. `onWake` returns a function that unsubscribes. Leaves no timer and no listener.
 */
export function sleep(
  ms: number,
  signal: CancelSignal | undefined,
  onWake?: (wake: () => void) => () => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      forget?.();
    };
    const onAbort = () => {
      end();
      reject(signal?.reason);
    };
    const wake = () => {
      end();
      resolve();
    };
    const timer = setTimeout(wake, ms);
    const forget = onWake?.(wake);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
