import type { StrategyDeployment } from '../../options/strategy.js';
import { sortedBy } from './sorted-by.js';

/**
 * Puts the cheapest deployment for this request first, and unknown prices last. Deployments slower than `preferP95Ms`
 * follow after those.
 */
export function lowestCostOrder<T extends Pick<StrategyDeployment, 'id' | 'expectedCostUsd' | 'p95Ms'>>(
  deployments: readonly T[],
  preferP95Ms: number | undefined,
): T[] {
  const byCost = sortedBy(deployments, (each) => each.expectedCostUsd ?? Number.POSITIVE_INFINITY);
  if (preferP95Ms === undefined) return byCost;
  return sortedBy(byCost, ({ p95Ms = 0 }) => (p95Ms > preferP95Ms ? 1 : 0));
}
