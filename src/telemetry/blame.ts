import { APIUserAbortError } from 'openai';
import { InvalidOptionError, SpendBudgetExceededError, TokenBudgetExceededError } from '../errors.js';
import type { CallRecord, Outcome } from './record-types.js';

/** Outcomes that are the caller's own. */
const CALLERS: ReadonlySet<Outcome> = new Set(['caller-error', 'context-length', 'content-filter', 'aborted']);

/**
 * Whether a failed call counts against its route: not the caller's errors and aborts, nor refusals by limits that the
 * application has set. A deadline counts, and so does having no deployment left.
 */
export function isBlamed({ attempts }: CallRecord, error: unknown): boolean {
  if (error === undefined || error instanceof APIUserAbortError || error instanceof InvalidOptionError) return false;
  if (error instanceof TokenBudgetExceededError || error instanceof SpendBudgetExceededError) return false;
  const last = attempts.findLast((attempt) => attempt.outcome !== 'lost');
  return last === undefined || !CALLERS.has(last.outcome);
}
