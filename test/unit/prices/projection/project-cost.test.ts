import { type ProjectionOptions, projectCost } from 'model-router';
import { describe, expect, it } from 'vitest';
import fc from '../../../helpers/property.js';

const models = { flash: 0.25, other: 10 };
const usdOf = (options: Partial<ProjectionOptions>) =>
  projectCost({ tokensPerMonth: 1e6, stages: [1], models, ...options }).stages[0]?.usdPerMonth;

it('projects the table of the four stages', () => {
  const { against, stages } = projectCost({ tokensPerMonth: 5_000_000, models });
  expect(against).toBe('other');
  expect(
    stages.map((each) => [each.tokensPerMonth, each.usdPerMonth, each.againstUsdPerMonth, each.savedShare]),
  ).toEqual([
    [5_000_000, 1.25, 50, 0.975],
    [50_000_000, 12.5, 500, 0.975],
    [500_000_000, 125, 5000, 0.975],
    [5_000_000_000, 1250, 50_000, 0.975],
  ]);
  expect(stages[0]).toEqual({
    tokensPerMonth: 5_000_000,
    usdPerMonth: 1.25,
    routes: { all: { model: 'flash', tokensPerMonth: 5_000_000, usdPerMonth: 1.25 } },
    againstUsdPerMonth: 50,
    savedUsdPerMonth: 48.75,
    savedShare: 0.975,
  });
});

it('treats undefined as absent', () => {
  const none = { stages: undefined, routes: undefined, against: undefined, outputShare: undefined };
  const rest = { cacheHitRate: undefined, cachedInputShare: undefined };
  expect(projectCost({ tokensPerMonth: 1, models, ...none, ...rest })).toEqual(
    projectCost({ tokensPerMonth: 1, models }),
  );
});

describe('parts of a projection', () => {
  const split = { input: 1, output: 9, cachedInput: 0.1 };

  it.each<[string, Partial<ProjectionOptions>, number]>([
    ['a quarter is output by default', { models: { m: split } }, 3],
    ['outputShare: 0', { models: { m: split }, outputShare: 0 }, 1],
    ['outputShare: 1', { models: { m: split }, outputShare: 1 }, 9],
    ['input in the provider’s cache', { models: { m: split }, outputShare: 0, cachedInputShare: 0.5 }, 0.55],
    ['answers from the router’s cache are free', { models: { m: 2 }, cacheHitRate: 0.3 }, 1.4],
    ['a cacheHitRate of 1', { models: { m: 2 }, cacheHitRate: 1 }, 0],
    [
      'shares by route',
      { models: { m: 1, n: 11 }, routes: { a: { model: 'm', share: 0.9 }, b: { model: 'n', share: 0.1 } } },
      2,
    ],
    [
      'a route’s own split and hit rate',
      {
        models: { m: split },
        cacheHitRate: 0.5,
        routes: { a: { model: 'm', share: 0.5, outputShare: 0 }, b: { model: 'm', share: 0.5, cacheHitRate: 0 } },
      },
      0.25 + 1.5,
    ],
  ])('%s', (_, options, usd) => {
    expect(usdOf(options)).toBeCloseTo(usd, 10);
  });

  it('the other model has no response cache, but the same split', () => {
    const { stages } = projectCost({
      tokensPerMonth: 1e6,
      stages: [1],
      models: { m: 1, n: split },
      cacheHitRate: 0.5,
      routes: { a: { model: 'm', share: 0.5, outputShare: 0 }, b: { model: 'm', share: 0.5, outputShare: 1 } },
    });
    expect(stages[0]).toMatchObject({
      usdPerMonth: 0.5,
      againstUsdPerMonth: 5,
      savedUsdPerMonth: 4.5,
      savedShare: 0.9,
    });
  });

  it('a comparison is with the named model, with the last one, or with none', () => {
    const of = (options: Partial<ProjectionOptions>) => projectCost({ tokensPerMonth: 1, models, ...options });
    expect(of({ against: 'flash' })).toMatchObject({ against: 'flash', stages: [{ savedShare: 0 }, {}, {}, {}] });
    expect(of({}).against).toBe('other');
    expect(of({ models: { flash: 1 } })).toMatchObject({
      against: null,
      stages: [{ againstUsdPerMonth: null, savedUsdPerMonth: null, savedShare: null }, {}, {}, {}],
    });
    expect(of({ models: { flash: 0, other: 0 } }).stages[0]?.savedShare).toBeNull();
  });
});

