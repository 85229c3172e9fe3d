import { describe, expect, it } from 'vitest';
import { budgetName } from '../../../src/call/spend/messages.js';
import { showUsd } from '../../../src/util/money.js';

describe('showUsd', () => {
  it.each([
    [0, '$0.00'],
    [400, '$400.00'],
    [1.005, '$1.00'],
    [0.25, '$0.25'],
    [0.05, '$0.050'],
    [0.000432, '$0.00043'],
    [1e-9, '$0.000000001'],
    [-2, '-$2.00'],
  ])('%d is %s', (usd, text) => {
    expect(showUsd(usd)).toBe(text);
  });
});

describe('budgetName', () => {
  it.each([
    [{ usd: 400, window: 'month', perTenant: false, route: undefined } as const, '$400 a month'],
    [{ usd: 2.5, window: 'hour', perTenant: true, route: undefined } as const, '$2.50 an hour for each tenant'],
    [{ usd: 1, window: 60_000, perTenant: false, route: 'chat' } as const, '$1 in any 60 seconds for the route "chat"'],
    [
      { usd: 5, window: 'day', perTenant: true, route: 'chat' } as const,
      '$5 a day for each tenant on the route "chat"',
    ],
    [{ usd: 1, window: 3_600_000, perTenant: false, route: undefined } as const, '$1 in any 60 minutes'],
    [{ usd: 1, window: 7 * 86_400_000, perTenant: false, route: undefined } as const, '$1 in any 7 days'],
    [{ usd: 1, window: 1000, perTenant: false, route: undefined } as const, '$1 in any second'],
    [{ usd: 1, window: 1500, perTenant: false, route: undefined } as const, '$1 in any 1500 ms'],
  ])('names a budget', (budget, name) => {
    expect(budgetName(budget)).toBe(name);
  });
});
