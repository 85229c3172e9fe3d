import { toIso } from '../call/spend/layer.js';
import { nameOf } from '../call/spend/messages.js';
import { round } from '../prices/cost.js';
import type { SpendLedger } from '../state/spend-ledger.js';
import type { SpendTable } from '../state/spend-table.js';

/** So many tenants are shown, those that have spent most; the CSV has all. */
const MOST_SCOPES = 100;

/** One budget as it stands; one by tenant has as many as there are tenants with money in the window. Amounts are US dollars. */
export interface BudgetSnapshot {
  /** `$400 a month`. */
  budget: string;
  of: 'router' | 'tenant' | { route: string };
  /** `null` for calls without a tenant, and for budgets that are not by tenant. */
  tenant: string | null;
  limitUsd: number;
  spentUsd: number;
  /** Kept for calls that are running. */
  reservedUsd: number;
  /** Below 0 where calls have cost more than they could have by what was known. */
  leftUsd: number;
  /** ISO 8601: when it starts anew, or, of one that slides, when its oldest money leaves it; `null` where there is none in it. */
  resetsAt: string | null;
}

/** What was spent since the router was made, in US dollars; estimates included. `null` where nothing of it is known. */
export interface SpendSnapshot {
  budgets: BudgetSnapshot[];
  totalUsd: number | null;
  /** Attempts whose cost is not known: no price, or no usage told. They are not in the sums. */
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
  const rows = spendTable.rows();
  const sums = (by: 'day' | 'deployment' | 'route' | 'tenant') => {
    const found = new Map<string, number | null>();
    for (const row of rows) {
      const name = row[by];
      if (name !== null) found.set(name, add(found.get(name) ?? null, row.usd));
    }
    return [...found].map(([name, usd]): [string, number | null] => [name, roundKnown(usd)]);
  };
  const dearest = sums('tenant').sort(([, a], [, b]) => (b ?? 0) - (a ?? 0));
  return {
    budgets: (ledger?.states(MOST_SCOPES) ?? []).map(({ budget, tenant, resetsAt, ...amounts }) => ({
      budget: nameOf(budget),
      of: budget.of,
      tenant: tenant ?? null,
      limitUsd: budget.usd,
      ...amounts,
      resetsAt: toIso(resetsAt),
    })),
    totalUsd: rows.length === 0 ? 0 : roundKnown(rows.reduce<number | null>((sum, { usd }) => add(sum, usd), null)),
    unpriced: rows.reduce((sum, { unpriced }) => sum + unpriced, 0),
    byDay: Object.fromEntries(sums('day')),
    byDeployment: Object.fromEntries(sums('deployment')),
    byRoute: Object.fromEntries(sums('route')),
    byTenant: Object.fromEntries(dearest.slice(0, MOST_SCOPES)),
  };
}

const roundKnown = (usd: number | null) => (usd === null ? null : round(usd));

/** What is not known adds nothing to what is. */
function add(sum: number | null, usd: number | null): number | null {
  return sum === null || usd === null ? (sum ?? usd) : sum + usd;
}
