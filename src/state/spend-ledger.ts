import type { CalendarUnit } from '../util/calendar.js';
import { toNano, toNanoUp, toUsd } from '../util/money.js';
import type { FleetAllowance, FleetLink } from './fleet.js';
import { SpendRanking } from './spend-ranking.js';
import { Calendar, CalendarWindow, SlidingWindow, type SpendWindow } from './spend-window.js';

/** A spend budget, checked. */
export interface Budget {
  readonly usd: number;
  readonly window: CalendarUnit | number;
  /** Each tenant has one of its own. */
  readonly perTenant: boolean;
  /** Only calls of this route count; `undefined` for all calls. */
  readonly route: string | undefined;
}

/** What to do with tenants beyond `max`: they share one budget, or their calls are refused. */
export interface TenantLimit {
  readonly max: number;
  readonly overflow: 'share' | 'refuse';
}

/** Whose call it is. */
export interface SpendKeys {
  readonly route: string | null;
  readonly tenant: string | undefined;
}

/** A budget as it stands, for one tenant where each has its own. Times are of `Date.now()`. */
export interface BudgetState {
  readonly budget: Budget;
  /** `undefined` for calls without one, and where the budget is not per tenant. */
  readonly tenant: string | undefined;
  readonly spentUsd: number;
  readonly reservedUsd: number;
  /** What may still be reserved; below 0 after an overrun. */
  readonly leftUsd: number;
  readonly resetsAt: number | undefined;
}

export interface Refusal extends BudgetState {
  readonly refused: true;
  /** When there will be enough, if nothing more is spent; `undefined` where running calls must end first, or never. */
  readonly availableAt: number | undefined;
  /** There are as many tenants as the options allow, and this is another one. */
  readonly tooManyTenants: boolean;
  /** Requests more from the fleet; `undefined` if that would not help. */
  readonly request: ((since: number) => Promise<boolean> | undefined) | undefined;
  /** What else is in the way, beside money that is spent. */
  readonly trouble: string | undefined;
}

export interface Warning extends BudgetState {
  readonly percent: number;
}

/** Money that is reserved for a call. */
export interface Reservation {
  readonly refused: false;
  readonly buckets: readonly Bucket[];
  /** Billionths of a dollar. */
  amount: number;
  isSettled: boolean;
}

/** What one budget, or one tenant of it, has spent and reserved. */
interface Bucket {
  readonly account: Account;
  readonly tenant: string | undefined;
  readonly window: SpendWindow;
  /** Where the budget is shared with other processes: this one's part. */
  readonly allowance: FleetAllowance | undefined;
  reserved: number;
  /** Calls with money in it that is not settled. */
  calls: number;
  /** In the ranking of its budget. */
  place: number;
  /** Of this process, in the slot of its window whose time it is: what was spent, and how much is written down for it. */
  readonly slot: { time: number; spent: number; written: number };
}

/** What a process has spent of a budget, in one slot of its window: `Date.now()` time, and billionths of a dollar. */
export type SpendEntry = [budget: string, tenant: string | null, at: number, amount: number];

const DAY_MS = 86_400_000;
const LONGEST_MS: Readonly<Record<CalendarUnit, number>> = { hour: DAY_MS / 24, day: DAY_MS, month: 31 * DAY_MS };

