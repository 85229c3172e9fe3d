import type { Usage } from '../types.js';

/** The sums that `snapshot()` shows. */
export interface Totals extends Usage {
  requests: number;
  failures: number;
  slow: number;
  /** Attempts that a hedge has begun. */
  hedges: number;
  /** US dollars, of what is known. */
  costUsd: number;
}

export function newTotals(): Totals {
  return {
    requests: 0,
    failures: 0,
    slow: 0,
    hedges: 0,
    inputTokens: 0,
    outputTokens: 0,
    cachedInputTokens: 0,
    reasoningTokens: 0,
    costUsd: 0,
  };
}

export function addUsage(totals: Usage, usage: Usage): void {
  totals.inputTokens += usage.inputTokens;
  totals.outputTokens += usage.outputTokens;
  totals.cachedInputTokens += usage.cachedInputTokens;
  totals.reasoningTokens += usage.reasoningTokens;
}
