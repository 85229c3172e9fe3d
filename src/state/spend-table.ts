import { toNano, toUsd } from '../util/money.js';
import { topOf } from '../util/top.js';

/** Spending by UTC day, deployment, route and tenant. */
export interface SpendRow {
  /** `2026-11-22`; `earlier` for days beyond the limit. */
  readonly day: string;
  readonly deployment: string;
  /** `null` for calls that named no route. */
  readonly route: string | null;
  /** `null` for calls without a tenant; `other` for tenants beyond the limit. */
  readonly tenant: string | null;
  /** The known part; `null` if nothing is known. */
  readonly usd: number | null;
  /** Attempts of unknown, or partly unknown, cost. */
  readonly unpriced: number;
}

/** A running sum. */
interface Sum {
  /** Billionths of a dollar. */
  spent: number;
  unpriced: number;
  /** The number of its rows. */
  rows: number;
}

interface Entry {
  readonly day: number;
  readonly deployment: string;
  readonly route: string | null;
  readonly tenant: string | null;
  spent: number;
  unpriced: number;
  /** The sums that it belongs to. */
  readonly sums: readonly Sum[];
}

/** Sums by each column, in US dollars; `null` if nothing is known. */
export interface SpendSums {
  readonly totalUsd: number | null;
  readonly unpriced: number;
  readonly byDay: Record<string, number | null>;
  readonly byDeployment: Record<string, number | null>;
  readonly byRoute: Record<string, number | null>;
  readonly byTenant: Record<string, number | null>;
}

const DAY_MS = 86_400_000;
const MAX_ROWS = 10_000;
const EARLIER = -1;

/**
 * The spend table. Its size is limited: when it is full, the oldest rows lose their day, and new tenants, if there are
 * too many, their name. No amount is ever lost.
 */
export class SpendTable {
  readonly #rows = new Map<string, Entry>();
  readonly #earlier = new Map<string, Entry>();
  readonly #maxRows: number;
  #last: Entry | undefined;
  readonly #total: Sum = newSum();
  readonly #byDay = new Map<number, Sum>();
  readonly #byDeployment = new Map<string, Sum>();
  readonly #byRoute = new Map<string, Sum>();
  readonly #byTenant = new Map<string, Sum>();

  constructor(maxRows = MAX_ROWS) {
    this.#maxRows = maxRows;
  }

  /** `usd` is the known part of a cost, `null` if nothing is known. `unpriced` attempts are counted. */
  add(
    deployment: string,
    route: string | null,
    tenant: string | undefined,
    usd: number | null,
    isKnown = usd !== null,
  ): void {
    const spent = toNano(usd ?? 0);
    const unpriced = isKnown ? 0 : 1;
    if (spent <= 0 && unpriced === 0) return;
    const day = Math.floor(Date.now() / DAY_MS);
    const name = tenant ?? null;
    const last = this.#last;
    const isLast = last?.deployment === deployment && last.day === day && last.route === route && last.tenant === name;
    const entry = isLast ? last : this.#find(day, deployment, route, name);
    addTo(entry, spent, unpriced);
    if (!isLast) this.#last = entry;
  }

