import assert from 'node:assert/strict';
import type { Strategy, StrategyDeployment, StrategyView } from '../options/strategy.js';
import type { TestRunner } from './cache-store-contract.js';

/**
 * Tests for your own strategy, for vitest, node:test or jest. `create` returns a new strategy at each call, so that the
 * suite can compare two of them.
 *
 * @example
 * strategyContract({ describe, it }, 'quickest-under-five', () => quickestUnderFive());
 */
export function strategyContract({ describe, it }: TestRunner, name: string, create: () => Strategy): void {
  describe(name, () => {
    it('has a name, which records show as chosenBy', async () => {
      const strategy = create();
      assert.equal(typeof strategy.name, 'string');
      assert.notEqual(strategy.name.trim(), '');
      assert.equal(typeof strategy.order, 'function');
    });

    it('returns a permutation: each id of the view once, and no other', async () => {
      for (const view of views()) assertPermutation(create().order(view), view);
    });

    it('takes deployments of which nothing is known, and a single one', async () => {
      const unknown = (id: string) => deployment(id, {});
      for (const ids of [['only'], ['a', 'b'], ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i', 'j']]) {
        const view = viewOf(ids.map(unknown));
        assertPermutation(create().order(view), view);
      }
    });

    it('takes any id: names that every object has, numbers, spaces, slashes', async () => {
      const ids = ['10', '__proto__', 'constructor', '9', 'toString', 'Pro/a b', '日本語', ''];
      const view = viewOf(ids.map((id) => deployment(id, {})));
      assertPermutation(create().order(view), view);
    });

    it('takes numbers at their limits: weight 0, no attempt in flight, a price of 0, a thousand in flight', async () => {
      const view = viewOf([
        deployment('zero', { weight: 0, p50Ms: 0, p95Ms: 0, expectedCostUsd: 0, maxConcurrent: 1 }),
        deployment('large', { weight: 1e6, inFlight: 1000, p50Ms: 1e7, p95Ms: 1e7, expectedCostUsd: 1e6 }),
        deployment('usual', { p50Ms: 500, p95Ms: 900, expectedCostUsd: 0.001 }),
      ]);
      assertPermutation(create().order(view), view);
    });

    it('is pure: the same view gives the same order, whatever was ordered in between', async () => {
      const strategy = create();
      const first = views().map((view) => [view, [...strategy.order(view)]] as const);
      // In reverse order, which would reveal state.
      for (const [view, order] of first.reverse()) {
        assert.deepEqual(strategy.order(view), order, 'it returned another order for the same view');
        assert.deepEqual(create().order(view), order, 'a new one returned another order for the same view');
      }
    });

    it('leaves the view as it is', async () => {
      // Frozen, so that a change throws.
      for (const view of views()) assert.doesNotThrow(() => create().order(view));
    });

    it('answers for streams, and for any route', async () => {
      for (const view of views().slice(0, 5))
        for (const stream of [false, true])
          for (const route of ['chat', '__proto__']) {
            const changed = Object.freeze({ ...view, stream, route });
            assertPermutation(create().order(changed), changed);
          }
    });
  });
}

const VIEWS = 100;

/** The same views on every run, of one to ten deployments. Frozen. */
function views(): StrategyView[] {
  const random = numbers();
  return Array.from({ length: VIEWS }, (_, i) => {
    const count = 1 + (i % 10);
    return viewOf(
      Array.from({ length: count }, (_, n) =>
        deployment(`deployment-${n}`, {
          weight: Math.floor(random() * 4),
          inFlight: Math.floor(random() * 10),
          maxConcurrent: random() < 0.5 ? 10 : undefined,
          p50Ms: random() < 0.8 ? 100 * Math.ceil(random() * 9) : undefined,
          p95Ms: random() < 0.8 ? 1000 * Math.ceil(random() * 9) : undefined,
          expectedCostUsd: random() < 0.8 ? random() / 100 : undefined,
        }),
      ),
      i % 2 === 1,
    );
  });
}

function viewOf(deployments: readonly StrategyDeployment[], stream = false): StrategyView {
  return Object.freeze({ route: 'chat', stream, deployments: Object.freeze(deployments) });
}

function deployment(id: string, known: Partial<StrategyDeployment>): StrategyDeployment {
  return Object.freeze({
    id,
    weight: 1,
    inFlight: 0,
    maxConcurrent: undefined,
    p50Ms: undefined,
    p95Ms: undefined,
    expectedCostUsd: undefined,
    ...known,
  });
}

function assertPermutation(order: unknown, { deployments }: StrategyView): void {
  assert.ok(Array.isArray(order), `order must return an array of ids at once; it returned ${kindOf(order)}`);
  const ids = deployments.map(({ id }) => id);
  assert.deepEqual(
    [...order].sort(),
    [...ids].sort(),
    'order must return each id of view.deployments once, and no other',
  );
}

function kindOf(value: unknown): string {
  return value instanceof Promise ? 'a promise' : typeof value;
}

/** 0 up to 1, the same numbers each time (a linear congruential generator). */
function numbers(): () => number {
  let state = 1;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}
