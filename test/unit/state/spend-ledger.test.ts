import { describe, expect, it, vi } from 'vitest';
import type { Budget, Refusal } from '../../../src/state/spend-account.js';
import { isLive, type Reservation, SpendLedger } from '../../../src/state/spend-ledger.js';
import { useFakeTime } from '../../helpers/clock.js';

useFakeTime();

const NOBODY = { route: null, tenant: undefined };
const of = (tenant: string | undefined) => ({ route: null, tenant });
const monthly: Budget = { usd: 10, window: 'month', perTenant: false, route: undefined };
const perTenant: Budget = { usd: 10, window: 'hour', perTenant: true, route: undefined };
const HOUR = 3_600_000;

function kept(result: Reservation | Refusal): Reservation {
  if (result.refused) throw new Error('refused');
  return result;
}

function spend(ledger: SpendLedger, usd: number, keys: { route: string | null; tenant: string | undefined } = NOBODY) {
  return ledger.settle(kept(ledger.reserve(usd, keys)), usd);
}

describe('a budget', () => {
  it('reserves up to the limit, and not a billionth more', () => {
    const ledger = new SpendLedger([monthly]);
    ledger.settle(kept(ledger.reserve(7, NOBODY)), 4);
    expect(ledger.reserve(6.000000001, NOBODY)).toMatchObject({
      refused: true,
      leftUsd: 6,
      spentUsd: 4,
      reservedUsd: 0,
    });
    expect(ledger.reserve(6, NOBODY).refused).toBe(false);
    expect(ledger.reserve(0.000000001, NOBODY).refused).toBe(true);
    expect(ledger.reserve(0, NOBODY).refused).toBe(false);
  });

  it('reserves in all matching budgets, or in none', () => {
    const ledger = new SpendLedger([monthly, { usd: 1, window: 'day', perTenant: false, route: 'chat' }]);
    expect(ledger.reserve(2, { route: 'chat', tenant: undefined })).toMatchObject({
      refused: true,
      budget: { usd: 1 },
    });
    expect(ledger.states(9).map(({ reservedUsd }) => reservedUsd)).toEqual([0, 0]);
    expect(ledger.reserve(2, NOBODY).refused).toBe(false);
    expect([ledger.appliesTo('chat'), ledger.appliesTo('mail')]).toEqual([true, true]);
    expect(new SpendLedger([{ usd: 1, window: 'day', perTenant: false, route: 'chat' }]).appliesTo('mail')).toBe(false);
  });

  it('books more than was reserved, and reserves nothing until its window is over', () => {
    const ledger = new SpendLedger([monthly]);
    ledger.settle(kept(ledger.reserve(4, NOBODY)), 12);
    expect(ledger.reserve(0.01, NOBODY)).toMatchObject({
      refused: true,
      leftUsd: -2,
      availableAt: Date.UTC(2030, 1, 1),
    });
    vi.setSystemTime(Date.UTC(2030, 1, 1) - 1);
    expect(ledger.reserve(0.01, NOBODY).refused).toBe(true);
    vi.setSystemTime(Date.UTC(2030, 1, 1));
    expect(ledger.reserve(10, NOBODY).refused).toBe(false);
  });

  it('is settled once', () => {
    const ledger = new SpendLedger([monthly]);
    const reservation = kept(ledger.reserve(4, NOBODY));
    ledger.settle(reservation, 3);
    ledger.settle(reservation, 3);
    ledger.release(reservation, 1);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 3, reservedUsd: 0 }]);
  });

  it('releases money that a call can no longer cost', () => {
    const ledger = new SpendLedger([monthly]);
    const reservation = kept(ledger.reserve(9, NOBODY));
    ledger.release(reservation, 2);
    ledger.release(reservation, 5);
    expect(ledger.states(9)).toMatchObject([{ reservedUsd: 2, leftUsd: 8 }]);
    ledger.settle(reservation, 2);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 2, reservedUsd: 0 }]);
  });

  it('does not drift: a hundred thousand tenths of a cent are a hundred dollars', () => {
    const ledger = new SpendLedger([{ ...monthly, usd: 100 }]);
    for (let i = 0; i < 99_999; i++) spend(ledger, 0.001);
    expect(ledger.reserve(0.001, NOBODY).refused).toBe(false);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 99.999, reservedUsd: 0.001, leftUsd: 0 }]);
  });
});

