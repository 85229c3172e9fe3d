import { calcPrice } from '@pydantic/genai-prices';
import { LRUCache } from 'lru-cache';
import type { PriceFunction } from '../options/options.js';
import type { Price } from '../telemetry/record-types.js';
import { checkKeys, checkRecord, checkString, invalidOption } from '../util/check.js';
import { tablePrice } from './table-price.js';
import { tableVersion } from './version.js';

const MOST_NAMES = 1000;

/** Names that aggregators use for open models, and the table's names. */
const ALIASES = {
  'deepseek-ai/DeepSeek-V3.2': 'deepseek:deepseek-v3.2',
  'deepseek-ai/DeepSeek-V3.2-Exp': 'deepseek:deepseek-v3.2-exp',
  'Qwen/Qwen3-32B': 'openrouter:qwen/qwen3-32b',
};

/** Options of `genaiPrices`. */
export interface GenaiPricesOptions {
  /**
   * The table's names for your own names, as `PROVIDER:MODEL` or `MODEL`, in addition to the built-in ones. A name
   * without a price in the table is an InvalidOptionError.
   */
  aliases?: Readonly<Record<string, string>> | undefined;
  /** The table's name of a provider, for names without one. @default guessed from the model's name */
  provider?: string | undefined;
  /** The day of the prices. @default the day of this call */
  at?: Date | undefined;
}

/**
 * The table of `@pydantic/genai-prices`, for the option `prices`. If a price depends on the length of the input, it is
 * the base price; if it depends on the hour, the most expensive one. Throws InvalidOptionError.
 */
export function genaiPrices(options: GenaiPricesOptions = {}): PriceFunction {
  checkKeys('genaiPrices', checkRecord('genaiPrices', options), ['aliases', 'provider', 'at']);
  const { provider, at = new Date() } = options;
  if (provider !== undefined) checkString('genaiPrices.provider', provider);
  if (!(at instanceof Date) || Number.isNaN(at.getTime())) invalidOption('genaiPrices.at', at, 'a valid Date');
  const aliases = new Map(Object.entries({ ...ALIASES, ...checkRecord('genaiPrices.aliases', options.aliases ?? {}) }));
  for (const [name, alias] of aliases) checkString(`genaiPrices.aliases.${name}`, alias, 'PROVIDER:MODEL, or MODEL');
  const day = new Date(at);
  for (const [name, alias] of Object.entries(options.aliases ?? {})) {
    if (lookUp(alias, provider, day) === undefined)
      invalidOption(
        `genaiPrices.aliases.${name}`,
        alias,
        'PROVIDER:MODEL, or MODEL, of a model that the table has a price of',
      );
  }
  // A lookup in the table takes a tenth of a millisecond.
  const cached = new LRUCache<string, { readonly price: Price | undefined }>({ max: MOST_NAMES });

  function price({
    model,
    servedModel = model,
  }: {
    model: string;
    servedModel?: string | undefined;
  }): Price | undefined {
    const known = cached.get(servedModel);
    if (known !== undefined) return known.price;
    const found = { price: lookUp(String(aliases.get(servedModel) ?? servedModel), provider, day) };
    cached.set(servedModel, found);
    return found.price;
  }
  return Object.assign(price, { version: tableVersion() });
}

function lookUp(name: string, provider: string | undefined, at: Date): Price | undefined {
  const [, prefix, rest] = /^([\w-]+):(.+)$/.exec(name) ?? [];
  const providerId = prefix ?? provider;
  try {
    const found = calcPrice({ input_tokens: 0 }, rest ?? name, {
      ...(providerId !== undefined && { providerId }),
    });
    return found === null ? undefined : tablePrice(found.model, at);
  } catch {
    // Some entries have no price by token.
    return undefined;
  }
}
