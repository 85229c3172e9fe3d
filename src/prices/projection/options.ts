import type { Price } from '../../telemetry/record-types.js';
import { checkKeys, checkNumber, checkRecord, checkString, invalidOption, show } from '../../util/check.js';
import type { Filled } from '../../util/filled.js';
import { checkPrice } from '../check-price.js';

/** A route's share of the traffic, and its model. */
export interface ProjectedRoute {
  /** A name in `models`. */
  model: string;
  /** The share of all tokens, 0 to 1. The shares of all routes add up to 1. */
  share: number;
  /** @default the projection's */
  outputShare?: number | undefined;
  /** @default the projection's */
  cacheHitRate?: number | undefined;
}

/** Options of `projectCost`. */
export interface ProjectionOptions {
  /** Tokens per month in the first stage, input and output together. */
  tokensPerMonth: number;
  /** The growth factor of each stage. @default [1, 10, 100, 1000] */
  stages?: readonly number[] | undefined;
  /** Prices of models in US dollars per million tokens. A number is the price of both input and output. */
  models: Readonly<Record<string, Price | number>>;
  /** How the tokens are distributed. @default all to the first of `models` */
  routes?: Readonly<Record<string, ProjectedRoute>> | undefined;
  /** The model to compare with: it answers all calls, without a response cache. @default the last of `models`, if there are several */
  against?: string | undefined;
  /** The share of tokens that is output, 0 to 1. @default 0.25 */
  outputShare?: number | undefined;
  /** The share of tokens that the router's own cache saves, 0 to 1. @default 0 */
  cacheHitRate?: number | undefined;
  /** The share of the input that the provider reads from its cache, 0 to 1. @default 0 */
  cachedInputShare?: number | undefined;
}

/** The options with defaults filled in. */
export interface CheckedProjection {
  readonly tokensPerMonth: number;
  readonly stages: readonly number[];
  readonly routes: readonly CheckedRoute[];
  readonly against: { readonly name: string; readonly price: Price } | undefined;
  readonly cachedInputShare: number;
}

export interface CheckedRoute extends Filled<ProjectedRoute> {
  readonly name: string;
  readonly price: Price;
}

const MOST_TOKENS = 1e15;
const MOST_TIMES = 1e12;
/** Shares such as 0.1 do not add up to exactly 1. */
const TOLERANCE = 1e-9;

const KEYS = [
  'tokensPerMonth',
  'stages',
  'models',
  'routes',
  'against',
  'outputShare',
  'cacheHitRate',
  'cachedInputShare',
] as const satisfies readonly (keyof ProjectionOptions)[];

/** Throws InvalidOptionError. */
export function checkProjection(options: ProjectionOptions): CheckedProjection {
  checkKeys('', checkRecord('projectCost', options), KEYS, 'docs/costs-and-budgets.md');
  const { tokensPerMonth, stages = [1, 10, 100, 1000], outputShare = 0.25, cacheHitRate = 0 } = options;
  const models = checkModels(options.models);
  const [first = '', ...others] = models.keys();
  const given = options.routes ?? { all: { model: first, share: 1 } };
  const against = options.against ?? others.at(-1);
  return {
    tokensPerMonth: checkNumber('tokensPerMonth', tokensPerMonth, {
      least: 0,
      most: MOST_TOKENS,
      what: `tokens, 0 to ${MOST_TOKENS}`,
    }),
    stages: checkStages(stages),
    routes: checkRoutes(given, models, {
      outputShare: checkShare('outputShare', outputShare),
      cacheHitRate: checkShare('cacheHitRate', cacheHitRate),
    }),
    against: against === undefined ? undefined : { name: against, price: priceIn(models, 'against', against) },
    cachedInputShare: checkShare('cachedInputShare', options.cachedInputShare ?? 0),
  };
}

function checkModels(value: unknown): ReadonlyMap<string, Price> {
  const models = Object.entries(checkRecord('models', value, 'an object of prices by model'));
  if (models.length === 0) invalidOption('models', value, 'the price of at least one model');
  return new Map(
    models.map(([name, price]) => {
      const both = typeof price === 'number' ? { input: price, output: price } : price;
      return [name, checkPrice(`models.${name}`, both)];
    }),
  );
}

function checkStages(value: unknown): number[] {
  if (!Array.isArray(value) || value.length === 0)
    return invalidOption('stages', value, 'an array such as [1, 10, 100, 1000]');
  return value.map((times: unknown, i) =>
    checkNumber(`stages[${i}]`, times, { least: 0, most: MOST_TIMES, what: `a number from 0 to ${MOST_TIMES}` }),
  );
}

function checkRoutes(
  value: unknown,
  models: ReadonlyMap<string, Price>,
  defaults: Pick<CheckedRoute, 'outputShare' | 'cacheHitRate'>,
): CheckedRoute[] {
  const routes = Object.entries(checkRecord('routes', value, 'an object of { model, share } by route'));
  const checked = routes.map(([name, each]): CheckedRoute => {
    const path = `routes.${name}`;
    const route = checkRecord(path, each, '{ model, share }');
    checkKeys(path, route, ['model', 'share', 'outputShare', 'cacheHitRate']);
    const { outputShare = defaults.outputShare, cacheHitRate = defaults.cacheHitRate } = route;
    const model = checkString(`${path}.model`, route.model, 'the name of a model');
    return {
      name,
      model,
      price: priceIn(models, `${path}.model`, model),
      share: checkShare(`${path}.share`, route.share),
      outputShare: checkShare(`${path}.outputShare`, outputShare),
      cacheHitRate: checkShare(`${path}.cacheHitRate`, cacheHitRate),
    };
  });
  const sum = checked.reduce((all, { share }) => all + share, 0);
  if (Math.abs(sum - 1) > TOLERANCE) invalidOption('routes', sum, 'shares that make 1 together');
  return checked;
}

function checkShare(option: string, value: unknown): number {
  return checkNumber(option, value, { least: 0, most: 1, what: 'a share from 0 to 1' });
}

function priceIn(models: ReadonlyMap<string, Price>, option: string, name: string): Price {
  return (
    models.get(name) ?? invalidOption(option, name, `one of \`models\`: ${[...models.keys()].map(show).join(', ')}`)
  );
}
