import { afterEach, describe, expect, it, vi } from 'vitest';
import { callOptions, ModelRouter, type RouterOptions } from '../../../src/index.js';
import { CalendarWindow } from '../../../src/state/spend-window.js';
import { fakeFetch } from '../../../src/testing/index.js';

afterEach(() => {
  vi.restoreAllMocks();
});

function routerOf(deployments: number, options: Partial<RouterOptions>): ModelRouter {
  const names = Array.from({ length: deployments }, (_, i) => `d${i}`);
  const price = { input: 1, output: 2 };
  return new ModelRouter({
    clients: {
      default: { apiKey: 'sk-scale-0000', baseURL: 'http://scale.invalid/v1', fetch: fakeFetch({ models: ['m'] }) },
    },
    deployments: Object.fromEntries(names.map((name) => [name, { client: 'default', model: 'm', price }])),
    routes: { all: names },
    ...options,
  });
}

const WORDS = 'Summarise this in one sentence, please. ';
const ask = (router: ModelRouter, length: number, tenant = 'acme') =>
  router.chat.completions.create(
    {
      model: 'all',
      messages: [{ role: 'user', content: WORDS.repeat(Math.ceil(length / WORDS.length)).slice(0, length) }],
    },
    callOptions({ tenant }),
  );

/** How many characters of long texts a call reads one by one. */
async function charactersRead(router: ModelRouter, length: number): Promise<number> {
  await ask(router, length);
  let read = 0;
  const { charCodeAt } = String.prototype;
  vi.spyOn(String.prototype, 'charCodeAt').mockImplementation(function counted(this: string, at) {
    if (this.length === length) read += 1;
    return charCodeAt.call(this, at);
  });
  await ask(router, length);
  vi.restoreAllMocks();
  return read;
}

describe('a call under limits of money and tokens', () => {
  const limits = {
    budgets: [
      { usd: 1000, window: 'day', per: 'tenant' },
      { usd: 1000, windowMs: 3_600_000 },
    ],
    maxInputTokens: 1_000_000,
    maxCostUsd: 100,
  } as const satisfies Partial<RouterOptions>;

  it.each([1, 1000])('reads its text once for all limits and %i deployments', async (deployments) => {
    const router = routerOf(deployments, limits);
    const read = await charactersRead(router, 1500);
    expect(read).toBeGreaterThanOrEqual(1500);
    expect(read).toBeLessThan(2 * 1500);
    await router.close();
  });

  it('reads samples of a long text', async () => {
    const router = routerOf(2, limits);
    expect(await charactersRead(router, 64 * 1024)).toBeLessThan(8000);
    expect(await charactersRead(router, 1024 * 1024)).toBeLessThan(40_000);
    await router.close();
  });

  it('reads the clock a few times for a budget', async () => {
    const readClock = async (options: Partial<RouterOptions>) => {
      const router = routerOf(2, options);
      await ask(router, 100);
      const now = vi.spyOn(Date, 'now');
      await ask(router, 100);
      const { length } = now.mock.calls;
      vi.restoreAllMocks();
      await router.close();
      return length;
    };
    const added = (await readClock({ budgets: limits.budgets.slice(0, 1) })) - (await readClock({}));
    expect(added).toBeGreaterThan(0);
    expect(added).toBeLessThanOrEqual(5);
  });

  it('adds up each budget a few times, however many tenants there are', async () => {
    const router = routerOf(2, {
      budgets: Array.from({ length: 10 }, (_, i) => ({ usd: 100 + i, window: 'day' as const, per: 'tenant' as const })),
    });
    const sums = async (tenant: string) => {
      const spent = vi.spyOn(CalendarWindow.prototype, 'spent');
      await ask(router, 100, tenant);
      const { length } = spent.mock.calls;
      spent.mockRestore();
      return length;
    };
    const first = await sums('first');
    for (let i = 0; i < 300; i += 1) await ask(router, 100, `tenant-${i}`);
    expect(await sums('last')).toBe(first);
    expect(first).toBeLessThanOrEqual(10 * 6);
    await router.close();
  });
});
