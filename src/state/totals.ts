import type { Usage } from '../telemetry/record-types.js';

/** The sums that `snapshot()` shows. */
export interface Totals extends Usage {
  requests: number;
  failures: number;
  slow: number;
  /** Hedges that were started. */
  hedges: number;
  /** Retries that the retry budget did not allow. */
  retriesWithheld: number;
  /** Known costs in US dollars. */
  costUsd: number;
  /** Attempts of unknown cost. */
  unpriced: number;
}

/** A sum with unknown parts: if nothing is known, it is `null`, not 0. */
export function knownSum(usd: number, unpriced: number): number | null {
  return usd === 0 && unpriced > 0 ? null : usd;
}

export function newTotals(): Totals {
  return {
    requests: 0,
    failures: 0,
    slow: 0,
    hedges: 0,
    retriesWithheld: 0,
    inputTokens: 0,
    outputTokens: 0,
    cachedInputTokens: 0,
    reasoningTokens: 0,
    costUsd: 0,
    unpriced: 0,
  };
}

/** Present only if a provider reported such tokens. */
const RARE_KINDS = [
  'cacheWriteTokens',
  'audioInputTokens',
  'imageInputTokens',
  'audioOutputTokens',
  'imageOutputTokens',
] as const satisfies readonly (keyof Usage)[];

/** The tokens only, without the other sums. */
export function usageOf(totals: Totals): Usage {
  const { inputTokens, outputTokens, cachedInputTokens, reasoningTokens } = totals;
  const usage: Usage = { inputTokens, outputTokens, cachedInputTokens, reasoningTokens };
  for (const kind of RARE_KINDS) {
    const tokens = totals[kind];
    if (tokens !== undefined) usage[kind] = tokens;
  }
  return usage;
}

export function addUsage(totals: Usage, usage: Usage): void {
  totals.inputTokens += usage.inputTokens;
  totals.outputTokens += usage.outputTokens;
  totals.cachedInputTokens += usage.cachedInputTokens;
  totals.reasoningTokens += usage.reasoningTokens;
  for (const kind of RARE_KINDS) {
    const tokens = usage[kind];
    if (tokens !== undefined) totals[kind] = (totals[kind] ?? 0) + tokens;
  }
}
