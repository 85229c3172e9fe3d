import { describe, expect, it, vi } from 'vitest';
import type { PriceQuery } from '../../../src/options/options.js';
import { BUILT_IN_PRICES_VERSION } from '../../../src/prices/built-in.js';
import { checkPrices } from '../../../src/prices/check-price.js';
import { PriceBook } from '../../../src/prices/price-book.js';
import type { Price } from '../../../src/telemetry/record-types.js';

const price: Price = { input: 1, output: 2 };
const builtIn = { price: { input: 0.28, output: 0.28 }, source: `built-in ${BUILT_IN_PRICES_VERSION}` };
const qwen = 'qwen/Qwen3-32B';
const book = (prices?: Parameters<typeof checkPrices>[0]) => new PriceBook(checkPrices(prices));
const of = (prices: Parameters<typeof checkPrices>[0], query: Partial<PriceQuery>) =>
  book(prices).of({ model: qwen, deployment: 'd', ...query });

describe('a price comes from', () => {
  it.each<[string, Parameters<typeof checkPrices>[0], Partial<PriceQuery>, unknown]>([
    ['the built-in table', undefined, {}, builtIn],
    ['the table of `prices`', { [qwen]: price }, {}, { price, source: 'prices' }],
    ['the built-in table, if `prices` lacks the model', { other: price }, {}, builtIn],
    ['nowhere, if `prices` has null', { [qwen]: null }, {}, undefined],
    ['a function', () => price, {}, { price, source: 'prices' }],
    ['a function with a version', Object.assign(() => price, { version: 'v 1' }), {}, { price, source: 'v 1' }],
    ['the built-in table, if a function returns undefined', () => undefined, {}, builtIn],
    ['nowhere, if a function returns null', () => null, {}, undefined],
    ['nowhere, with `false`', false, {}, undefined],
    ['the exact name only', undefined, { model: 'Qwen/Qwen3-32B' }, undefined],
    ['no inherited property', {}, { model: 'constructor' }, undefined],
    ['the served name, if requested', undefined, { model: 'alias', servedModel: qwen }, builtIn],
  ])('%s', (_, prices, query, expected) => {
    expect(of(prices, query)).toEqual(expected);
  });

  it.each<[string, unknown, string]>([
    ['a price without an output', { input: 1 }, 'prices("m").output: undefined'],
    ['a promise', Promise.resolve(price), 'prices: the function gives a promise'],
    ['a number', 3, 'prices("m"): 3 is not allowed'],
  ])('a function that returns %s gives no price', (_, given, message) => {
    const wrong = book(() => given as Price);
    expect(() => wrong.of({ model: 'm', deployment: 'd' })).toThrow(message);
    expect(wrong.ofCall({ model: 'm', deployment: 'd' })).toBeUndefined();
  });
});

describe('a name that comes with a call', () => {
  it('is looked up once', () => {
    const prices = vi.fn(() => price);
    const kept = book(prices);
    for (let i = 0; i < 3; i++) kept.ofCall({ model: 'm', deployment: 'd' });
    expect(prices.mock.calls).toEqual([[{ model: 'm', deployment: 'd' }]]);
    kept.ofCall({ model: 'm', deployment: 'd', servedModel: 's' });
    kept.ofCall({ model: 'm', deployment: 'e' });
    expect(prices).toHaveBeenCalledTimes(3);
  });

  it('is remembered among the last thousand', () => {
    const prices = vi.fn(() => price);
    const kept = book(prices);
    for (let i = 0; i <= 1000; i++) kept.ofCall({ model: `m${i}`, deployment: 'd' });
    kept.ofCall({ model: 'm1', deployment: 'd' });
    expect(prices).toHaveBeenCalledTimes(1001);
    kept.ofCall({ model: 'm0', deployment: 'd' });
    expect(prices).toHaveBeenCalledTimes(1002);
  });

  it('has no price if it is longer than any real name', () => {
    const prices = vi.fn(() => price);
    expect(book(prices).ofCall({ model: 'm'.repeat(256), deployment: 'd' })).toBeDefined();
    expect(book(prices).ofCall({ model: 'm'.repeat(257), deployment: 'd' })).toBeUndefined();
    expect(prices).toHaveBeenCalledTimes(1);
  });

  it('has no price where the function throws', () => {
    const throwing = book(() => {
      throw new Error('no table');
    });
    expect(throwing.ofCall({ model: 'm', deployment: 'd' })).toBeUndefined();
    expect(() => throwing.of({ model: 'm', deployment: 'd' })).toThrow('prices: the function threw for "m".');
  });
});

it('copies a table at construction', () => {
  const table = { m: { ...price } };
  const kept = book(table);
  table.m.input = 100;
  expect(kept.of({ model: 'm', deployment: 'd' })?.price.input).toBe(1);
});
