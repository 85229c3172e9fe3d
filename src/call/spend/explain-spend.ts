import { readInput } from '../../tokens/read-input.js';
import type { Call } from '../../types.js';
import { isLimited, judge, type SpendParts, type Verdict } from './layer.js';
import { mostOfAttempts, mostPerAttempt } from './worst-case.js';

/** What a call may cost, and what the limits say to it. Whom they leave out is left out of the call. */
export function explainSpend(
  parts: SpendParts,
  call: Call,
): { usd: number | null; excluded: Verdict['excluded']; refused: Verdict['refused'] } {
  if (isLimited(parts, call)) {
    const { most, usd, excluded, refused } = judge(parts, call, readInput(call.body, call.protocol), false);
    if (excluded.length > 0) call.targets = most.map(({ target }) => target);
    return { usd: most.some((each) => each.usd !== undefined) ? usd : null, excluded, refused };
  }
  const most = mostPerAttempt(call, readInput(call.body, call.protocol), parts.estimator);
  const isKnown = most.length > 0 && most.every(({ usd }) => usd !== undefined);
  return {
    usd: isKnown ? mostOfAttempts(most, call.maxAttempts, parts.mayRepeat) : null,
    excluded: [],
    refused: undefined,
  };
}