  /** Oldest first. */
  rows(): SpendRow[] {
    return rowsOf([...this.#earlier.values(), ...this.#rows.values()]);
  }

  /** The same, in slices of this size. */
  *rowsInSlices(size: number): Generator<SpendRow[]> {
    const entries = [...this.#earlier.values(), ...this.#rows.values()];
    for (let i = 0; i < entries.length; i += size) yield rowsOf(entries.slice(i, i + size));
  }

  /** Of the tenants, the `maxTenants` that have spent most. */
  sums(maxTenants: number): SpendSums {
    const plain = <K>(sums: Iterable<[K, Sum]>, nameOf: (key: K) => string) =>
      Object.fromEntries(Array.from(sums, ([key, sum]) => [nameOf(key), usdOf(sum)]));
    const name = (key: string) => key;
    return {
      totalUsd: usdOf(this.#total),
      unpriced: this.#total.unpriced,
      byDay: plain(
        [...this.#byDay].sort(([a], [b]) => a - b),
        dayName,
      ),
      byDeployment: plain(this.#byDeployment, name),
      byRoute: plain(this.#byRoute, name),
      byTenant: plain(
        topOf(this.#byTenant, maxTenants, ([, { spent }]) => spent),
        name,
      ),
    };
  }

  #find(day: number, deployment: string, route: string | null, tenant: string | null): Entry {
    const found = this.#rows.get(keyOf(day, deployment, route, tenant));
    if (found !== undefined) return found;
    const hasRoom = this.#rows.size < this.#maxRows || this.#makeRoom(day);
    return this.#entryOf(this.#rows, day, deployment, route, hasRoom ? tenant : 'other');
  }

  /** Merges the oldest row into the rows without a day. Today's rows stay. */
  #makeRoom(today: number): boolean {
    for (const [key, row] of this.#rows) {
      if (row.day === today) return false;
      const { deployment, route, tenant, spent, unpriced } = row;
      const isKnown = this.#earlier.has(keyOf(EARLIER, deployment, route, tenant));
      const name = isKnown || this.#earlier.size < this.#maxRows ? tenant : 'other';
      addTo(row, -spent, -unpriced);
      this.#rows.delete(key);
      this.#leave(row);
      addTo(this.#entryOf(this.#earlier, EARLIER, deployment, route, name), spent, unpriced);
      if (this.#last === row) this.#last = undefined;
      return true;
    }
    return false;
  }

  #entryOf(
    rows: Map<string, Entry>,
    day: number,
    deployment: string,
    route: string | null,
    tenant: string | null,
  ): Entry {
    const key = keyOf(day, deployment, route, tenant);
    const found = rows.get(key);
    if (found !== undefined) return found;
    const sums = [this.#total, sumIn(this.#byDay, day), sumIn(this.#byDeployment, deployment)];
    if (route !== null) sums.push(sumIn(this.#byRoute, route));
    if (tenant !== null) sums.push(sumIn(this.#byTenant, tenant));
    for (const sum of sums) sum.rows++;
    const entry = { day, deployment, route, tenant, spent: 0, unpriced: 0, sums };
    rows.set(key, entry);
    return entry;
  }

  /** Removes sums without rows. */
  #leave({ day, deployment, route, tenant, sums }: Entry): void {
    for (const sum of sums) sum.rows--;
    dropEmpty(this.#byDay, day);
    dropEmpty(this.#byDeployment, deployment);
    if (route !== null) dropEmpty(this.#byRoute, route);
    if (tenant !== null) dropEmpty(this.#byTenant, tenant);
  }
}

function newSum(): Sum {
  return { spent: 0, unpriced: 0, rows: 0 };
}

function sumIn<K>(sums: Map<K, Sum>, key: K): Sum {
  const found = sums.get(key);
  if (found !== undefined) return found;
  const sum = newSum();
  sums.set(key, sum);
  return sum;
}

function dropEmpty<K>(sums: Map<K, Sum>, key: K): void {
  if (sums.get(key)?.rows === 0) sums.delete(key);
}

function addTo(entry: Entry, spent: number, unpriced: number): void {
  entry.spent += spent;
  entry.unpriced += unpriced;
  for (const sum of entry.sums) {
    sum.spent += spent;
    sum.unpriced += unpriced;
  }
}

/** An unknown amount is not 0. */
function usdOf({ spent, unpriced }: Pick<Sum, 'spent' | 'unpriced'>): number | null {
  return spent === 0 && unpriced > 0 ? null : toUsd(spent);
}

function dayName(day: number): string {
  return day === EARLIER ? 'earlier' : new Date(day * DAY_MS).toISOString().slice(0, 10);
}

/** For consecutive rows, which are mostly of the same day. */
function rowsOf(entries: readonly Entry[]): SpendRow[] {
  let last = Number.NaN;
  let name = '';
  return entries.map((entry) => {
    if (entry.day !== last) name = dayName(entry.day);
    last = entry.day;
    return toRow(entry, name);
  });
}

function toRow(entry: Entry, day: string): SpendRow {
  const { deployment, route, tenant, unpriced } = entry;
  return { day, deployment, route, tenant, usd: usdOf(entry), unpriced };
}

const keyOf = (...parts: (string | number | null)[]) => JSON.stringify(parts);
