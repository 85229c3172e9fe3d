import type { StrategyDeployment } from '../../options/strategy.js';
import { sortedBy } from './sorted-by.js';

/**
 * Weighted rendezvous: each deployment draws `-ln(u) / weight`, and the lowest is first. A change of weights moves
 * about the fewest keys possible. Weight 0 goes last. `draw` returns `u`, above 0 and below 1.
 */
export function weightedOrder<T extends Pick<StrategyDeployment, 'id' | 'weight'>>(
  deployments: readonly T[],
  draw: (id: string) => number,
): T[] {
  return sortedBy(deployments, ({ id, weight }) =>
    weight > 0 ? -Math.log(draw(id)) / weight : Number.POSITIVE_INFINITY,
  );
}
