import { afterEach, describe, expect, it, vi } from 'vitest';
import { spendSnapshot } from '../../../src/inspect/spend-snapshot.js';
import { SpendLedger } from '../../../src/state/spend-ledger.js';
import { SpendTable } from '../../../src/state/spend-table.js';
import { CalendarWindow, SlidingWindow } from '../../../src/state/spend-window.js';
import type { CalendarUnit } from '../../../src/util/calendar.js';
import { useFakeTime } from '../../helpers/clock.js';

useFakeTime();
const MINUTE = 60_000;
const TENANTS = 3000;

afterEach(() => {
  vi.restoreAllMocks();
});

/** Ten budgets of this many tenants, each of which has spent more than the one before it. */
function ledgerOf(window: CalendarUnit | number): SpendLedger {
  const budgets = Array.from({ length: 10 }, (_, i) => ({ usd: 20 + i, window, perTenant: true, route: undefined }));
  const ledger = new SpendLedger(budgets, { max: 5000, overflow: 'share' });
  for (let i = 0; i < TENANTS; i += 1) {
    const reservation = ledger.reserve(0.01, { route: null, tenant: `tenant-${i}` });
    if (!reservation.refused) ledger.settle(reservation, i / 1000);
  }
  return ledger;
}

/** How often a snapshot adds up a tenant's spending, and formats a time. */
function looks(ledger: SpendLedger) {
  const spent = [CalendarWindow, SlidingWindow].map((window) => vi.spyOn(window.prototype, 'spent'));
  const toISOString = vi.spyOn(Date.prototype, 'toISOString');
  const { budgets } = spendSnapshot({ ledger, spendTable: new SpendTable() });
  const counts = {
    sums: spent.reduce((sum, { mock }) => sum + mock.calls.length, 0),
    times: toISOString.mock.calls.length,
  };
  vi.restoreAllMocks();
  return { budgets, ...counts };
}

describe('a snapshot of many tenants', () => {
  it.each(['month', 60 * MINUTE] as const)('adds up, and writes out, only what it shows (%s)', (window) => {
    const { budgets, sums, times } = looks(ledgerOf(window));
    const name = window === 'month' ? 'a month' : 'in any 60 minutes';
    expect(budgets).toHaveLength(1000);
    expect(budgets[0]).toMatchObject({
      budget: `$20 ${name} for each tenant`,
      tenant: `tenant-${TENANTS - 1}`,
      spentUsd: (TENANTS - 1) / 1000,
    });
    expect(budgets[999]).toMatchObject({ budget: `$29 ${name} for each tenant`, tenant: `tenant-${TENANTS - 100}` });
    // 100 tenants of each budget.
    expect(sums).toBeLessThan(1100);
    expect(times).toBeLessThan(4);
  });

  it('recomputes only the sliding windows that may still be among the highest', () => {
    const ledger = ledgerOf(60 * MINUTE);
    looks(ledger);
    vi.advanceTimersByTime(5 * MINUTE);
    const { budgets, sums } = looks(ledger);
    expect(budgets[0]).toMatchObject({ tenant: `tenant-${TENANTS - 1}` });
    // Of 30,000; 1,000 are shown.
    expect(sums).toBeLessThan(10_000);
  });
});