describe('its windows', () => {
  it('reserve for running calls, and book them where they end', () => {
    const ledger = new SpendLedger([{ ...monthly, window: 'hour' }]);
    spend(ledger, 3);
    const running = kept(ledger.reserve(4, NOBODY));
    vi.setSystemTime(Date.now() + HOUR);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 0, reservedUsd: 4, leftUsd: 6 }]);
    ledger.settle(running, 2);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 2, reservedUsd: 0 }]);
  });

  it.each([
    ['hour', Date.UTC(2030, 0, 1, 1)],
    ['day', Date.UTC(2030, 0, 2)],
    ['month', Date.UTC(2030, 1, 1)],
  ] as const)('end with the %s of UTC', (window, end) => {
    const ledger = new SpendLedger([{ ...monthly, window }]);
    spend(ledger, 10);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 10, resetsAt: end }]);
    vi.setSystemTime(end - 1);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 10 }]);
    vi.setSystemTime(end);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 0 }]);
  });

  it('count their spending again when the clock comes back', () => {
    const ledger = new SpendLedger([{ ...monthly, window: 'hour' }]);
    const now = Date.now();
    spend(ledger, 3);
    vi.setSystemTime(now + 5 * HOUR);
    spend(ledger, 4);
    vi.setSystemTime(now + 1);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 7 }]);
    vi.setSystemTime(now - 9 * HOUR);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 7 }]);
    vi.setSystemTime(now + 2);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 7 }]);
    vi.setSystemTime(now + 1 * HOUR);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 4 }]);
    vi.setSystemTime(now + 6 * HOUR);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 0 }]);
  });

  it('count what is spent after a clock has come back by many of them', () => {
    const ledger = new SpendLedger([{ ...monthly, window: 'hour' }]);
    const now = Date.now();
    for (let hour = 6; hour > 0; hour--) {
      vi.setSystemTime(now + hour * HOUR);
      spend(ledger, 1);
    }
    vi.setSystemTime(now);
    spend(ledger, 2);
    spend(ledger, 2);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 10, leftUsd: 0 }]);
    vi.setSystemTime(now + 7 * HOUR);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 0 }]);
  });

  it('slide by a clock that is never set: money leaves at most a sixtieth late, and never early', () => {
    const ledger = new SpendLedger([{ ...monthly, window: 60_000 }]);
    vi.advanceTimersByTime(500);
    spend(ledger, 6);
    vi.setSystemTime(Date.now() + 24 * HOUR);
    vi.advanceTimersByTime(20_000);
    spend(ledger, 4);
    expect(ledger.reserve(1, NOBODY)).toMatchObject({
      refused: true,
      availableAt: Date.now() + 40_500,
      resetsAt: Date.now() + 40_500,
    });
    expect(ledger.reserve(7, NOBODY)).toMatchObject({ refused: true, availableAt: Date.now() + 60_500 });
    expect(ledger.reserve(11, NOBODY)).toMatchObject({ refused: true, availableAt: undefined });
    vi.advanceTimersByTime(40_499);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 10 }]);
    vi.advanceTimersByTime(1);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 4 }]);
    vi.advanceTimersByTime(10 * 60_000);
    expect(ledger.states(9)).toMatchObject([{ spentUsd: 0, resetsAt: undefined }]);
  });
});

describe('warnings', () => {
  const percents = (ledger: SpendLedger, usd: number) => spend(ledger, usd).map(({ percent }) => percent);

  it('come at 50, 80 and 100 %, once per window each', () => {
    const ledger = new SpendLedger([{ ...monthly, window: 'hour' }]);
    expect(percents(ledger, 4.99)).toEqual([]);
    expect(percents(ledger, 0.01)).toEqual([50]);
    expect(percents(ledger, 1)).toEqual([]);
    expect(percents(ledger, 4)).toEqual([80, 100]);
    vi.setSystemTime(Date.now() + HOUR);
    expect(percents(ledger, 5)).toEqual([50]);
  });

  it('come once per length of a sliding window', () => {
    const ledger = new SpendLedger([{ ...monthly, window: 60_000 }]);
    expect(percents(ledger, 5)).toEqual([50]);
    vi.advanceTimersByTime(59_999);
    expect(percents(ledger, 1)).toEqual([]);
    vi.advanceTimersByTime(1001);
    expect(percents(ledger, 4)).toEqual([50]);
  });

  it('are for each tenant', () => {
    const ledger = new SpendLedger([perTenant]);
    expect(spend(ledger, 5, of('a'))).toMatchObject([{ tenant: 'a', percent: 50 }]);
    expect(spend(ledger, 4, of('b'))).toEqual([]);
  });
});