describe('properties of all projections', () => {
  const share = fc.integer({ min: 0, max: 100 }).map((percent) => percent / 100);
  const price = fc.record({ input: fc.integer({ min: 0, max: 50 }), output: fc.integer({ min: 0, max: 90 }) });
  const options = fc.record({
    tokensPerMonth: fc.integer({ min: 0, max: 1e12 }),
    stages: fc.array(fc.integer({ min: 0, max: 1000 }), { minLength: 1, maxLength: 5 }),
    models: fc.record({ m: price, n: price }),
    routes: share.map((part) => ({ a: { model: 'm', share: part }, b: { model: 'n', share: 1 - part } })),
    outputShare: share,
    cacheHitRate: share,
    cachedInputShare: share,
  });
  const near = (a: number, b: number) => expect(Math.abs(a - b)).toBeLessThanOrEqual(1e-9 * (1 + Math.abs(b)));

  it('cost is linear in tokens', () => {
    fc.assert(
      fc.property(options, fc.integer({ min: 1, max: 9 }), (given, times) => {
        const once = projectCost(given).stages;
        const more = projectCost({ ...given, tokensPerMonth: given.tokensPerMonth * times }).stages;
        for (const [i, stage] of once.entries()) near(more[i]?.usdPerMonth ?? Number.NaN, stage.usdPerMonth * times);
      }),
    );
  });

  it('routes add up to the whole, in tokens and in dollars', () => {
    fc.assert(
      fc.property(options, (given) => {
        for (const stage of projectCost(given).stages) {
          const routes = Object.values(stage.routes);
          near(
            routes.reduce((sum, route) => sum + route.tokensPerMonth, 0),
            stage.tokensPerMonth,
          );
          near(
            routes.reduce((sum, route) => sum + route.usdPerMonth, 0),
            stage.usdPerMonth,
          );
        }
      }),
    );
  });

  it('a hit rate reduces the cost by that share', () => {
    fc.assert(
      fc.property(options, (given) => {
        const without = projectCost({ ...given, cacheHitRate: 0 }).stages;
        projectCost(given).stages.forEach((stage, i) => {
          near(stage.usdPerMonth, (without[i]?.usdPerMonth ?? Number.NaN) * (1 - given.cacheHitRate));
          expect(stage.againstUsdPerMonth).toBe(without[i]?.againstUsdPerMonth);
        });
      }),
    );
  });
});

describe('invalid options', () => {
  it.each<[string, unknown, string]>([
    ['tokensPerMonth', { tokensPerMonth: '5M' }, '"5M" is not allowed; give tokens, 0 to'],
    ['tokensPerMonth', { tokensPerMonth: -1 }, '-1 is not allowed'],
    ['tokensPerMonth', { tokensPerMonth: Number.NaN }, 'NaN is not allowed'],
    ['stages', { stages: [] }, 'give an array such as [1, 10, 100, 1000]'],
    ['stages[1]', { stages: [1, -1] }, '-1 is not allowed'],
    ['models', { models: {} }, 'give the price of at least one model'],
    ['models', { models: ['gpt-4o'] }, 'an array is not allowed'],
    ['models.m', { models: { m: 'cheap' } }, 'give { input, output }'],
    ['models.m.output', { models: { m: { input: 1 } } }, 'undefined is not allowed'],
    ['against', { against: 'm' }, '"m" is not allowed; give one of `models`: "flash", "other"'],
    ['routes.a.model', { routes: { a: { model: 'm', share: 1 } } }, '"m" is not allowed; give one of `models`'],
    ['routes.a.share', { routes: { a: { model: 'flash', share: 2 } } }, '2 is not allowed; give a share from 0 to 1'],
    ['routes.a.part', { routes: { a: { model: 'flash', share: 1, part: 1 } } }, 'there is no such option'],
    ['routes', { routes: { a: { model: 'flash', share: 0.9 } } }, '0.9 is not allowed; give shares that make 1'],
    ['routes', { routes: {} }, '0 is not allowed; give shares that make 1'],
    ['outputShare', { outputShare: 25 }, '25 is not allowed; give a share from 0 to 1'],
    ['cacheHitRate', { cacheHitRate: -0.1 }, '-0.1 is not allowed'],
    ['cachedInputShare', { cachedInputShare: '0' }, '"0" is not allowed'],
    ['tokens', { tokens: 1 }, 'there is no such option'],
  ])('%s', (option, wrong, message) => {
    const run = () => projectCost({ tokensPerMonth: 1, models, ...(wrong as object) });
    expect(run).toThrow(expect.objectContaining({ code: 'invalid_option', option }));
    expect(run).toThrow(message);
  });
});
