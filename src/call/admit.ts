import { abortError } from '../classify.js';
import { NoDeploymentAvailableError } from '../errors.js';
import type { Layer } from '../pipeline.js';
import type { Call, CallReply } from '../types.js';

export const CLOSED = 'The router is closed.';

/** Rejects calls that are over before they begin: the router is closed, or the caller has already aborted. */
export function admit(isClosed: () => boolean): Layer<Call, CallReply> {
  return (next) =>
    function admit(call) {
      if (isClosed()) return Promise.reject(new NoDeploymentAvailableError(CLOSED));
      if (call.signal?.aborted) return Promise.reject(abortError(call.signal.reason));
      return next(call);
    };
}
