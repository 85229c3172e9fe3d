import type { StrategyDeployment } from '../../options/strategy.js';
import type { Draw } from './draw.js';
import { sortedBy } from './sorted-by.js';

/**
 * Orders by the share of slots in use if every deployment has `maxConcurrent`, else by attempts in flight per unit of
 * weight. Ties are random.
 */
export function leastBusyOrder<T extends Pick<StrategyDeployment, 'id' | 'weight' | 'inFlight' | 'maxConcurrent'>>(
  deployments: readonly T[],
  draw: Draw,
): T[] {
  const haveSlots = deployments.every((each) => each.maxConcurrent !== undefined);
  const load = ({ weight, inFlight, maxConcurrent = 1 }: T) => {
    if (weight === 0) return Number.POSITIVE_INFINITY;
    return haveSlots ? inFlight / maxConcurrent : inFlight / weight;
  };
  return sortedBy(
    sortedBy(deployments, (each) => draw(each.id)),
    load,
  );
}
