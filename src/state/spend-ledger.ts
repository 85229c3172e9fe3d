import { toNano, toNanoUp, toUsd } from '../util/money.js';
import { type CalendarUnit, CalendarWindow, SlidingWindow, type SpendWindow } from './spend-window.js';

/** A spend budget, checked. */
export interface Budget {
  readonly usd: number;
  readonly window: CalendarUnit | number;
  readonly of: 'router' | 'tenant' | { readonly route: string };
}

/** Whose money it is. */
export interface SpendKeys {
  readonly route: string | null;
  readonly tenant: string | undefined;
}

/** A budget as it stands, for one tenant where it is by tenant. Times are of `Date.now()`. */
export interface BudgetState {
  readonly budget: Budget;
  /** Of a budget by tenant; `undefined` for calls without one. */
  readonly tenant: string | undefined;
  readonly spentUsd: number;
  readonly reservedUsd: number;
  /** What may be reserved yet; below 0 after an overrun. */
  readonly leftUsd: number;
  readonly resetsAt: number | undefined;
}

export interface Refusal extends BudgetState {
  readonly refused: true;
  /** When there will be enough, if nothing more is spent: `undefined` where it takes running calls to end, or is never. */
  readonly freeAt: number | undefined;
}

export interface Warning extends BudgetState {
  readonly percent: number;
}

/** Money that is kept for a call. */
export interface Reservation {
  readonly refused: false;
  readonly pots: readonly Pot[];
  /** Billionths of a dollar. */
  amount: number;
  isSettled: boolean;
}

/** What one budget, or one tenant of it, has spent and reserved. */
interface Pot {
  readonly account: Account;
  readonly tenant: string | undefined;
  readonly window: SpendWindow;
  reserved: number;
  /** How many calls have money in it that is not settled. */
  calls: number;
}

const MOST_SCOPES = 10_000;
const SWEEP_MS = 1000;
const PERCENTS = [50, 80, 100];

/**
 * What is spent and what is kept for running calls, against each budget. A reservation belongs to no window: when one
 * ends, what is kept is kept of the next, and what a call has cost is booked in the window in which it ends.
 */
export class SpendLedger {
  readonly #accounts: readonly Account[];

  constructor(budgets: readonly Budget[], mostTenants = MOST_SCOPES) {
    this.#accounts = budgets.map((budget) => new Account(budget, mostTenants));
  }

  /** Whether any budget is concerned with calls of this route. */
  concerns(route: string | null): boolean {
    return this.#accounts.some((account) => account.concerns(route));
  }

  /**
   * Keeps so much of every budget that is concerned, or of none: only where `leastUsd` are left. Synchronous: two calls
   * never get the same money.
   */
  reserve(usd: number, keys: SpendKeys, leastUsd = usd): Reservation | Refusal {
    const amount = toNanoUp(usd);
    const least = toNanoUp(leastUsd);
    const accounts = this.#accounts.filter((account) => account.concerns(keys.route));
    for (const account of accounts) {
      const refusal = account.refusalOf(least, keys.tenant);
      if (refusal !== undefined) return refusal;
    }
    const pots = accounts.map((account) => account.open(keys.tenant));
    for (const pot of pots) {
      pot.reserved += amount;
      pot.calls++;
    }
    return { refused: false, pots, amount, isSettled: false };
  }

