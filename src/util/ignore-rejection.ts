import { isPromise } from './is-promise.js';

/**
 * For what an application's function has returned where no promise is awaited: the rejection of an async function must
 * not end the process.
 */
export function ignoreRejection(returned: unknown): void {
  if (isPromise(returned)) returned.then(undefined, () => undefined);
}
