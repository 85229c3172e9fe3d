import { describe, expect, it } from 'vitest';
import { rawRouter, response } from '../helpers/raw-answers.js';

const setup = {
  deployments: { m: { price: { input: 1000, output: 1000 } } },
  maxAttempts: 1,
  budgets: [{ usd: 5, window: 'day' as const }],
};
const usage = { input_tokens: 100, output_tokens: 900, total_tokens: 1000 };
const begun = (status: string) => response(null, [], { output: [], background: true, status });

describe('a response in the background', () => {
  const start = () => {
    let last: unknown = begun('in_progress');
    const built = rawRouter(({ method }) => (method === 'post' ? begun('queued') : last), setup);
    const create = () =>
      built.router.responses.create({ model: 'm', input: 'Hi', background: true, max_output_tokens: 3000 });
    const budget = () => built.router.snapshot().spend.budgets[0];
    return { ...built, create, budget, end: (answer: unknown) => (last = answer) };
  };

  it('is billed once, by the retrieve that reports its usage; its money stays reserved until then', async () => {
    const { router, create, budget, end } = start();
    await create();
    expect(budget()?.spentUsd).toBe(0);
    expect(budget()?.reservedUsd).toBeGreaterThan(3);
    await router.responses.retrieve('resp_1');
    expect(budget()?.reservedUsd).toBeGreaterThan(3);
    end(response(usage, [], { background: true }));
    await router.responses.retrieve('resp_1');
    await router.responses.retrieve('resp_1');
    expect(budget()).toMatchObject({ spentUsd: 1, reservedUsd: 0 });
    expect(router.snapshot().spend.totalUsd).toBeCloseTo(1, 9);
    expect(router.snapshot().deployments.m).toMatchObject({ costUsd: 1, inFlight: 0 });
  });

  it('frees no money for other calls while it runs', async () => {
    const { create } = start();
    await create();
    await expect(create()).rejects.toMatchObject({ code: 'spend_budget_exceeded' });
  });
});
