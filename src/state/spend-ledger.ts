import type { CalendarUnit } from '../util/calendar.js';
import { toNano, toNanoUp } from '../util/money.js';
import type { FleetLink } from './fleet.js';
import {
  type Bucket,
  type Budget,
  type BudgetState,
  type ImportedSpend,
  type Refusal,
  SpendAccount,
  type SpendEntry,
  type TenantLimit,
  type Warning,
} from './spend-account.js';

/** The tenant and route of a call. */
export interface SpendKeys {
  readonly route: string | null;
  readonly tenant: string | undefined;
}

/** Money reserved for a call. */
export interface Reservation {
  readonly refused: false;
  readonly buckets: readonly Bucket[];
  /** Billionths of a dollar. */
  amount: number;
  isSettled: boolean;
}

const DEFAULT_TENANTS: TenantLimit = { max: 10_000, overflow: 'share' };

/**
 * Spending and reservations of running calls, for each budget. A reservation belongs to no window: when a window ends,
 * it counts in the next, and a call's cost is booked in the window in which the call ends.
 */
export class SpendLedger {
  readonly #accounts: readonly SpendAccount[];
  /** By process. */
  readonly #imported: Map<string, readonly ImportedSpend[]>;
  /**
   * Writes an amount before it is spent, so a process that is killed has never spent more than is written. `undefined`
   * if nothing is written.
   */
  onSpendAhead: ((entry: SpendEntry) => void) | undefined;

  /**
   * @param previous budgets with the same window, tenant and route keep their spending, under the new limit
   * @param fleet other processes that spend from the same budgets
   */
  constructor(
    budgets: readonly Budget[],
    tenants: TenantLimit = DEFAULT_TENANTS,
    previous?: SpendLedger,
    fleet?: FleetLink,
  ) {
    const shared = fleet?.sharesBudgets === true ? fleet : undefined;
    const known = previous === undefined ? [] : [...previous.#accounts];
    this.#imported = previous === undefined ? new Map() : previous.#imported;
    const names = budgets.map(({ window, perTenant, route }) => JSON.stringify([window, perTenant, route ?? null]));
    this.#accounts = budgets.map((budget, i) => {
      const at = known.findIndex((account) => account.isFor(budget));
      const [account] = at === -1 ? [] : known.splice(at, 1);
      account?.limitTo(budget);
      // Two budgets for the same calls are distinguished by their position, because a limit may change.
      const same = names.slice(0, i).filter((name) => name === names[i]).length;
      const name = same === 0 ? `${names[i]}` : `${names[i]}#${same + 1}`;
      return account ?? new SpendAccount(budget, tenants, name, shared);
    });
  }

  /**
   * The spending of this process that its windows still contain. `asWritten`: with the amount written ahead; else with
   * the reservations of running calls.
   */
  entries(asWritten: boolean): SpendEntry[] {
    const others = new Map<Bucket, ImportedSpend[]>();
    for (const entries of this.#imported.values()) {
      for (const each of entries) {
        const known = others.get(each.bucket);
        if (known === undefined) others.set(each.bucket, [each]);
        else known.push(each);
      }
    }
    return this.#accounts.flatMap((account) =>
      account.buckets().flatMap((bucket) => account.entriesOf(bucket, others.get(bucket) ?? [], asWritten)),
    );
  }

  /** Books the spending of another process, and replaces what was imported from it before. */
  import(process: string, entries: readonly SpendEntry[]): void {
    for (const { bucket, at, amount } of this.#imported.get(process) ?? []) bucket.account.addAt(bucket, at, -amount);
    const imported: ImportedSpend[] = [];
    for (const [name, tenant, at, amount] of entries) {
      const account = this.#accounts.find((each) => each.name === name);
      if (account === undefined || !(amount > 0)) continue;
      const bucket = account.open(tenant ?? undefined);
      imported.push({ bucket, at: account.addAt(bucket, at, amount), amount });
    }
    this.#imported.set(process, imported);
  }

  /** Whether any budget applies to calls of this route. */
  appliesTo(route: string | null): boolean {
    return this.#accounts.some((account) => account.appliesTo(route));
  }

  /**
   * Reserves this amount in every budget that applies, or in none. Synchronous, so that two calls never get the same
   * money.
   */
  reserve(usd: number, keys: SpendKeys): Reservation | Refusal {
    const amount = toNanoUp(usd);
    const accounts = this.#accounts.filter((account) => account.appliesTo(keys.route));
    for (const account of accounts) {
      const refusal = account.refusalOf(amount, keys.tenant, true);
      if (refusal !== undefined) return refusal;
    }
    const buckets = accounts.map((account) => account.open(keys.tenant));
    for (const bucket of buckets) {
      bucket.account.reserve(bucket, amount);
      bucket.calls++;
      if (this.onSpendAhead !== undefined) bucket.account.writeAhead(bucket, this.onSpendAhead);
    }
    return { refused: false, buckets, amount, isSettled: false };
  }

  /** Why this amount could not be reserved, without reserving it. */
  refusalOf(usd: number, { route, tenant }: SpendKeys): Refusal | undefined {
    for (const account of this.#accounts) {
      const refusal = account.appliesTo(route) ? account.refusalOf(toNanoUp(usd), tenant, false) : undefined;
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** The call can no longer cost more than this: releases the rest. */
  release(reservation: Reservation, usd: number): void {
    const amount = toNanoUp(usd);
    if (reservation.isSettled || amount >= reservation.amount) return;
    for (const bucket of reservation.buckets) bucket.account.release(bucket, reservation.amount - amount);
    reservation.amount = amount;
  }

  /** Releases the reservation, and books the actual cost, even if it is higher. Returns the warnings that are due. */
  settle(reservation: Reservation, usd: number): readonly Warning[] {
    if (reservation.isSettled) return [];
    const { buckets, amount } = reservation;
    const spent = toNano(usd);
    reservation.isSettled = true;
    for (const bucket of buckets) {
      bucket.account.release(bucket, amount);
      bucket.calls--;
      if (spent > 0) {
        bucket.account.add(bucket, spent);
        // It may have cost more than was reserved, or end in a later slot than it was written for.
        if (this.onSpendAhead !== undefined) bucket.account.writeAhead(bucket, this.onSpendAhead);
      }
    }
    if (spent > 0) return buckets.flatMap((bucket) => bucket.account.warnings(bucket));
    for (const bucket of buckets) bucket.account.closeIfEmpty(bucket);
    return [];
  }

  /**
   * The remaining share of the budget with the smallest remaining share for such a call, 0 to 1; 1 without a budget.
   */
  leastLeft({ route, tenant }: SpendKeys): number {
    const left = this.#accounts.filter((account) => account.appliesTo(route)).map((account) => account.leftOf(tenant));
    return Math.min(1, ...left);
  }

  /** The state of each budget; of budgets per tenant, only the `max` tenants that have used most. */
  states(max: number): BudgetState[] {
    return this.#accounts.flatMap((account) => account.states(max));
  }
}

const DAY_MS = 86_400_000;
const LONGEST_MS: Readonly<Record<CalendarUnit, number>> = { hour: DAY_MS / 24, day: DAY_MS, month: 31 * DAY_MS };

/** Whether a budget may still contain it. Entries of windows that ended long ago are dropped. */
export function isLive([budget, , at]: SpendEntry, now: number): boolean {
  const window = /^\["?([\w.+-]+)/.exec(budget)?.[1] ?? '';
  const windowMs = LONGEST_MS[window as CalendarUnit] ?? Number(window || Number.NaN);
  // An unreadable entry is not dropped.
  return !(at < now - 2 * windowMs);
}
