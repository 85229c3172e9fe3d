import { InvalidOptionError } from '../errors.js';
import type { Budget } from '../state/spend-ledger.js';
import { checkKeys, checkNumber, checkOneOf, checkRecord, checkString, fail, show } from '../util/check.js';
import type { BudgetOptions } from './options.js';

const MOST_USD = 1e6;
const LONGEST_WINDOW_MS = 366 * 86_400_000;
const UNITS = ['hour', 'day', 'month'] as const;

export function checkBudgets(budgets: unknown, routes: readonly string[]): readonly Budget[] {
  if (budgets === undefined) return [];
  if (!Array.isArray(budgets)) fail('budgets', budgets, "an array such as [{ usd: 400, window: 'month' }]");
  return budgets.map((value: unknown, i) => checkBudget(`budgets[${i}]`, value, routes));
}

function checkBudget(path: string, value: unknown, routes: readonly string[]): Budget {
  const given: Partial<Record<keyof BudgetOptions, unknown>> = checkRecord(
    path,
    value,
    "an object such as { usd: 400, window: 'month' }",
  );
  checkKeys(path, given, ['usd', 'window', 'windowMs', 'of']);
  const { usd, window, windowMs, of = 'router' } = given;
  if ((window === undefined) === (windowMs === undefined))
    throw new InvalidOptionError(path, `give one of \`window\` (${UNITS.map(show).join(', ')}) and \`windowMs\`.`);
  return {
    usd: checkNumber(`${path}.usd`, usd, { above: 0, most: MOST_USD, what: `US dollars above 0, at most ${MOST_USD}` }),
    window:
      window === undefined ? checkWindowMs(`${path}.windowMs`, windowMs) : checkOneOf(`${path}.window`, window, UNITS),
    of: of === 'router' || of === 'tenant' ? of : checkRoute(`${path}.of`, of, routes),
  };
}

function checkWindowMs(path: string, value: unknown): number {
  const what = `milliseconds, 100 to ${LONGEST_WINDOW_MS}`;
  return checkNumber(path, value, { least: 100, most: LONGEST_WINDOW_MS, what });
}

function checkRoute(path: string, value: unknown, routes: readonly string[]): { route: string } {
  const given = checkRecord(path, value, "'router', 'tenant' or { route }");
  if ('tenant' in given)
    throw new InvalidOptionError(
      `${path}.tenant`,
      "there is no such option; of: 'tenant' gives each tenant a budget of its own.",
    );
  checkKeys(path, given, ['route']);
  const route = checkString(`${path}.route`, given.route, 'the name of a route');
  if (!routes.includes(route))
    fail(`${path}.route`, route, `a route that exists: ${routes.map(show).join(', ') || 'there is none'}`);
  return { route };
}
