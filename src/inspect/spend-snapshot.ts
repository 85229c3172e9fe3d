import { budgetName, toIso } from '../call/spend/messages.js';
import type { Budget } from '../state/spend-account.js';
import type { SpendLedger } from '../state/spend-ledger.js';
import type { SpendTable } from '../state/spend-table.js';

/** The snapshot shows this many tenants with the highest spend; the CSV has all. */
const MAX_TENANTS = 100;

/** The state of one budget. A budget per tenant has an entry for each tenant with spend in the window. Amounts are US dollars. */
export interface BudgetSnapshot {
  /** `$400 a month`. */
  budget: string;
  /** `'tenant'` if each tenant has its own. */
  per: 'tenant' | null;
  /** The route whose calls count; `null` for all calls. */
  route: string | null;
  /** `null` for calls without a tenant, and for budgets that are not per tenant. */
  tenant: string | null;
  limitUsd: number;
  spentUsd: number;
  /** Reserved for calls that are running. */
  reservedUsd: number;
  /** Below 0 if calls cost more than their reservations. */
  leftUsd: number;
  /** ISO 8601: when the window restarts or, for a sliding window, when its oldest spend leaves it; `null` if it is empty. */
  resetsAt: string | null;
}

/** Spend since the router was constructed, in US dollars, estimates included; `null` if no cost is known. */
export interface SpendSnapshot {
  budgets: BudgetSnapshot[];
  totalUsd: number | null;
  /** Attempts whose cost is partly or fully unknown: no price, or no usage. */
  unpriced: number;
  byDay: Record<string, number | null>;
  byDeployment: Record<string, number | null>;
  /** Only calls that named a route. */
  byRoute: Record<string, number | null>;
  /** The hundred tenants with the highest spend. */
  byTenant: Record<string, number | null>;
}

export function spendSnapshot({
  ledger,
  spendTable,
}: {
  ledger: SpendLedger | undefined;
  spendTable: SpendTable;
}): SpendSnapshot {
  // Tenants of one budget share its name and, in a calendar window, its end.
  const names = new Map<Budget, string>();
  const times = new Map<number | undefined, string | null>();
  return {
    budgets: (ledger?.states(MAX_TENANTS) ?? []).map(({ budget, tenant, resetsAt, ...amounts }) => ({
      budget: once(names, budget, budgetName),
      per: budget.perTenant ? 'tenant' : null,
      route: budget.route ?? null,
      tenant: tenant ?? null,
      limitUsd: budget.usd,
      ...amounts,
      resetsAt: once(times, resetsAt, toIso),
    })),
    ...spendTable.sums(MAX_TENANTS),
  };
}

function once<K, V>(known: Map<K, V>, key: K, make: (key: K) => V): V {
  const found = known.get(key);
  if (found !== undefined) return found;
  const made = make(key);
  known.set(key, made);
  return made;
}
