import { LRUCache } from 'lru-cache';
import { InvalidOptionError } from '../errors.js';
import type { PriceFunction, PriceQuery } from '../options/options.js';
import type { KnownPrice, Price } from '../telemetry/record-types.js';
import { show } from '../util/check.js';
import { BUILT_IN_PRICES, BUILT_IN_PRICES_VERSION } from './built-in.js';
import { checkPrice, type PriceSource } from './check-price.js';

/** Names come from outside: so many are remembered, and none that is longer. */
const MOST_NAMES = 1000;
const LONGEST_NAME = 256;

/**
 * What models cost: what the application says, else what the router knows by itself. Each answer is kept, so that a price
 * does not change while a router lives.
 */
export class PriceBook {
  readonly #kept = new LRUCache<string, { readonly known: KnownPrice | undefined }>({ max: MOST_NAMES });

  constructor(readonly source: PriceSource) {}

  /** Of a model by its upstream's name. Throws InvalidOptionError where the application's function gives no price. */
  of(query: PriceQuery): KnownPrice | undefined {
    const { source } = this;
    if (source === false) return undefined;
    const name = query.servedModel ?? query.model;
    const given = typeof source === 'function' ? asked(source, query) : source.get(name);
    if (given === null) return undefined;
    if (given !== undefined) return { price: this.#checked(name, given), source: this.#name };
    const builtIn = BUILT_IN_PRICES.get(name);
    return builtIn && { price: builtIn, source: `built-in ${BUILT_IN_PRICES_VERSION}` };
  }

  /** The same for a name that came with a call: it is kept, and what the application's function does wrong harms no call. */
  ofCall(query: PriceQuery): KnownPrice | undefined {
    const name = query.servedModel ?? query.model;
    if (this.source === false || name.length > LONGEST_NAME) return undefined;
    const key = JSON.stringify([query.deployment, query.model, query.servedModel]);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept.known;
    const known = this.#tried(query);
    this.#kept.set(key, { known });
    return known;
  }

  #tried(query: PriceQuery): KnownPrice | undefined {
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

/** Prices are asked for while the router is made, and between two lines of a call: nobody can wait for them. */
function asked(source: PriceFunction, query: PriceQuery): Price | null | undefined {
  let given: ReturnType<PriceFunction> | Promise<unknown>;
  try {
    given = source(query);
  } catch (error) {
    throw new InvalidOptionError('prices', `the function threw for ${show(query.model)}.`, error);
  }
  if (!(given instanceof Promise)) return given;
  given.catch(() => undefined);
  throw new InvalidOptionError(
    'prices',
    'the function gives a promise; it has to give the price itself: load prices before the router is made.',
  );
}
