import type { PriceFunction, RouterSettings } from '../options/options.js';
import type { Price } from '../telemetry/record-types.js';
import { checkKeys, checkNumber, checkRecord } from '../util/check.js';

const PARTS = [
  'cachedInput',
  'cacheWrite',
  'audioInput',
  'imageInput',
  'audioOutput',
  'imageOutput',
] as const satisfies readonly (keyof Price)[];
const WHAT = 'US dollars per million tokens, 0 to 1000000';

/** A price of its own, that nobody changes later. Throws InvalidOptionError. */
export function checkPrice(path: string, value: unknown): Price {
  const given = checkRecord(path, value, '{ input, output } in US dollars per million tokens');
  checkKeys(path, given, ['input', 'output', ...PARTS]);
  const part = (key: string) => checkNumber(`${path}.${key}`, given[key], { least: 0, most: 1e6, what: WHAT });
  const price: Price = { input: part('input'), output: part('output') };
  for (const key of PARTS) if (given[key] !== undefined) price[key] = part(key);
  return price;
}

/** `prices`, checked: a table by model, a function, or nothing but the deployments' own. */
export type PriceSource = ReadonlyMap<string, Price | null> | PriceFunction | false;

export function checkPrices(value: RouterSettings['prices']): PriceSource {
  if (value === undefined) return new Map();
  if (value === false || typeof value === 'function') return value;
  return new Map(
    Object.entries(checkRecord('prices', value, 'a table of prices by model, a function, or false')).map(
      ([model, price]) => [model, price === null ? null : checkPrice(`prices.${model}`, price)],
    ),
  );
}
