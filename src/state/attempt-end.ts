import type { AttemptEnd } from '../types.js';

/** How an attempt, or an answer without one, ended: what is not given has not been seen. */
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
