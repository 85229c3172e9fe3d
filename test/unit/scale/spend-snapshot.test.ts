import { afterEach, expect, it, vi } from 'vitest';
import { spendSnapshot } from '../../../src/inspect/spend-snapshot.js';
import { SpendLedger } from '../../../src/state/spend-ledger.js';
import { SpendTable } from '../../../src/state/spend-table.js';
import { CalendarWindow } from '../../../src/state/spend-window.js';

afterEach(() => {
  vi.restoreAllMocks();
});

it('a snapshot of many tenants reads only what it shows', () => {
  const budgets = Array.from({ length: 10 }, (_, i) => ({
    usd: 20 + i,
    window: 'month' as const,
    perTenant: true,
    route: undefined,
  }));
  const ledger = new SpendLedger(budgets, { max: 5000, overflow: 'share' });
  for (let i = 0; i < 3000; i += 1) {
    const reservation = ledger.reserve(0.01, { route: null, tenant: `tenant-${i}` });
    if (!reservation.refused) ledger.settle(reservation, i / 1000);
  }
  const spent = vi.spyOn(CalendarWindow.prototype, 'spent');
  const toISOString = vi.spyOn(Date.prototype, 'toISOString');
  const snapshot = spendSnapshot({ ledger, spendTable: new SpendTable() });
  expect(snapshot.budgets).toHaveLength(1000);
  expect(snapshot.budgets[0]).toMatchObject({
    budget: '$20 a month for each tenant',
    tenant: 'tenant-2999',
    spentUsd: 2.999,
  });
  expect(snapshot.budgets[999]).toMatchObject({ budget: '$29 a month for each tenant', tenant: 'tenant-2900' });
  // 100 tenants of each budget, of 3,000.
  expect(spent.mock.calls.length).toBeLessThan(1100);
  expect(toISOString.mock.calls.length).toBeLessThan(4);
});
