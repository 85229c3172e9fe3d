import type { Strategy, StrategyDeployment, StrategyView } from 'model-router';
import { strategyContract } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { drawByKey } from '../../src/plan/order/draw.js';
import { leastBusyOrder } from '../../src/plan/order/least-busy.js';
import { lowestCostOrder } from '../../src/plan/order/lowest-cost.js';
import { weightedOrder } from '../../src/plan/order/weighted.js';

const idsOf = (deployments: readonly { id: string }[]) => deployments.map(({ id }) => id);
const own = (order: (deployments: readonly StrategyDeployment[]) => readonly { id: string }[]): Strategy => ({
  name: 'mine',
  order: ({ deployments }) => idsOf(order(deployments)),
});

const quickestUnderFive = own((deployments) =>
  [...deployments].sort((a, b) => Number(a.inFlight >= 5) - Number(b.inFlight >= 5) || (a.p50Ms ?? 0) - (b.p50Ms ?? 0)),
);

const draw = drawByKey('salt', 'user');
strategyContract({ describe, it }, 'the example of the docs', () => quickestUnderFive);
strategyContract({ describe, it }, 'weighted', () => own((each) => weightedOrder(each, draw)));
strategyContract({ describe, it }, 'lowest-cost', () => own((each) => lowestCostOrder(each, 5000)));
strategyContract({ describe, it }, 'least-busy', () => own((each) => leastBusyOrder(each, draw)));

/** The tests of the suite that fail for a strategy. */
async function failuresOf(create: () => Strategy): Promise<string[]> {
  const tests: [string, () => Promise<void>][] = [];
  const runner = {
    describe: (_: string, body: () => void) => body(),
    it: (name: string, body: () => Promise<void>) => void tests.push([name, body]),
  };
  strategyContract(runner, 'broken', create);
  const failed: string[] = [];
  for (const [name, body] of tests)
    await body().catch((error: unknown) => failed.push(`${name}: ${error instanceof Error ? error.message : ''}`));
  return failed;
}

const asIs = (view: StrategyView) => idsOf(view.deployments);

describe('strategyContract', () => {
  it('accepts the listed order', async () => {
    expect(await failuresOf(() => ({ name: 'listed', order: asIs }))).toEqual([]);
  });

  it.each<[string, (view: StrategyView) => unknown, RegExp]>([
    ['omits one', (view) => asIs(view).slice(1), /permutation/],
    ['repeats one', (view) => [...asIs(view), asIs(view)[0]], /permutation/],
    ['names an unknown one', (view) => [...asIs(view), 'other'], /permutation/],
    ['returns deployments', (view) => view.deployments, /permutation/],
    ['returns a promise', async (view) => asIs(view), /a promise/],
    [
      'throws if times are unknown',
      (view) => (view.deployments.some((each) => each.p50Ms === undefined) ? raise() : asIs(view)),
      /nothing is known/,
    ],
    ['sorts the view itself', (view) => idsOf((view.deployments as StrategyDeployment[]).sort()), /leaves the view/],
    [
      'loses ids that are names of objects',
      (view) =>
        Object.keys(Object.assign({}, ...asIs(view).map((id) => ({ [id]: 1 })))).filter((id) => id !== '__proto__'),
      /any id/,
    ],
  ])('rejects one that %s', async (_, order, found) => {
    const failed = await failuresOf(() => ({ name: 'broken', order: order as Strategy['order'] }));
    expect(failed.join('\n')).toMatch(found);
  });

  it('rejects one without a name', async () => {
    expect(await failuresOf(() => ({ name: ' ', order: asIs }))).toHaveLength(1);
  });

  it('rejects one that counts its calls, and one that draws', async () => {
    const turning = () => {
      let turn = 0;
      const order = (view: StrategyView) => {
        turn += 1;
        return [...asIs(view).slice(turn % 2), ...asIs(view).slice(0, turn % 2)];
      };
      return { name: 'turning', order };
    };
    expect((await failuresOf(turning)).join()).toMatch(/is pure/);
    const drawn = (view: StrategyView) => asIs(view).sort(() => Math.random() - 0.5);
    expect((await failuresOf(() => ({ name: 'drawn', order: drawn }))).join()).toMatch(/is pure/);
    let made = 0;
    const each = () => {
      made += 1;
      const isOdd = made % 2 === 1;
      return { name: 'each', order: (view: StrategyView) => (isOdd ? asIs(view) : asIs(view).reverse()) };
    };
    expect((await failuresOf(each)).join()).toMatch(/a new one returned another order/);
  });
});

function raise(): never {
  throw new Error('No time is known.');
}
