import type { StrategyDeployment } from '../../options/strategy.js';
import { sortedBy } from './sorted-by.js';

/** The cheapest for this request first; an unknown price goes last. Those slower than `preferP95Ms` go last, but stay in the order. */
export function lowestCostOrder<T extends Pick<StrategyDeployment, 'id' | 'expectedCostUsd' | 'p95Ms'>>(
  deployments: readonly T[],
  preferP95Ms: number | undefined,
): T[] {
  const byCost = sortedBy(deployments, (each) => each.expectedCostUsd ?? Number.POSITIVE_INFINITY);
  if (preferP95Ms === undefined) return byCost;
  return sortedBy(byCost, ({ p95Ms = 0 }) => (p95Ms > preferP95Ms ? 1 : 0));
}
