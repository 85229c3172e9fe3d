import { abortError, classify, copyError } from '../../classify.js';
import {
  DeadlineExceededError,
  NoDeploymentAvailableError,
  SpendBudgetExceededError,
  StreamInterruptedError,
  TokenBudgetExceededError,
} from '../../errors.js';
import { textOf } from '../../protocol/delivered.js';
import { is } from '../../sdk/sdk-errors.js';
import { CALLER_OUTCOMES } from '../../telemetry/call-outcome.js';
import type { Call } from '../../types.js';

/** Whether the deployments failed, rather than the caller. A stale answer does not hide the caller's own errors. */
export function isDeploymentFault(error: unknown): boolean {
  if (error instanceof TokenBudgetExceededError || error instanceof SpendBudgetExceededError) return false;
  const { outcome } = classify(error, 0, 0);
  return outcome !== 'aborted' && !CALLER_OUTCOMES.has(outcome);
}

/** Copies the error of a shared call: each caller gets its own error, with its own record. */
export function copyForAnother(error: unknown, call: Call, partial?: readonly unknown[]): unknown {
  if (!(error instanceof Error)) return error;
  const { cause } = error;
  if (error instanceof DeadlineExceededError)
    return new DeadlineExceededError(call.settings.deadlineMs, cause instanceof Error ? cause : undefined);
  if (error instanceof NoDeploymentAvailableError) return new NoDeploymentAvailableError(error.message);
  if (error instanceof StreamInterruptedError)
    return new StreamInterruptedError(
      error.reason,
      partial ?? error.partial,
      partial === undefined ? error.text : textOf(partial),
      cause instanceof Error ? cause : undefined,
      error.upstreamCode,
    );
  if (is(error, 'APIUserAbortError')) return abortError(cause);
  const copy = copyError(error);
  return copy === error ? cloned(error) : copy;
}

/** The same class of error with the same properties and stack, but separate headers. */
function cloned(error: Error): Error {
  const copy = new Error(error.message);
  const properties: PropertyDescriptorMap = Object.getOwnPropertyDescriptors(error);
  if ('headers' in error && error.headers instanceof Headers)
    properties.headers = { value: new Headers(error.headers), configurable: true, writable: true };
  Object.defineProperties(copy, properties);
  return Object.setPrototypeOf(copy, Object.getPrototypeOf(error));
}
