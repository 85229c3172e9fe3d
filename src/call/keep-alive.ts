import type { Call } from '../types.js';

/** On a platform that ends what goes on after a request. To be called while the request is there. */
export function keepAlive({ settings: { waitUntil } }: Call, promise: PromiseLike<unknown>): void {
  try {
    waitUntil?.(Promise.resolve(promise));
  } catch {
    // The request may be over. What fails is the application's, not the call.
  }
}
