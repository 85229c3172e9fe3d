import type { Price } from '../../telemetry/record-types.js';
import { costOf, round } from '../cost.js';
import { type CheckedProjection, checkProjection, type ProjectionOptions } from './options.js';

/** One stage of growth. Amounts are in US dollars. */
export interface ProjectedStage {
  tokensPerMonth: number;
  usdPerMonth: number;
  routes: Record<string, { model: string; tokensPerMonth: number; usdPerMonth: number }>;
  /** `null` without a comparison. */
  againstUsdPerMonth: number | null;
  savedUsdPerMonth: number | null;
  /** Relative to `againstUsdPerMonth`: below 0 if that is cheaper, `null` if it is 0. */
  savedShare: number | null;
}

/** Plain JSON. */
export interface Projection {
  /** The model of the comparison. */
  against: string | null;
  stages: ProjectedStage[];
}

/** Projects the monthly cost by stage of growth and by route. Sends nothing. Throws InvalidOptionError. */
export function projectCost(options: ProjectionOptions): Projection {
  const checked = checkProjection(options);
  const { tokensPerMonth, stages, against } = checked;
  return {
    against: against?.name ?? null,
    stages: stages.map((times) => stageOf(Math.round(tokensPerMonth * times), checked)),
  };
}

function stageOf(tokensPerMonth: number, { routes, against, cachedInputShare }: CheckedProjection): ProjectedStage {
  let usd = 0;
  let againstUsd = 0;
  const byRoute: [string, ProjectedStage['routes'][string]][] = [];
  for (const { name, model, price, share, outputShare, cacheHitRate } of routes) {
    const tokens = tokensPerMonth * share;
    const split = { outputShare, cachedInputShare };
    const routeUsd = costOfTokens(tokens * (1 - cacheHitRate), split, price);
    usd += routeUsd;
    if (against !== undefined) againstUsd += costOfTokens(tokens, split, against.price);
    byRoute.push([name, { model, tokensPerMonth: round(tokens), usdPerMonth: routeUsd }]);
  }
  const saved = round(againstUsd - usd);
  return {
    tokensPerMonth,
    usdPerMonth: round(usd),
    routes: Object.fromEntries(byRoute),
    againstUsdPerMonth: against === undefined ? null : round(againstUsd),
    savedUsdPerMonth: against === undefined ? null : saved,
    savedShare: againstUsd === 0 ? null : round(saved / againstUsd),
  };
}

/** Uses the same rules as for calls. */
function costOfTokens(
  tokens: number,
  { outputShare, cachedInputShare }: { outputShare: number; cachedInputShare: number },
  price: Price,
): number {
  const outputTokens = tokens * outputShare;
  const inputTokens = tokens - outputTokens;
  const usage = { inputTokens, outputTokens, cachedInputTokens: inputTokens * cachedInputShare, reasoningTokens: 0 };
  return costOf(usage, price) ?? 0;
}
