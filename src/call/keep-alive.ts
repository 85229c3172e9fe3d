import type { Call } from '../types.js';
import { ignoreRejection } from '../util/ignore-rejection.js';

/** Keeps work alive on a platform that ends it with the request. Call it while the request is still running. */
export function keepAlive({ settings: { waitUntil } }: Call, promise: PromiseLike<unknown>): void {
  try {
    ignoreRejection(waitUntil?.(Promise.resolve(promise)));
  } catch {
    // The request may be over. An error here is the application's, and must not fail the call.
  }
}
