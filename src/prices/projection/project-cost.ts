import type { Price } from '../../telemetry/record-types.js';
import { costOf, round } from '../cost.js';
import { type CheckedProjection, checkProjection, type ProjectionOptions } from './options.js';

/** One stage of growth. Money is US dollars. */
export interface ProjectedStage {
  tokensPerMonth: number;
  usdPerMonth: number;
  routes: Record<string, { model: string; tokensPerMonth: number; usdPerMonth: number }>;
  /** `null` where there is nothing to compare with. */
  againstUsdPerMonth: number | null;
  savedUsdPerMonth: number | null;
  /** Of `againstUsdPerMonth`; below 0 where that would be cheaper, `null` where it is 0. */
  savedShare: number | null;
}

/** Plain JSON. */
export interface Projection {
  /** The model that is compared with. */
  against: string | null;
  stages: ProjectedStage[];
}

/** What a month will cost, by stage of growth and by route. Sends nothing. Throws InvalidOptionError. */
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

/** By the rule that prices calls. */
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