/** Whether a budget may still hold it: one whose window is long over says nothing any more. */
export function isLive([budget, , at]: SpendEntry, now: number): boolean {
  const window = /^\["?([\w.+-]+)/.exec(budget)?.[1] ?? '';
  const windowMs = LONGEST_MS[window as CalendarUnit] ?? Number(window || Number.NaN);
  // Of one that cannot be read, nothing is forgotten.
  return !(at < now - 2 * windowMs);
}

/** What was taken over from another process. */
interface Imported {
  readonly bucket: Bucket;
  readonly at: number;
  readonly amount: number;
}

/** Of this process, for the slot that it is. */
function slotOf({ slot, window }: Bucket): Bucket['slot'] {
  const time = window.time();
  if (slot.time !== time) Object.assign(slot, { time, spent: 0, written: 0 });
  return slot;
}

/** A share of the limit that is written ahead of what is spent. */
const CHUNK = 0.01;
const DEFAULT_TENANTS: TenantLimit = { max: 10_000, overflow: 'share' };
const SWEEP_MS = 1000;
const PERCENTS = [50, 80, 100];

/**
 * What is spent and what is reserved for running calls, against each budget. A reservation belongs to no window: when one
 * ends, it counts in the next, and what a call has cost is booked in the window in which it ends.
 */
export class SpendLedger {
  readonly #accounts: readonly Account[];
  /** By process. */
  readonly #imported: Map<string, readonly Imported[]>;
  /**
   * Writes down that so much may be spent, before it is: a process that is killed has never spent more than is written.
   * `undefined` where nothing is written.
   */
  onSpendAhead: ((entry: SpendEntry) => void) | undefined;

  /**
   * @param previous what was spent of budgets by the same window, tenant and route goes on, under the new limit
   * @param fleet other processes, that spend from the same budgets
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
      // Two budgets over the same calls are distinguished by their position, because a limit may change.
      const same = names.slice(0, i).filter((name) => name === names[i]).length;
      const name = same === 0 ? `${names[i]}` : `${names[i]}#${same + 1}`;
      return account ?? new Account(budget, tenants, name, shared);
    });
  }

  /**
   * What this process has spent and its windows still hold. `asWritten`: with what is written ahead; else with what is
   * reserved for calls that are running.
   */
  entries(asWritten: boolean): SpendEntry[] {
    const others = new Map<Bucket, Imported[]>();
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

  /** Books what another process has spent, in place of what was imported of it before. */
  import(process: string, entries: readonly SpendEntry[]): void {
    for (const { bucket, at, amount } of this.#imported.get(process) ?? []) bucket.account.addAt(bucket, at, -amount);
    const imported: Imported[] = [];
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

  /** Reserves so much of every budget that applies, or of none. Synchronous: two calls never get the same money. */
  reserve(usd: number, keys: SpendKeys): Reservation | Refusal {
    const amount = toNanoUp(usd);
    const accounts = this.#accounts.filter((account) => account.appliesTo(keys.route));
    for (const account of accounts) {
      const refusal = account.refusalOf(amount, keys.tenant, true);
      if (refusal !== undefined) return refusal;
    }
    const buckets = accounts.map((account) => account.open(keys.tenant));
    for (const bucket of buckets) {
      bucket.account.hold(bucket, amount);
      bucket.calls++;
      if (this.onSpendAhead !== undefined) bucket.account.writeAhead(bucket, this.onSpendAhead);
    }
    return { refused: false, buckets, amount, isSettled: false };
  }

  /** Why so much could not be reserved, without reserving it. */
  refusalOf(usd: number, { route, tenant }: SpendKeys): Refusal | undefined {
    for (const account of this.#accounts) {
      const refusal = account.appliesTo(route) ? account.refusalOf(toNanoUp(usd), tenant, false) : undefined;
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  /** A call can cost no more than this any more: the rest is released. */
  release(reservation: Reservation, usd: number): void {
    const amount = toNanoUp(usd);
    if (reservation.isSettled || amount >= reservation.amount) return;
    for (const bucket of reservation.buckets) bucket.account.free(bucket, reservation.amount - amount);
    reservation.amount = amount;
  }

  /** Releases what was reserved, and books what it came to, even if that is more. Returns the warnings that are due. */
  settle(reservation: Reservation, usd: number): readonly Warning[] {
    if (reservation.isSettled) return [];
    const { buckets, amount } = reservation;
    const spent = toNano(usd);
    reservation.isSettled = true;
    for (const bucket of buckets) {
      bucket.account.free(bucket, amount);
      bucket.calls--;
      if (spent > 0) {
        bucket.account.add(bucket, spent);
        // It may have cost more than was reserved, or end in a later slot than it was written for.
        if (this.onSpendAhead !== undefined) bucket.account.writeAhead(bucket, this.onSpendAhead);
      }
    }
    const warnings = spent > 0 ? buckets.flatMap((bucket) => bucket.account.warnings(bucket)) : [];
    for (const bucket of buckets) bucket.account.closeIfEmpty(bucket);
    return warnings;
  }

  /** The share that is left of the budget that has least left for such a call, 0 to 1; 1 without a budget. */
  leastLeft({ route, tenant }: SpendKeys): number {
    const left = this.#accounts.filter((account) => account.appliesTo(route)).map((account) => account.leftOf(tenant));
    return Math.min(1, ...left);
  }

  /** Each budget; of those per tenant the `max` tenants that have used most. */
  states(max: number): BudgetState[] {
    return this.#accounts.flatMap((account) => account.states(max));
  }
}

/** One budget, with one bucket, or with one for each tenant. */
class Account {
  #budget: Budget;
  #limit: number;
  readonly #tenants: TenantLimit;
  readonly #buckets = new Map<string | undefined, Bucket>();
  readonly #ranking = new SpendRanking<Bucket>();
  readonly #calendar: Calendar | undefined;
  /** Shared by all tenants that there is no room for. */
  #other: Bucket | undefined;
  readonly #fleet: FleetLink | undefined;
  #sweptAt = Number.NEGATIVE_INFINITY;

  constructor(
    budget: Budget,
    tenants: TenantLimit,
    /** The same in each process with such a budget, whatever its limit. */
    readonly name: string,
    fleet: FleetLink | undefined,
  ) {
    this.#budget = budget;
    this.#fleet = fleet;
    this.#limit = toNano(budget.usd);
    this.#tenants = tenants;
    this.#calendar = typeof budget.window === 'number' ? undefined : new Calendar(budget.window);
    if (!budget.perTenant) this.open(undefined);
  }

  /** Whether it counts the same spending as `budget`. */
  isFor({ window, perTenant, route }: Budget): boolean {
    const own = this.#budget;
    return own.window === window && own.perTenant === perTenant && own.route === route;
  }

  limitTo(budget: Budget): void {
    this.#budget = budget;
    this.#limit = toNano(budget.usd);
    for (const { allowance } of this.buckets()) allowance?.limitTo(this.#limit);
  }

  appliesTo(route: string | null): boolean {
    return this.#budget.route === undefined || this.#budget.route === route;
  }

  /** @param reserving it is about to be reserved, so that this process's part of a shared budget counts */
  refusalOf(amount: number, tenant: string | undefined, reserving: boolean): Refusal | undefined {
    const bucket = this.#find(tenant);
    if (bucket === undefined && this.#tenants.overflow === 'refuse' && !this.#mayHaveOwn()) {
      const state = { ...this.#state(undefined, tenant), leftUsd: 0 };
      return {
        ...state,
        refused: true,
        availableAt: undefined,
        tooManyTenants: true,
        request: undefined,
        trouble: undefined,
      };
    }
    if (this.#fleet !== undefined && reserving) return this.#shortageOf(amount, this.open(tenant));
    const used = bucket === undefined ? 0 : bucket.window.spent() + bucket.reserved;
    const left = Math.max(0, this.#limit - used);
    if (amount <= left) return undefined;
    const availableAt = amount > this.#limit ? undefined : bucket?.window.availableAt(amount - (this.#limit - used));
    const name = this.#budget.perTenant ? (bucket?.tenant ?? tenant) : undefined;
    return {
      ...this.#state(bucket, name),
      refused: true,
      availableAt,
      tooManyTenants: false,
      request: undefined,
      trouble: undefined,
    };
  }

  /** The same by this process's part of a budget that others spend from too. */
  #shortageOf(amount: number, bucket: Bucket): Refusal | undefined {
    const { allowance } = bucket;
    if (allowance === undefined || amount <= allowance.available()) return undefined;
    const state = this.#state(bucket, bucket.tenant);
    return {
      ...state,
      leftUsd: Math.min(state.leftUsd, toUsd(allowance.left())),
      refused: true,
      availableAt: amount > this.#limit ? undefined : allowance.resetsAt(),
      tooManyTenants: false,
      request: (since) => allowance.request(amount, since),
      trouble: allowance.trouble,
    };
  }

  leftOf(tenant: string | undefined): number {
    const bucket = this.#find(tenant);
    if (bucket === undefined) return 1;
    return Math.max(0, 1 - (bucket.window.spent() + bucket.reserved) / this.#limit);
  }

  open(tenant: string | undefined): Bucket {
    const found = this.#find(tenant);
    if (found !== undefined) return found;
    const isOwn = this.#mayHaveOwn();
    const allowance = this.#fleet?.allowance(this.#budget, this.name, tenant, !isOwn);
    const bucket: Bucket = {
      account: this,
      tenant: isOwn ? tenant : 'other',
      window: allowance ?? this.#newWindow(),
      allowance,
      reserved: 0,
      calls: 0,
      place: 0,
      slot: { time: Number.NaN, spent: 0, written: 0 },
    };
    if (isOwn) this.#buckets.set(tenant, bucket);
    else this.#other = bucket;
    this.#ranking.add(bucket);
    return bucket;
  }

  hold(bucket: Bucket, amount: number): void {
    bucket.reserved += amount;
    bucket.allowance?.reserve(amount);
    this.#ranking.change(bucket, amount);
  }

  free(bucket: Bucket, amount: number): void {
    bucket.reserved -= amount;
    bucket.allowance?.release(amount);
    this.#ranking.change(bucket, -amount);
  }

  buckets(): Bucket[] {
    return this.#other === undefined ? [...this.#buckets.values()] : [...this.#buckets.values(), this.#other];
  }

  add(bucket: Bucket, amount: number): void {
    slotOf(bucket).spent += amount;
    bucket.window.add(amount);
    this.#ranking.set(bucket, bucket.window.spent() + bucket.reserved, bucket.window.time());
  }

  addAt(bucket: Bucket, at: number, amount: number): number {
    const slot = bucket.window.addAt(at, amount);
    this.#ranking.set(bucket, bucket.window.spent() + bucket.reserved, bucket.window.time());
    return slot;
  }

  /** Writes down a chunk more than is needed now, so that few calls have to wait for it. */
  writeAhead(bucket: Bucket, write: (entry: SpendEntry) => void): void {
    const slot = slotOf(bucket);
    const needed = slot.spent + bucket.reserved;
    if (needed <= slot.written) return;
    slot.written = needed + Math.ceil(this.#limit * CHUNK);
    write([this.name, bucket.tenant ?? null, bucket.window.slotStart(), slot.written]);
  }

  entriesOf(bucket: Bucket, imported: readonly Imported[], asWritten: boolean): SpendEntry[] {
    const amounts = new Map(bucket.window.entries());
    for (const { at, amount } of imported) {
      const own = amounts.get(at);
      if (own !== undefined) amounts.set(at, own - amount);
    }
    const slot = slotOf(bucket);
    const now = bucket.window.slotStart();
    if (asWritten) amounts.set(now, Math.max(amounts.get(now) ?? 0, slot.written, slot.spent + bucket.reserved));
    else amounts.set(now, (amounts.get(now) ?? 0) + bucket.reserved);
    return [...amounts]
      .filter(([, amount]) => amount > 0)
      .map(([at, amount]): SpendEntry => [this.name, bucket.tenant ?? null, at, amount]);
  }

  /** Forgets a tenant's bucket that holds nothing. */
  closeIfEmpty(bucket: Bucket): void {
    if (!this.#budget.perTenant || bucket.calls > 0 || !bucket.window.isEmpty()) return;
    bucket.allowance?.close();
    this.#ranking.remove(bucket);
    if (bucket === this.#other) this.#other = undefined;
    else this.#buckets.delete(bucket.tenant);
  }

  warnings(bucket: Bucket): Warning[] {
    const share = (100 * bucket.window.spent()) / this.#limit;
    return PERCENTS.filter((percent) => share >= percent && bucket.window.reach(percent)).map((percent) => ({
      ...this.#state(bucket, bucket.tenant),
      percent,
    }));
  }

  states(max: number): BudgetState[] {
    return this.#shown(max).map((bucket) => this.#state(bucket, bucket.tenant));
  }

  #shown(max: number): Bucket[] {
    if (this.#buckets.size < max) return this.buckets();
    const [first] = this.#buckets.values();
    // What a fleet has spent changes at any time.
    const now = this.#fleet === undefined ? (first?.window.time() ?? Number.NaN) : Number.NaN;
    return this.#ranking.top(max, now, ({ window, reserved }) => window.spent(now) + reserved);
  }

  #state(bucket: Bucket | undefined, tenant: string | undefined): BudgetState {
    const spent = bucket?.window.spent() ?? 0;
    const reserved = bucket?.reserved ?? 0;
    return {
      budget: this.#budget,
      tenant,
      spentUsd: toUsd(spent),
      reservedUsd: toUsd(reserved),
      leftUsd: toUsd(this.#limit - spent - reserved),
      resetsAt: (bucket?.window ?? this.#newWindow()).resetsAt(),
    };
  }

  /** A tenant without a bucket of its own: what it has spent, if anything, is in the shared one. */
  #find(tenant: string | undefined): Bucket | undefined {
    const own = this.#buckets.get(this.#budget.perTenant ? tenant : undefined);
    return own ?? (this.#mayHaveOwn() ? undefined : this.#other);
  }

  /**
   * Tenants come from outside, so there is room for so many; the rest share a bucket. As long as that one has money of the
   * window or running calls in it, no further tenant gets a bucket of its own, which would forget what is in there.
   */
  #mayHaveOwn(): boolean {
    if (this.#other !== undefined && (this.#other.calls > 0 || this.#other.window.spent() > 0)) return false;
    if (this.#buckets.size < this.#tenants.max) return true;
    this.#sweep();
    return this.#buckets.size < this.#tenants.max;
  }

  /** Forgets those whose windows have ended. Looking through all of them takes its time, so it is not done for each call. */
  #sweep(): void {
    const now = performance.now();
    if (now - this.#sweptAt < SWEEP_MS) return;
    this.#sweptAt = now;
    for (const bucket of this.#buckets.values()) this.closeIfEmpty(bucket);
  }

  #newWindow(): SpendWindow {
    const { window } = this.#budget;
    return typeof window === 'number' || this.#calendar === undefined
      ? new SlidingWindow(Number(window))
      : new CalendarWindow(this.#calendar);
  }
}
