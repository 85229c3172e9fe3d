import type { CallOutcome } from './metric-names.js';
import type { Outcome } from './record-types.js';
import type { EndedError } from './tracing.js';

const REFUSED: ReadonlySet<string | null> = new Set([
  'spend_budget_exceeded',
  'token_budget_exceeded',
  'capacity_exceeded',
  'invalid_option',
]);
const CALLERS: ReadonlySet<Outcome> = new Set(['caller-error', 'context-length', 'content-filter']);

export function callOutcomeOf(last: Outcome | undefined, error: EndedError | null): CallOutcome {
  if (error === null) return 'success';
  if (REFUSED.has(error.code)) return 'refused';
  if (error.code === 'deadline_exceeded') return 'deadline';
  if (last === 'aborted' || error.name === 'APIUserAbortError' || error.name === 'AbortError') return 'aborted';
  return last !== undefined && CALLERS.has(last) ? 'caller-error' : 'failed';
}
