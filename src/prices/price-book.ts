import { LRUCache } from 'lru-cache';
import { InvalidOptionError } from '../errors.js';
import type { PriceFunction, PriceQuery } from '../options/options.js';
import type { KnownPrice, Price } from '../telemetry/record-types.js';
import { show } from '../util/check.js';
import { ignoreRejection } from '../util/ignore-rejection.js';
import { isPromise } from '../util/is-promise.js';
import { BUILT_IN_PRICES, BUILT_IN_PRICES_VERSION } from './built-in.js';
import { checkPrice, type PriceSource } from './check-price.js';
import { isListedTier } from './cost.js';

/** Names come from outside, so the number and the length of cached names are limited. */
const MAX_NAMES = 1000;
const MAX_NAME_LENGTH = 256;

/**
 * The prices of models: from the application, else from the built-in table. Each result is cached, so a price does not
 * change during a router's lifetime.
 */
export class PriceBook {
  readonly #cache = new LRUCache<string, { readonly known: KnownPrice | undefined }>({ max: MAX_NAMES });

  constructor(readonly source: PriceSource) {}

  /**
   * The price of a model by its upstream name. Throws InvalidOptionError if the application's function returns an
   * invalid price.
   */
  of(query: PriceQuery): KnownPrice | undefined {
    const { source } = this;
    if (source === false) return undefined;
    const name = query.servedModel ?? query.model;
    const given = typeof source === 'function' ? callFunction(source, query) : source.get(name);
    if (given === null) return undefined;
    if (given !== undefined) return { price: this.#checked(name, given), source: this.#name };
    const builtIn = BUILT_IN_PRICES.get(name);
    return builtIn && { price: builtIn, source: `built-in ${BUILT_IN_PRICES_VERSION}` };
  }

  /** The same for a name that came with a call: cached, and an error in the application's function fails no call. */
  ofCall(query: PriceQuery): KnownPrice | undefined {
    const name = query.servedModel ?? query.model;
    const { serviceTier } = query;
    if (this.source === false || name.length > MAX_NAME_LENGTH) return undefined;
    if (serviceTier !== undefined && serviceTier.length > MAX_NAME_LENGTH) return undefined;
    const key = JSON.stringify([query.deployment, query.model, query.servedModel, serviceTier]);
    const cached = this.#cache.get(key);
    if (cached !== undefined) return cached.known;
    const known = this.#tryOf(query);
    this.#cache.set(key, { known });
    return known;
  }

  /**
   * The price at a service tier. `known` is the price without a tier. A function that returns the same price for the
   * tier probably ignores tiers; it can return `tiers` to confirm that the price is the same.
   */
  atTier(known: KnownPrice | undefined, query: PriceQuery): KnownPrice | undefined {
    const tier = query.serviceTier?.toLowerCase();
    if (tier === undefined || isListedTier(tier) || hasTier(known?.price, tier)) return known;
    if (typeof this.source !== 'function' || known?.source === 'deployment') return undefined;
    const found = this.ofCall({ ...query, serviceTier: tier });
    if (found === undefined || hasTier(found.price, tier)) return found;
    if (known !== undefined && JSON.stringify(found.price) === JSON.stringify(known.price)) return undefined;
    return { ...found, price: { ...found.price, tiers: { ...found.price.tiers, [tier]: 1 } } };
  }

  #tryOf(query: PriceQuery): KnownPrice | undefined {
    try {
      return this.of(query);
    } catch {
      return undefined;
    }
  }

  get #name(): string {
    const { source } = this;
    const version: unknown = typeof source === 'function' ? source.version : undefined;
    return typeof version === 'string' && version !== '' ? version : 'prices';
  }

  #checked(model: string, given: Price): Price {
    return typeof this.source === 'function' ? checkPrice(`prices(${show(model)})`, given) : given;
  }
}

function hasTier(price: Price | undefined, tier: string): boolean {
  return price?.tiers !== undefined && Object.hasOwn(price.tiers, tier);
}

/** Prices are needed during construction and within a call's synchronous code, so a promise cannot be awaited. */
function callFunction(source: PriceFunction, query: PriceQuery): Price | null | undefined {
  let given: ReturnType<PriceFunction> | PromiseLike<unknown>;
  try {
    given = source(query);
  } catch (error) {
    throw new InvalidOptionError('prices', `the function threw for ${show(query.model)}.`, error);
  }
  if (!isPromise(given)) return given;
  ignoreRejection(given);
  throw new InvalidOptionError(
    'prices',
    'the function gives a promise; it has to give the price itself: load prices before the router is made.',
  );
}
