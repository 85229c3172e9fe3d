import { maxUsdOf, worstCases } from '../../prices/worst-case.js';
import type { Call } from '../../types.js';
import { roundUpUsd } from '../../util/money.js';
import { decide, hasSpendLimit, type SpendDecision, type SpendParts, without } from './decide.js';

/**
 * What a call may cost, and which limits apply. Deployments that the limits exclude are removed from the call's
 * targets.
 */
export function explainSpend(
  parts: SpendParts,
  call: Call,
): { usd: number | null; excluded: SpendDecision['excluded']; refused: SpendDecision['refused'] } {
  if (hasSpendLimit(parts, call)) {
    const { cases, usd, excluded, refused } = decide(parts, call, false);
    if (excluded.length > 0) call.targets = without(call.targets, excluded);
    return { usd: cases.some((each) => each.usd !== undefined) ? roundUpUsd(usd) : null, excluded, refused };
  }
  const cases = worstCases(parts, call);
  const isKnown = cases.length > 0 && cases.every(({ usd }) => usd !== undefined);
  return {
    usd: isKnown ? roundUpUsd(maxUsdOf(cases, call.maxAttempts, parts.mayRepeat)) : null,
    excluded: [],
    refused: undefined,
  };
}
