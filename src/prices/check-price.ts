import { InvalidOptionError } from '../errors.js';
import type { PriceFunction, RouterSettings } from '../options/options.js';
import type { LongContextPrice, Price, TierPrice, TokenPrice } from '../telemetry/record-types.js';
import { checkKeys, checkNumber, checkRecord, invalidOption } from '../util/check.js';
import { isListedTier } from './cost.js';

const OPTIONAL_PARTS = [
  'cachedInput',
  'cacheWrite',
  'cacheWrite1h',
  'audioInput',
  'imageInput',
  'audioOutput',
  'imageOutput',
] as const satisfies readonly (keyof TokenPrice)[];
const TOKEN_KEYS = ['input', 'output', ...OPTIONAL_PARTS];
const TIER_KEYS = [...TOKEN_KEYS, 'perSecond', 'tools', 'longContext'];
const PER_MILLION = 'US dollars per million tokens, 0 to 1000000';
const SHAPE = '{ input, output } in US dollars per million tokens';

/** A deep copy that the application cannot change later. Throws InvalidOptionError. */
export function checkPrice(path: string, value: unknown): Price {
  const given = checkRecord(path, value, SHAPE);
  checkKeys(path, given, [...TIER_KEYS, 'tiers']);
  const price: Price = checkTierParts(path, given);
  if (given.tiers !== undefined) price.tiers = checkTiers(`${path}.tiers`, given.tiers);
  return price;
}

function checkTokenPrice(path: string, given: Record<string, unknown>): TokenPrice {
  const part = (key: string) => checkNumber(`${path}.${key}`, given[key], { least: 0, most: 1e6, what: PER_MILLION });
  const price: TokenPrice = { input: part('input'), output: part('output') };
  for (const key of OPTIONAL_PARTS) if (given[key] !== undefined) price[key] = part(key);
  return price;
}

function checkTierParts(path: string, given: Record<string, unknown>): TierPrice {
  const price: TierPrice = checkTokenPrice(path, given);
  const { perSecond, tools, longContext } = given;
  if (perSecond !== undefined) price.perSecond = checkFee(`${path}.perSecond`, perSecond, 'US dollars per second');
  if (tools !== undefined) {
    const fees = Object.entries(checkRecord(`${path}.tools`, tools, 'an object such as { web_search: 0.01 }'));
    price.tools = Object.fromEntries(
      fees.map(([tool, fee]) => [tool, checkFee(`${path}.tools.${tool}`, fee, 'US dollars per call')]),
    );
  }
  if (longContext !== undefined) price.longContext = checkLongContext(`${path}.longContext`, longContext);
  return price;
}

function checkFee(path: string, value: unknown, what: string): number {
  return checkNumber(path, value, { least: 0, most: 1000, what: `${what}, 0 to 1000` });
}

function checkLongContext(path: string, value: unknown): LongContextPrice[] {
  if (!Array.isArray(value))
    invalidOption(path, value, 'an array such as [{ above: 200_000, input: 2.5, output: 15 }]');
  const lengths = new Set<number>();
  return value.map((each: unknown, i) => {
    const at = `${path}[${i}]`;
    const given = checkRecord(at, each, '{ above, input, output }');
    checkKeys(at, given, ['above', ...TOKEN_KEYS]);
    const what = 'a whole number of input tokens, at least 1';
    const above = checkNumber(`${at}.above`, given.above, { least: 1, most: 1e12, whole: true, what });
    if (lengths.has(above)) throw new InvalidOptionError(`${at}.above`, `${above} is listed twice.`);
    lengths.add(above);
    return { above, ...checkTokenPrice(at, given) };
  });
}

function checkTiers(path: string, value: unknown): Record<string, number | TierPrice> {
  const given = checkRecord(path, value, 'an object such as { priority: 2, flex: 0.5 }');
  const tiers = new Map<string, number | TierPrice>();
  for (const [tier, price] of Object.entries(given)) {
    const at = `${path}.${tier}`;
    if (isListedTier(tier))
      throw new InvalidOptionError(at, 'this tier has the listed price; only other tiers have entries here.');
    tiers.set(tier.toLowerCase(), checkTier(at, price));
  }
  return Object.fromEntries(tiers);
}

function checkTier(path: string, value: unknown): number | TierPrice {
  if (typeof value !== 'object')
    return checkNumber(path, value, { least: 0, most: 1000, what: 'a factor, 0 to 1000, or a whole price' });
  const given = checkRecord(path, value, `a factor, or ${SHAPE}`);
  checkKeys(path, given, TIER_KEYS);
  return checkTierParts(path, given);
}

/** The checked option `prices`: a table by model, a function, or only the deployments' own prices. */
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
