import type { AttemptEnd } from '../types.js';

/** The end of an attempt, or of an answer without one. Missing fields were not observed. */
export function attemptEnd(seen: Pick<AttemptEnd, 'outcome' | 'breaker'> & Partial<AttemptEnd>): AttemptEnd {
  return {
    failure: undefined,
    status: undefined,
    usage: undefined,
    servedModel: undefined,
    answerId: undefined,
    unfinished: false,
    ...seen,
  };
}
