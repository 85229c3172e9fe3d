import { toNano, toUsd } from '../util/money.js';

/** What was spent on a day of UTC, at a deployment, by a route and a tenant. */
export interface SpendRow {
  /** `2026-11-22`; `earlier` for days that there is no room for. */
  readonly day: string;
  readonly deployment: string;
  /** `null` for calls that named no route. */
  readonly route: string | null;
  /** `null` for calls without one; `other` for those that there is no room for. */
  readonly tenant: string | null;
  /** What is known of it; `null` where nothing is. */
  readonly usd: number | null;
  /** Attempts whose cost is not known. */
  readonly unpriced: number;
}

interface Entry {
  readonly day: number;
  readonly deployment: string;
  readonly route: string | null;
  readonly tenant: string | null;
  /** Billionths of a dollar. */
  spent: number;
  unpriced: number;
}

const DAY_MS = 86_400_000;
const MOST_ROWS = 10_000;
const EARLIER = -1;

/**
 * Where the money went. Bounded: when there is no more room, the oldest rows lose their day, and new tenants, once there
 * are too many of them, their name. No sum is ever lost.
 */
export class SpendTable {
  readonly #rows = new Map<string, Entry>();
  readonly #earlier = new Map<string, Entry>();
  readonly #mostRows: number;
  #last: Entry | undefined;

  constructor(mostRows = MOST_ROWS) {
    this.#mostRows = mostRows;
  }

  /** `null` is a cost that is not known: such attempts are counted. */
  add(deployment: string, route: string | null, tenant: string | undefined, usd: number | null): void {
    const spent = toNano(usd ?? 0);
    const unpriced = usd === null ? 1 : 0;
    if (spent <= 0 && unpriced === 0) return;
    const day = Math.floor(Date.now() / DAY_MS);
    const name = tenant ?? null;
    const last = this.#last;
    if (last?.deployment === deployment && last.day === day && last.route === route && last.tenant === name) {
      last.spent += spent;
      last.unpriced += unpriced;
      return;
    }
    const entry = this.#find(day, deployment, route, name);
    entry.spent += spent;
    entry.unpriced += unpriced;
    this.#last = entry;
  }

  /** The oldest first. */
  rows(): SpendRow[] {
    return [...this.#earlier.values(), ...this.#rows.values()].map(({ day, spent, unpriced, ...rest }) => ({
      day: day === EARLIER ? 'earlier' : new Date(day * DAY_MS).toISOString().slice(0, 10),
      ...rest,
      usd: spent === 0 && unpriced > 0 ? null : toUsd(spent),
      unpriced,
    }));
  }

  #find(day: number, deployment: string, route: string | null, tenant: string | null): Entry {
    const found = this.#rows.get(keyOf(day, deployment, route, tenant));
    if (found !== undefined) return found;
    const hasRoom = this.#rows.size < this.#mostRows || this.#makeRoom(day);
    return entryOf(this.#rows, day, deployment, route, hasRoom ? tenant : 'other');
  }

  /** The oldest row goes to those of which the day is not known any more; today's stay. */
  #makeRoom(today: number): boolean {
    for (const [key, row] of this.#rows) {
      if (row.day === today) return false;
      const { deployment, route, tenant } = row;
      const isKnown = this.#earlier.has(keyOf(EARLIER, deployment, route, tenant));
      const name = isKnown || this.#earlier.size < this.#mostRows ? tenant : 'other';
      const entry = entryOf(this.#earlier, EARLIER, deployment, route, name);
      entry.spent += row.spent;
      entry.unpriced += row.unpriced;
      this.#rows.delete(key);
      if (this.#last === row) this.#last = undefined;
      return true;
    }
    return false;
  }
}

function entryOf(
  rows: Map<string, Entry>,
  day: number,
  deployment: string,
  route: string | null,
  tenant: string | null,
): Entry {
  const key = keyOf(day, deployment, route, tenant);
  const found = rows.get(key);
  if (found !== undefined) return found;
  const entry = { day, deployment, route, tenant, spent: 0, unpriced: 0 };
  rows.set(key, entry);
  return entry;
}

const keyOf = (...parts: (string | number | null)[]) => JSON.stringify(parts);
