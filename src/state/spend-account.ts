import type { CalendarUnit } from '../util/calendar.js';
import { toNano, toUsd } from '../util/money.js';
import type { FleetAllowance, FleetLink } from './fleet.js';
import { SpendRanking } from './spend-ranking.js';
import { Calendar, CalendarWindow, SlidingWindow, type SpendWindow } from './spend-window.js';

/** A spend budget, checked. */
export interface Budget {
  readonly usd: number;
  readonly window: CalendarUnit | number;
  /** Whether each tenant has its own. */
  readonly perTenant: boolean;
  /** Only calls of this route count; `undefined` for all calls. */
  readonly route: string | undefined;
}

/** What to do with tenants beyond `max`: they share one budget, or their calls are refused. */
export interface TenantLimit {
  readonly max: number;
  readonly overflow: 'share' | 'refuse';
}

/** The state of a budget, for one tenant if it is per tenant. Times are those of `Date.now()`. */
export interface BudgetState {
  readonly budget: Budget;
  /** `undefined` for calls without a tenant, and for a budget that is not per tenant. */
  readonly tenant: string | undefined;
  readonly spentUsd: number;
  readonly reservedUsd: number;
  /** The amount that may still be reserved; below 0 after an overrun. */
  readonly leftUsd: number;
  readonly resetsAt: number | undefined;
}

/** Why a budget does not allow an amount. */
export interface Refusal extends BudgetState {
  readonly refused: true;
  /** When enough will be available if nothing more is spent; `undefined` if running calls must end first, or never. */
  readonly availableAt: number | undefined;
  /** Whether the tenant is new and there are already as many tenants as the options allow. */
  readonly tooManyTenants: boolean;
  /** Requests more from the fleet; `undefined` if that would not help. */
  readonly request: ((since: number) => Promise<boolean> | undefined) | undefined;
  /** Another reason, apart from spent money. */
  readonly trouble: string | undefined;
}

/** A budget of which at least `percent` is spent, for the first time in its window. */
export interface Warning extends BudgetState {
  readonly percent: number;
}

/** The spending and reservations of one budget, or of one tenant in it. */
export interface Bucket {
  readonly account: SpendAccount;
  readonly tenant: string | undefined;
  readonly window: SpendWindow;
  /** This process's part, if the budget is shared with other processes. */
  readonly allowance: FleetAllowance | undefined;
  reserved: number;
  /** Calls with an unsettled reservation. */
  calls: number;
  /** In the ranking of its budget. */
  place: number;
  /** Spending of this process in the current slot of its window, and how much is written ahead for it. */
  readonly slot: { time: number; spent: number; written: number };
}

/** What a process has spent of a budget in one slot of its window: a `Date.now()` time, and billionths of a dollar. */
export type SpendEntry = [budget: string, tenant: string | null, at: number, amount: number];

/** Spending imported from another process. */
export interface ImportedSpend {
  readonly bucket: Bucket;
  readonly at: number;
  readonly amount: number;
}

/** The share of the limit that is written ahead of spending. */
const CHUNK = 0.01;
const SWEEP_MS = 1000;
const PERCENTS = [50, 80, 100];

/** The account of one budget: one bucket, or one for each tenant. Amounts are billionths of a dollar. */
export class SpendAccount {
  #budget: Budget;
  #limit: number;
  readonly #tenants: TenantLimit;
  readonly #buckets = new Map<string | undefined, Bucket>();
  readonly #ranking = new SpendRanking<Bucket>();
  readonly #calendar: Calendar | undefined;
  /** Shared by all tenants beyond the limit. */
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

  /** @param reserving the amount is about to be reserved, so this process's part of a shared budget counts */
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

  /** The refusal by this process's part of a shared budget. */
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

  reserve(bucket: Bucket, amount: number): void {
    bucket.reserved += amount;
    bucket.allowance?.reserve(amount);
    this.#ranking.change(bucket, amount);
  }

  release(bucket: Bucket, amount: number): void {
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
    const now = bucket.window.time();
    this.#ranking.set(bucket, bucket.window.spent(now) + bucket.reserved, now);
  }

  addAt(bucket: Bucket, at: number, amount: number): number {
    const slot = bucket.window.addAt(at, amount);
    const now = bucket.window.time();
    this.#ranking.set(bucket, bucket.window.spent(now) + bucket.reserved, now);
    return slot;
  }

  /** Writes a chunk more than is needed now, so that few calls have to wait for it. */
  writeAhead(bucket: Bucket, write: (entry: SpendEntry) => void): void {
    const slot = slotOf(bucket);
    const needed = slot.spent + bucket.reserved;
    if (needed <= slot.written) return;
    slot.written = needed + Math.ceil(this.#limit * CHUNK);
    write([this.name, bucket.tenant ?? null, bucket.window.slotStart(), slot.written]);
  }

  entriesOf(bucket: Bucket, imported: readonly ImportedSpend[], asWritten: boolean): SpendEntry[] {
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

  /** Deletes a tenant's empty bucket. */
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

  /** The spending of a tenant without its own bucket, if any, is in the shared one. */
  #find(tenant: string | undefined): Bucket | undefined {
    const own = this.#buckets.get(this.#budget.perTenant ? tenant : undefined);
    return own ?? (this.#mayHaveOwn() ? undefined : this.#other);
  }

  /**
   * Tenants come from outside, so their number is limited; the others share a bucket. While that bucket
   * contains spending or running calls, no further tenant gets its own bucket, because it would start without the
   * spending that it already has in the shared one.
   */
  #mayHaveOwn(): boolean {
    if (this.#other !== undefined && (this.#other.calls > 0 || this.#other.window.spent() > 0)) return false;
    if (this.#buckets.size < this.#tenants.max) return true;
    this.#sweep();
    return this.#buckets.size < this.#tenants.max;
  }

  /** Deletes buckets whose windows have ended. It visits all of them, so it does not run for each call. */
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

/** This process's spending in the current slot. */
function slotOf({ slot, window }: Bucket): Bucket['slot'] {
  const time = window.time();
  if (slot.time !== time) Object.assign(slot, { time, spent: 0, written: 0 });
  return slot;
}
