import { InvalidOptionError } from '../errors.js';
import { checkKeys, checkMs, checkNumber, checkRecord, checkString, invalidOption, show } from '../util/check.js';
import type { Strategy } from './strategy.js';

const NAMES = ['priority', 'weighted', 'lowest-latency', 'lowest-cost', 'least-busy'] as const;
/** The built-in strategies. */
export type StrategyName = (typeof NAMES)[number];

const PERCENTILES = { p50: 0.5, p75: 0.75, p90: 0.9, p95: 0.95 } as const;

/**
 * How a route orders its deployments, with the strategy's settings.
 *
 * @example
 * strategy: { by: 'weighted', weights: { 'gpt-4o-mini': 9, eu: 1 } }
 */
export type StrategyOptions =
  | { by: 'priority' }
  | {
      /** A share of the traffic for each deployment: sticky by `assignmentKey`, and compared by `abReport`. */
      by: 'weighted';
      /** Weights by deployment; a missing one is 0. @default each deployment's `weight`, else 1 */
      weights?: Readonly<Record<string, number>> | undefined;
      /** Part of the hash of `assignmentKey`: a new salt reassigns all keys. @default the route's name */
      salt?: string | undefined;
    }
  | {
      /** The fastest deployment first, by recent comparable answer times; slower ones are probed from time to time. */
      by: 'lowest-latency';
      /** The percentile that is compared. @default 'p50' */
      percentile?: keyof typeof PERCENTILES | undefined;
      /** How much slower than the fastest still counts as equally fast, as a share. @default 0.1 */
      band?: number | undefined;
      /** The share of calls that may probe slower deployments. @default 0.03 */
      explore?: number | undefined;
    }
  | {
      /** The deployment with the lowest expected cost of the request first. */
      by: 'lowest-cost';
      /** Milliseconds. Deployments with a slower p95 come after the others. @default none */
      preferP95Ms?: number | undefined;
    }
  | { by: 'least-busy' };

/** The order of a route's deployments, in the engine's form. */
export type StrategyConfig =
  | { readonly by: 'weighted'; readonly weights: ReadonlyMap<string, number>; readonly salt: string }
  | { readonly by: 'lowest-latency'; readonly percentile: number; readonly band: number; readonly explore: number }
  | { readonly by: 'lowest-cost'; readonly preferP95Ms: number | undefined }
  | { readonly by: 'least-busy'; readonly weights: ReadonlyMap<string, number> }
  | { readonly by: 'custom'; readonly strategy: Strategy; readonly weights: ReadonlyMap<string, number> };

const WHAT = `one of ${NAMES.map(show).join(', ')}, an object { by, ... }, or your own { name, order(view) }`;

/**
 * Returns `undefined` for the listed order. `weights` are those of the route's deployments. Throws InvalidOptionError.
 */
export function checkStrategy(
  path: string,
  value: unknown,
  route: string,
  weights: ReadonlyMap<string, number>,
): StrategyConfig | undefined {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return checkBuiltIn(path, { by: checkName(path, value) }, route, weights);
  const given = checkRecord(path, value, WHAT);
  if ('order' in given) return checkCustom(path, given, weights);
  return checkBuiltIn(path, { ...given, by: checkName(`${path}.by`, given.by) }, route, weights);
}

function checkName(path: string, value: unknown): StrategyName {
  return NAMES.find((name) => name === value) ?? invalidOption(path, value, WHAT);
}

function checkCustom(
  path: string,
  given: Record<string, unknown>,
  weights: ReadonlyMap<string, number>,
): StrategyConfig {
  checkKeys(path, given, ['name', 'order']);
  const { order } = given;
  const name = checkString(`${path}.name`, given.name, 'the name of your strategy, as `chosenBy` shows it');
  if (typeof order !== 'function') invalidOption(`${path}.order`, order, 'a function that returns ids of deployments');
  return { by: 'custom', strategy: { name, order: (view) => order.call(given, view) }, weights };
}

function checkBuiltIn(
  path: string,
  given: { readonly by: StrategyName } & Record<string, unknown>,
  route: string,
  weights: ReadonlyMap<string, number>,
): StrategyConfig | undefined {
  switch (given.by) {
    case 'priority':
      checkKeys(path, given, ['by']);
      return undefined;
    case 'least-busy':
      checkKeys(path, given, ['by']);
      return { by: given.by, weights };
    case 'weighted': {
      checkKeys(path, given, ['by', 'weights', 'salt']);
      const own = given.weights === undefined ? weights : checkWeights(`${path}.weights`, given.weights, weights);
      if ([...own.values()].every((weight) => weight === 0))
        throw new InvalidOptionError(`${path}.weights`, 'all weights are 0; give at least one deployment a share.');
      return {
        by: given.by,
        weights: own,
        salt: given.salt === undefined ? route : checkString(`${path}.salt`, given.salt),
      };
    }
    case 'lowest-latency': {
      checkKeys(path, given, ['by', 'percentile', 'band', 'explore']);
      const { percentile = 'p50', band = 0.1, explore = 0.03 } = given;
      const q = Object.entries(PERCENTILES).find(([name]) => name === percentile)?.[1];
      if (q === undefined)
        invalidOption(`${path}.percentile`, percentile, `one of ${Object.keys(PERCENTILES).map(show).join(', ')}`);
      return {
        by: given.by,
        percentile: q,
        band: checkNumber(`${path}.band`, band, { least: 0, most: 1, what: 'a share from 0 to 1' }),
        explore: checkNumber(`${path}.explore`, explore, { least: 0, most: 0.5, what: 'a share from 0 to 0.5' }),
      };
    }
    case 'lowest-cost':
      checkKeys(path, given, ['by', 'preferP95Ms']);
      return {
        by: given.by,
        preferP95Ms: given.preferP95Ms === undefined ? undefined : checkMs(`${path}.preferP95Ms`, given.preferP95Ms),
      };
  }
}

/** Checks a deployment's `weight`, or one in a strategy. */
export function checkWeight(path: string, value: unknown): number {
  return checkNumber(path, value, { least: 0, most: 1e6, what: 'a weight from 0 to 1000000' });
}

function checkWeights(path: string, value: unknown, known: ReadonlyMap<string, number>): Map<string, number> {
  const given = checkRecord(path, value, 'an object of weights by deployment');
  for (const id of Object.keys(given))
    if (!known.has(id))
      invalidOption(
        `${path}.${id}`,
        given[id],
        `weights of the route's own deployments: ${[...known.keys()].map(show).join(', ')}`,
      );
  return new Map(
    [...known.keys()].map((id) => [id, given[id] === undefined ? 0 : checkWeight(`${path}.${id}`, given[id])]),
  );
}
