import { toIso } from '../call/spend/layer.js';
import { nameOf } from '../call/spend/messages.js';
import type { SpendLedger } from '../state/spend-ledger.js';
import type { SpendTable } from '../state/spend-table.js';

/** So many tenants are shown, those that have spent most; the CSV has all. */
const MAX_TENANTS = 100;

/** One budget as it stands; one per tenant appears for each tenant with money in the window. Amounts are US dollars. */
export interface BudgetSnapshot {
  /** `$400 a month`. */
  budget: string;
  /** `'tenant'` where each tenant has its own. */
  per: 'tenant' | null;
  /** The route whose calls count; `null` for all calls. */
  route: string | null;
  /** `null` for calls without a tenant, and for budgets that are not per tenant. */
  tenant: string | null;
  limitUsd: number;
  spentUsd: number;
  /** Reserved for calls that are running. */
  reservedUsd: number;
  /** Below 0 where calls have cost more than was reserved for them. */
  leftUsd: number;
  /** ISO 8601: when it starts again, or, of one that slides, when its oldest money leaves it; `null` where there is none in it. */
  resetsAt: string | null;
}

/** What was spent since the router was made, in US dollars; estimates included. `null` where nothing of it is known. */
export interface SpendSnapshot {
  budgets: BudgetSnapshot[];
  totalUsd: number | null;
  /** Attempts whose cost is not known, or only in part: no price, or no usage. */
  unpriced: number;
  byDay: Record<string, number | null>;
  byDeployment: Record<string, number | null>;
  /** Of calls that named a route. */
  byRoute: Record<string, number | null>;
  /** Of calls with a tenant: the hundred that have spent most. */
  byTenant: Record<string, number | null>;
}

export function spendSnapshot({
  ledger,
  spendTable,
}: {
  ledger: SpendLedger | undefined;
  spendTable: SpendTable;
}): SpendSnapshot {
  return {
    budgets: (ledger?.states(MAX_TENANTS) ?? []).map(({ budget, tenant, resetsAt, ...amounts }) => ({
      budget: nameOf(budget),
      per: budget.perTenant ? 'tenant' : null,
      route: budget.route ?? null,
      tenant: tenant ?? null,
      limitUsd: budget.usd,
      ...amounts,
      resetsAt: toIso(resetsAt),
    })),
    ...spendTable.sums(MAX_TENANTS),
  };
}
