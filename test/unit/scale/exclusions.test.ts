import { afterEach, describe, expect, it, vi } from 'vitest';
import { ModelRouter, type RouterOptions } from '../../../src/index.js';
import { SpendLedger } from '../../../src/state/spend-ledger.js';

const messages = [{ role: 'user' as const, content: 'Hello.' }];

afterEach(() => {
  vi.restoreAllMocks();
});

/** A route of this many deployments; each costs a dollar more than the one before it. */
function routerOf(count: number, options: Partial<RouterOptions> = {}, more: object = {}): ModelRouter {
  const names = Array.from({ length: count }, (_, i) => `d${i}`);
  return new ModelRouter({
    clients: { default: { apiKey: 'sk-scale-0000', baseURL: 'http://scale.invalid/v1' } },
    deployments: Object.fromEntries(
      names.map((name, i) => [
        name,
        { model: 'm', price: { input: 0, output: 1000 * (i + 1) }, maxOutputTokens: 1000, ...more },
      ]),
    ),
    routes: { all: names },
    maxAttempts: 1,
    ...options,
  });
}

describe("overBudget: 'skip'", () => {
  it.each([100, 1000])('reads the budgets a few times for about %i deployments', (count) => {
    const refusalOf = vi.spyOn(SpendLedger.prototype, 'refusalOf');
    const router = routerOf(count, { overBudget: 'skip', budgets: [{ usd: 50, window: 'day' }] });
    const { deployments } = router.explain({ model: 'all', messages });
    expect(refusalOf.mock.calls.length).toBeLessThan(16);
    expect(deployments.filter(({ excluded }) => excluded === undefined)).toHaveLength(50);
    expect(deployments.find(({ id }) => id === 'd50')?.excluded).toContain('could cost $51');
    expect(deployments.find(({ id }) => id === `d${count - 1}`)?.excluded).toContain(`could cost $${count}`);
  });

  it('leaves one, which the refusal names', async () => {
    const router = routerOf(1000, { overBudget: 'skip', maxCostUsd: 0.5 });
    await expect(router.chat.completions.create({ model: 'all', messages })).rejects.toMatchObject({ estimateUsd: 1 });
  });

  it('adds up the most expensive attempts where none is tried twice', () => {
    const router = routerOf(4, {
      overBudget: 'skip',
      maxCostUsd: 5,
      maxAttempts: 2,
      retry: { budget: 0, minPerSecond: 0 },
    });
    const { deployments } = router.explain({ model: 'all', messages });
    // The last two cost 7 dollars, the two before them 5.
    expect(deployments.filter(({ excluded }) => excluded === undefined).map(({ id }) => id)).toEqual([
      'd0',
      'd1',
      'd2',
    ]);
  });
});

it('counts an input that is too long once for all deployments of a model', () => {
  const countTokens = vi.fn(() => 5000);
  const router = routerOf(1000, { countTokens }, { contextWindow: 100 });
  const { deployments } = router.explain({ model: 'all', messages: [{ role: 'user', content: 'word '.repeat(5000) }] });
  expect(deployments.filter(({ excluded }) => excluded === undefined)).toHaveLength(1);
  expect(countTokens).toHaveBeenCalledTimes(1);
});
