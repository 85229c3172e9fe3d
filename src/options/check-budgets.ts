import { InvalidOptionError } from '../errors.js';
import type { Budget, TenantLimit } from '../state/spend-account.js';
import { checkKeys, checkNumber, checkOneOf, checkRecord, checkString, invalidOption, show } from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import type { BudgetOptions, TenantOptions } from './options.js';

const MAX_USD = 1e6;
const MAX_WINDOW_MS = 366 * 86_400_000;
const UNITS = ['hour', 'day', 'month'] as const;

export function checkBudgets(budgets: unknown, routes: readonly string[]): readonly Budget[] {
  if (budgets === undefined) return [];
  if (!Array.isArray(budgets)) invalidOption('budgets', budgets, "an array such as [{ usd: 400, window: 'month' }]");
  return budgets.map((value: unknown, i) => checkBudget(`budgets[${i}]`, value, routes));
}

function checkBudget(path: string, value: unknown, routes: readonly string[]): Budget {
  const given: Partial<Record<keyof BudgetOptions | 'of' | 'scope' | 'tenant', unknown>> = checkRecord(
    path,
    value,
    "an object such as { usd: 400, window: 'month' }",
  );
  refuseOldNames(path, given);
  checkKeys(path, given, ['usd', 'window', 'windowMs', 'per', 'route']);
  const { usd, window, windowMs, per, route } = given;
  if ((window === undefined) === (windowMs === undefined))
    throw new InvalidOptionError(path, `give one of \`window\` (${UNITS.map(show).join(', ')}) and \`windowMs\`.`);
  return {
    usd: checkNumber(`${path}.usd`, usd, { above: 0, most: MAX_USD, what: `US dollars above 0, at most ${MAX_USD}` }),
    window:
      window === undefined ? checkWindowMs(`${path}.windowMs`, windowMs) : checkOneOf(`${path}.window`, window, UNITS),
    perTenant: per !== undefined && checkOneOf(`${path}.per`, per, ['tenant']) === 'tenant',
    route: route === undefined ? undefined : checkRoute(`${path}.route`, route, routes),
  };
}

/** Refuses names of earlier versions, and says the new ones. */
function refuseOldNames(
  path: string,
  { of, scope, tenant }: { of?: unknown; scope?: unknown; tenant?: unknown },
): void {
  if (scope !== undefined || tenant !== undefined) {
    const name = scope === undefined ? 'tenant' : 'scope';
    throw new InvalidOptionError(
      `${path}.${name}`,
      "there is no such option; per: 'tenant' gives each tenant its own budget.",
    );
  }
  if (of === undefined) return;
  const meant =
    isRecord(of) && typeof of.route === 'string'
      ? `route: ${show(of.route)}`
      : of === 'router'
        ? 'nothing: a budget without `per` and `route` is for the whole router'
        : "per: 'tenant'";
  throw new InvalidOptionError(
    `${path}.of`,
    `this option is now \`per\` and \`route\`, which can be combined; give ${meant}.`,
  );
}

function checkWindowMs(path: string, value: unknown): number {
  const what = `milliseconds, 100 to ${MAX_WINDOW_MS}`;
  return checkNumber(path, value, { least: 100, most: MAX_WINDOW_MS, what });
}

function checkRoute(path: string, value: unknown, routes: readonly string[]): string {
  const route = checkString(path, value, 'the name of a route');
  if (!routes.includes(route))
    invalidOption(path, route, `a route that exists: ${routes.map(show).join(', ') || 'there is none'}`);
  return route;
}

/** Checks `tenants` and fills in defaults. Throws InvalidOptionError. */
export function checkTenants(value: unknown): TenantLimit {
  const given: TenantOptions =
    value === undefined ? {} : checkRecord('tenants', value, "an object such as { max: 10_000, overflow: 'refuse' }");
  checkKeys('tenants', given, ['max', 'overflow']);
  const { max = 10_000, overflow = 'share' } = given;
  const what = 'a whole number of tenants, 1 to 1000000';
  return {
    max: checkNumber('tenants.max', max, { least: 1, most: 1e6, whole: true, what }),
    overflow: checkOneOf('tenants.overflow', overflow, ['share', 'refuse']),
  };
}