  /** Why so much could not be kept, without keeping it. */
  refusalOf(usd: number, { route, tenant }: SpendKeys): Refusal | undefined {
    for (const account of this.#accounts) {
      const refusal = account.concerns(route) ? account.refusalOf(toNanoUp(usd), tenant) : undefined;
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** A call can cost no more than this any more: the rest is given back. */
  shrink(reservation: Reservation, usd: number): void {
    const amount = toNanoUp(usd);
    if (reservation.isSettled || amount >= reservation.amount) return;
    for (const pot of reservation.pots) pot.reserved -= reservation.amount - amount;
    reservation.amount = amount;
  }

  /** Gives back what was kept, and books what it came to: also where that is more. Tells what has come to be nearly spent. */
  settle(reservation: Reservation, usd: number): readonly Warning[] {
    if (reservation.isSettled) return [];
    const { pots, amount } = reservation;
    const spent = toNano(usd);
    reservation.isSettled = true;
    for (const pot of pots) {
      pot.reserved -= amount;
      pot.calls--;
      if (spent > 0) pot.window.add(spent);
    }
    const warnings = spent > 0 ? pots.flatMap((pot) => pot.account.warnings(pot)) : [];
    for (const pot of pots) pot.account.closeIfEmpty(pot);
    return warnings;
  }

  /** Each budget; of those by tenant the `most` tenants that have used most. */
  states(most: number): BudgetState[] {
    return this.#accounts.flatMap((account) => account.states(most));
  }
}

/** One budget, with a pot, or with one for each tenant. */
class Account {
  readonly #budget: Budget;
  readonly #limit: number;
  readonly #mostTenants: number;
  readonly #pots = new Map<string | undefined, Pot>();
  /** Of all tenants that there is no room for. */
  #other: Pot | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(budget: Budget, mostTenants: number) {
    this.#budget = budget;
    this.#limit = toNano(budget.usd);
    this.#mostTenants = mostTenants;
    if (budget.of !== 'tenant') this.open(undefined);
  }

  concerns(route: string | null): boolean {
    const { of } = this.#budget;
    return typeof of === 'string' || of.route === route;
  }

  refusalOf(amount: number, tenant: string | undefined): Refusal | undefined {
    const pot = this.#find(tenant);
    const used = pot === undefined ? 0 : pot.window.spent() + pot.reserved;
    const left = Math.max(0, this.#limit - used);
    if (amount <= left) return undefined;
    const freeAt = amount > this.#limit ? undefined : pot?.window.freeAt(amount - (this.#limit - used));
    const name = this.#budget.of === 'tenant' ? (pot?.tenant ?? tenant) : undefined;
    return { ...this.#state(pot, name), refused: true, freeAt };
  }

  open(tenant: string | undefined): Pot {
    const found = this.#find(tenant);
    if (found !== undefined) return found;
    const isOwn = this.#mayHaveOwn();
    const pot: Pot = {
      account: this,
      tenant: isOwn ? tenant : 'other',
      window: windowFor(this.#budget),
      reserved: 0,
      calls: 0,
    };
    if (isOwn) this.#pots.set(tenant, pot);
    else this.#other = pot;
    return pot;
  }

  /** One that holds nothing says nothing. */
  closeIfEmpty(pot: Pot): void {
    if (this.#budget.of !== 'tenant' || pot.calls > 0 || !pot.window.isEmpty()) return;
    if (pot === this.#other) this.#other = undefined;
    else this.#pots.delete(pot.tenant);
  }

  warnings(pot: Pot): Warning[] {
    const share = (100 * pot.window.spent()) / this.#limit;
    return PERCENTS.filter((percent) => share >= percent && pot.window.tell(percent)).map((percent) => ({
      ...this.#state(pot, pot.tenant),
      percent,
    }));
  }

  states(most: number): BudgetState[] {
    const pots = this.#other === undefined ? this.#pots.values() : [...this.#pots.values(), this.#other];
    const states = Array.from(pots, (pot) => this.#state(pot, pot.tenant));
    if (states.length > most) states.sort((a, b) => a.leftUsd - b.leftUsd).length = most;
    return states;
  }

  #state(pot: Pot | undefined, tenant: string | undefined): BudgetState {
    const spent = pot?.window.spent() ?? 0;
    const reserved = pot?.reserved ?? 0;
    return {
      budget: this.#budget,
      tenant,
      spentUsd: toUsd(spent),
      reservedUsd: toUsd(reserved),
      leftUsd: toUsd(this.#limit - spent - reserved),
      resetsAt: (pot?.window ?? windowFor(this.#budget)).resetsAt(),
    };
  }

  /** A tenant without a pot of its own: what it has spent, if anything, is in the one that is shared. */
  #find(tenant: string | undefined): Pot | undefined {
    const own = this.#pots.get(this.#budget.of === 'tenant' ? tenant : undefined);
    return own ?? (this.#mayHaveOwn() ? undefined : this.#other);
  }

  /**
   * Tenants come from outside, so there is room for so many; the rest share a pot. As long as that one has money of the
   * window or running calls in it nobody gets a new pot of its own, which would forget what is in there.
   */
  #mayHaveOwn(): boolean {
    if (this.#other !== undefined && (this.#other.calls > 0 || this.#other.window.spent() > 0)) return false;
    if (this.#pots.size < this.#mostTenants) return true;
    this.#sweep();
    return this.#pots.size < this.#mostTenants;
  }

  /** Forgets those whose windows have ended. Looking through all of them takes its time, so it is not done for each call. */
  #sweep(): void {
    const now = performance.now();
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const pot of this.#pots.values()) this.closeIfEmpty(pot);
  }
}

function windowFor({ window }: Budget): SpendWindow {
  return typeof window === 'number' ? new SlidingWindow(window) : new CalendarWindow(window);
}
