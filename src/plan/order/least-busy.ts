import type { StrategyDeployment } from '../../options/strategy.js';
import type { Draw } from './draw.js';
import { sortedBy } from './sorted-by.js';

/** By the share of slots in use where every deployment has `maxConcurrent`, else by attempts in flight for each unit of weight; ties at random. */
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