describe('tenants', () => {
  it('are shown by their spending also after an import is taken back from a tenant that is gone', () => {
    const ledger = new SpendLedger([perTenant], { max: 3, overflow: 'share' });
    spend(ledger, 1, of('old'));
    const [[name = ''] = []] = ledger.entries(false);
    ledger.import('process', [[name, 'gone', Date.now(), 1e9]]);
    spend(ledger, 1, of('last'));
    vi.advanceTimersByTime(2 * HOUR);
    spend(ledger, 2, of('a'));
    spend(ledger, 5, of('b'));
    spend(ledger, 3, of('c'));
    ledger.import('process', []);
    expect(ledger.states(2).map(({ tenant }) => tenant)).toEqual(['b', 'c']);
  });

  it('have a budget each; calls without a tenant share one', () => {
    const ledger = new SpendLedger([perTenant]);
    spend(ledger, 10, of('a'));
    spend(ledger, 10);
    expect(ledger.reserve(1, of('a')).refused).toBe(true);
    expect(ledger.reserve(1, NOBODY).refused).toBe(true);
    expect(ledger.reserve(1, of('b')).refused).toBe(false);
  });

  it('share one if there is no room, and no spending is forgotten', () => {
    const ledger = new SpendLedger([perTenant], { max: 2, overflow: 'share' });
    for (const tenant of ['a', 'b', 'c']) spend(ledger, 6, of(tenant));
    expect(ledger.reserve(5, of('d'))).toMatchObject({ refused: true, tenant: 'other', leftUsd: 4 });
    expect(ledger.reserve(5, of('a'))).toMatchObject({ refused: true, tenant: 'a' });
    vi.setSystemTime(Date.now() + 2 * HOUR);
    vi.advanceTimersByTime(1000);
    spend(ledger, 6, of('d'));
    expect(ledger.reserve(5, of('d'))).toMatchObject({ refused: true, tenant: 'd' });
    expect(ledger.reserve(5, of('c')).refused).toBe(false);
  });

  it('get no own account while the shared one may have money of theirs', () => {
    const ledger = new SpendLedger([perTenant], { max: 1, overflow: 'share' });
    const running = kept(ledger.reserve(1, of('a')));
    spend(ledger, 6, of('b'));
    ledger.settle(running, 0);
    expect(ledger.reserve(5, of('b'))).toMatchObject({ refused: true, tenant: 'other' });
  });

  it('get none either while their calls may be running in the shared one', () => {
    const ledger = new SpendLedger([perTenant], { max: 1, overflow: 'share' });
    const first = kept(ledger.reserve(8, of('a')));
    const running = kept(ledger.reserve(8, of('b')));
    ledger.settle(first, 0);
    expect(ledger.reserve(8, of('b'))).toMatchObject({ refused: true, tenant: 'other', reservedUsd: 8 });
    ledger.settle(running, 0);
    expect(ledger.reserve(8, of('b')).refused).toBe(false);
  });

  it('may be called `other`', () => {
    const ledger = new SpendLedger([perTenant], { max: 2, overflow: 'share' });
    spend(ledger, 10, of('other'));
    expect(ledger.reserve(10, of('b')).refused).toBe(false);
  });

  it('are forgotten when they have no spending left, but not while their calls run', () => {
    const ledger = new SpendLedger([perTenant]);
    const running = kept(ledger.reserve(0, of('a')));
    ledger.settle(kept(ledger.reserve(1, of('a'))), 0);
    ledger.settle(running, 3);
    expect(ledger.states(9)).toMatchObject([{ tenant: 'a', spentUsd: 3 }]);
    ledger.settle(kept(ledger.reserve(1, of('b'))), 0);
    expect(ledger.states(9)).toHaveLength(1);
  });

  it('are bounded, and cost no more to look up', () => {
    const ledger = new SpendLedger([perTenant]);
    for (let i = 0; i < 30_000; i++) spend(ledger, 0.0001, of(`tenant ${i}`));
    const states = ledger.states(100_000);
    expect(states).toHaveLength(10_001);
    expect(states.reduce((sum, { spentUsd }) => sum + spentUsd, 0)).toBeCloseTo(3, 6);
    expect(ledger.states(100)).toHaveLength(100);
  });
});

it('imported entries of windows that are long over are ignored, others are not', () => {
  const now = Date.UTC(2030, 5, 15);
  const ago = (days: number) => now - days * 86_400_000;
  const month = JSON.stringify(['month', false, null]);
  const sliding = JSON.stringify([60_000, true, 'chat']);
  expect([ago(61), ago(63)].map((at) => isLive([month, null, at, 1], now))).toEqual([true, false]);
  expect([now - 119_000, now - 121_000].map((at) => isLive([sliding, 't', at, 1], now))).toEqual([true, false]);
  expect(isLive(['odd', null, 0, 1], now)).toBe(true);
});
