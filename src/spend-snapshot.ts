import { toIso } from './call/spend/limit-spend.js';
import { nameOf } from './call/spend/words.js';
import { round } from './cost.js';
import type { SpendLedger } from './state/spend-ledger.js';
import type { SpendTable } from './state/spend-table.js';

/** So many scopes are shown, those that have spent most; the CSV has all. */
const MOST_SCOPES = 100;

/** One budget as it stands; one by scope has as many as there are scopes with money in the window. Amounts are US dollars. */
export interface BudgetSnapshot {
  /** `$400 a month`. */
  budget: string;
  of: 'router' | 'scope' | { route: string };
  /** `null` for calls without a scope, and for budgets that are not by scope. */
  scope: string | null;
  limitUsd: number;
  spentUsd: number;
  /** Kept for calls that are running. */
  reservedUsd: number;
  /** Below 0 where calls have cost more than they could have by what was known. */
  leftUsd: number;
  /** ISO 8601: when it starts anew, or, of one that slides, when its oldest money leaves it; `null` where there is none in it. */
  resetsAt: string | null;
}

/** What was spent since the router was made, in US dollars; estimates included. */
export interface SpendSnapshot {
  budgets: BudgetSnapshot[];
  totalUsd: number;
  byDay: Record<string, number>;
  byDeployment: Record<string, number>;
  /** Of calls that named a route. */
  byRoute: Record<string, number>;
  /** Of calls with a scope: the hundred that have spent most. */
  byScope: Record<string, number>;
}

export function spendSnapshot({
  ledger,
  spendTable,
}: {
  ledger: SpendLedger | undefined;
  spendTable: SpendTable;
}): SpendSnapshot {
  const rows = spendTable.rows();
  const sums = (by: 'day' | 'deployment' | 'route' | 'scope') => {
    const found = new Map<string, number>();
    for (const row of rows) {
      const name = row[by];
      if (name !== null) found.set(name, (found.get(name) ?? 0) + row.usd);
    }
    return [...found].map(([name, usd]): [string, number] => [name, round(usd)]);
  };
  const dearest = sums('scope').sort(([, a], [, b]) => b - a);
  return {
    budgets: (ledger?.states(MOST_SCOPES) ?? []).map(({ budget, scope, resetsAt, ...amounts }) => ({
      budget: nameOf(budget),
      of: budget.of,
      scope: scope ?? null,
      limitUsd: budget.usd,
      ...amounts,
      resetsAt: toIso(resetsAt),
    })),
    totalUsd: round(rows.reduce((sum, { usd }) => sum + usd, 0)),
    byDay: Object.fromEntries(sums('day')),
    byDeployment: Object.fromEntries(sums('deployment')),
    byRoute: Object.fromEntries(sums('route')),
    byScope: Object.fromEntries(dearest.slice(0, MOST_SCOPES)),
  };
}
