import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Budget } from '../../../src/state/spend-account.js';
import { type Reservation, SpendLedger } from '../../../src/state/spend-ledger.js';
import fc from '../../helpers/property.js';

const HOUR = 3_600_000;
const WINDOW_MS = 6000;
const START = Date.UTC(2030, 0, 31, 22);

type Op =
  | { do: 'reserve'; mils: number; route: string | null; tenant: string | undefined }
  /** `share`: of the reservation; above 1 is an overrun. `back`: its index, counted from the newest. */
  | { do: 'settle'; back: number; share: number }
  | { do: 'shrink'; back: number; share: number }
  | { do: 'pass'; ms: number }
  /** Moves the wall clock alone. */
  | { do: 'jump'; ms: number };

const back = fc.nat(8);
const reserve = fc.record({
  do: fc.constant('reserve' as const),
  mils: fc.integer({ min: 0, max: 4000 }),
  route: fc.constantFrom(null, 'chat'),
  tenant: fc.constantFrom(undefined, 'a', 'b', 'c', 'd'),
});
const settleBy = (share: fc.Arbitrary<number>) => fc.record({ do: fc.constant('settle' as const), back, share });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const pass = fc.record({
  do: fc.constant('pass' as const),
  ms: fc.constantFrom(1, 99, 100, 1000, 5999, 6000, HOUR, 26 * HOUR),
});
const jump = fc.record({ do: fc.constant('jump' as const), ms: fc.integer({ min: -24 * HOUR, max: 24 * HOUR }) });
const shrink = fc.record({ do: fc.constant('shrink' as const), back, share });

const budgets: readonly Budget[] = [
  { usd: 10, window: 'month', perTenant: false, route: undefined },
  { usd: 5, window: 'day', perTenant: true, route: undefined },
  { usd: 4, window: 'hour', perTenant: false, route: 'chat' },
  { usd: 3, window: WINDOW_MS, perTenant: false, route: undefined },
  { usd: 2, window: 'hour', perTenant: true, route: 'chat' },
  { usd: 2.5, window: WINDOW_MS, perTenant: true, route: undefined },
];
/** Fewer than there are tenants, so that some share. */
const MOST_SCOPES = 3;

interface Booking {
  readonly route: string | null;
  readonly tenant: string | undefined;
  readonly usd: number;
  readonly wall: number;
  readonly mono: number;
}

const windowOf: Record<'hour' | 'day' | 'month', (at: number) => number> = {
  hour: (at) => Math.floor(at / HOUR),
  day: (at) => Math.floor(at / (24 * HOUR)),
  month: (at) => new Date(at).getUTCFullYear() * 12 + new Date(at).getUTCMonth(),
};

function concerns(
  budget: Budget,
  { route, tenant }: Pick<Booking, 'route' | 'tenant'>,
  whose: string | undefined,
): boolean {
  if (budget.route !== undefined && budget.route !== route) return false;
  return !budget.perTenant || tenant === whose;
}

/** The minimum that must be counted: all spending of the window, added up from scratch. */
function spentIn(budget: Budget, bookings: readonly Booking[], whose: string | undefined, slackMs = 0): number {
  return bookings
    .filter((each) => concerns(budget, each, whose))
    .filter(({ wall, mono }) =>
      typeof budget.window === 'number'
        ? mono > performance.now() - budget.window - slackMs
        : windowOf[budget.window](wall) === windowOf[budget.window](Date.now()),
    )
    .reduce((sum, { usd }) => sum + usd, 0);
}

interface Open {
  readonly reservation: Reservation;
  readonly route: string | null;
  readonly tenant: string | undefined;
  usd: number;
}

class Run {
  readonly ledger = new SpendLedger(budgets, { max: MOST_SCOPES, overflow: 'share' });
  readonly open: Open[] = [];
  readonly bookings: Booking[] = [];
  refusals = 0;

  step(op: Op): void {
    if (op.do === 'pass') vi.advanceTimersByTime(op.ms);
    else if (op.do === 'jump') vi.setSystemTime(Date.now() + op.ms);
    else if (op.do === 'reserve') this.#reserve(op);
    else {
      const index = this.open.length - 1 - op.back;
      const found = this.open[index];
      if (found === undefined) return;
      const usd = found.usd * op.share;
      if (op.do === 'shrink') {
        this.ledger.release(found.reservation, usd);
        found.usd = usd;
      } else {
        this.open.splice(index, 1);
        this.#settle(found, usd);
      }
    }
  }

  /** Settles everything that runs. */
  end(): void {
    for (const open of this.open.splice(0)) this.#settle(open, open.usd / 2);
  }

  #reserve({ mils, route, tenant }: Extract<Op, { do: 'reserve' }>): void {
    const before = this.#reserved();
    const usd = mils / 1000;
    const result = this.ledger.reserve(usd, { route, tenant });
    if (!result.refused) {
      this.open.push({ reservation: result, route, tenant, usd });
      return;
    }
    this.refusals++;
    // In all budgets or in none.
    expect(this.#reserved()).toBeCloseTo(before, 9);
    expect(usd).toBeGreaterThan(Math.max(0, result.leftUsd));
  }

  #reserved(): number {
    return this.ledger.states(100).reduce((sum, { reservedUsd }) => sum + reservedUsd, 0);
  }

  #settle({ reservation, route, tenant }: Open, usd: number): void {
    this.ledger.settle(reservation, usd);
    this.bookings.push({ route, tenant, usd, wall: Date.now(), mono: performance.now() });
  }
}

beforeEach(() => {
  vi.useFakeTimers({ now: START });
});
afterEach(() => {
  vi.useRealTimers();
});

const TINY = 1e-6;
const ops = (...more: fc.Arbitrary<Op>[]) =>
  fc.array(fc.oneof({ weight: 6, arbitrary: reserve }, { weight: 5, arbitrary: settleBy(share) }, ...more), {
    maxLength: 60,
  });

/** An hour does not end by itself within so few operations. */
const someOps = ops(
  shrink,
  settleBy(fc.constantFrom(1, 1.5, 3)),
  fc.record({ do: fc.constant('pass' as const), ms: fc.integer({ min: 1, max: 2 * WINDOW_MS }) }),
);

function each(check: (run: Run) => void, history: readonly Op[]): Run {
  vi.setSystemTime(START);
  const run = new Run();
  for (const op of history) {
    run.step(op);
    check(run);
  }
  return run;
}

describe('SpendLedger, over random histories', () => {
  it('never exceeds a budget while calls cost no more than was reserved', () => {
    let refusals = 0;
    fc.assert(
      fc.property(ops(pass, shrink), (history) => {
        const run = each(({ ledger }) => {
          for (const { budget, spentUsd, reservedUsd } of ledger.states(100)) {
            expect(spentUsd + reservedUsd).toBeLessThanOrEqual(budget.usd + TINY);
            expect(Math.min(spentUsd, reservedUsd)).toBeGreaterThanOrEqual(0);
          }
        }, history);
        refusals += run.refusals;
      }),
      { numRuns: 500 },
    );
    expect(refusals).toBeGreaterThan(100);
  });

  it('counts all spending of a window, wherever its clock jumps, and no other money', () => {
    fc.assert(
      fc.property(fc.tuple(someOps, jump, someOps, jump, someOps), ([first, there, then, back, last]) => {
        const history = [...first, there, ...then, back, ...last];
        each(({ ledger, bookings }) => {
          const states = ledger.states(100);
          const total = bookings.reduce((sum, { usd }) => sum + usd, 0);
          for (const budget of budgets) {
            const own = states.filter((state) => state.budget === budget);
            const sum = own.reduce((all, { spentUsd }) => all + spentUsd, 0);
            const whole = budget.perTenant ? { ...budget, perTenant: false } : budget;
            expect(sum).toBeGreaterThanOrEqual(spentIn(whole, bookings, undefined) - TINY);
            expect(sum).toBeLessThanOrEqual(total + TINY);
          }
        }, history);
      }),
      { numRuns: 500 },
    );
  });

  it('counts no more than that, as long as the clock is not set', () => {
    fc.assert(
      fc.property(ops(pass, settleBy(fc.constantFrom(1, 1.5, 3))), (history) => {
        each(({ ledger, bookings }) => {
          for (const budget of budgets) {
            const sum = ledger
              .states(100)
              .filter((state) => state.budget === budget)
              .reduce((all, { spentUsd }) => all + spentUsd, 0);
            const whole = budget.perTenant ? { ...budget, perTenant: false } : budget;
            expect(sum).toBeLessThanOrEqual(spentIn(whole, bookings, undefined, WINDOW_MS / 60) + TINY);
          }
        }, history);
      }),
      { numRuns: 300 },
    );
  });

  it('lets no tenant exceed its budget, also if it shares with others', () => {
    fc.assert(
      fc.property(ops(), (history) => {
        each(({ bookings, open }) => {
          const [, perDay] = budgets;
          if (perDay === undefined) return;
          for (const tenant of [undefined, 'a', 'b', 'c', 'd']) {
            const reserved = open.filter((one) => one.tenant === tenant).reduce((sum, { usd }) => sum + usd, 0);
            expect(spentIn(perDay, bookings, tenant) + reserved).toBeLessThanOrEqual(perDay.usd + TINY);
          }
        }, history);
      }),
      { numRuns: 300 },
    );
  });

  it('shows the tenants that have used most, wherever its clock jumps', () => {
    fc.assert(
      fc.property(ops(pass, jump, shrink, settleBy(fc.constantFrom(1, 1.5, 3))), (history) => {
        each(({ ledger }) => {
          const used = (budget: Budget, max: number) =>
            ledger
              .states(max)
              .filter((state) => state.budget === budget)
              .map(({ spentUsd, reservedUsd }) => spentUsd + reservedUsd);
          for (const budget of budgets) {
            const all = used(budget, 100).sort((a, b) => b - a);
            for (const max of [1, 2]) {
              const shown = used(budget, max).sort((a, b) => b - a);
              for (const [i, usd] of shown.entries()) expect(usd).toBeCloseTo(all[i] ?? Number.NaN, 9);
            }
          }
        }, history);
      }),
      { numRuns: 300 },
    );
  });

  it('has nothing reserved once all calls are over, to the last billionth', () => {
    fc.assert(
      fc.property(ops(pass, jump, shrink, settleBy(fc.constant(2))), (history) => {
        const run = each(() => undefined, history);
        run.end();
        expect(run.ledger.states(100).map(({ reservedUsd }) => reservedUsd)).toEqual(
          run.ledger.states(100).map(() => 0),
        );
      }),
      { numRuns: 300 },
    );
  });
});
