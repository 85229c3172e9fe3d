import { runInNewContext } from 'node:vm';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { canonicalText } from '../../../src/util/canonical.js';
import { TooManyValuesError } from '../../../src/util/json-copy.js';
import { disguised, json, rawJSON, runs, shuffled, withToJson } from '../../helpers/json-like.js';
import fc from '../../helpers/property.js';

/** The same decision, taken slowly: what JSON writes, with the keys of its objects in order. */
function model(value: unknown): string | undefined {
  const text: string | undefined = JSON.stringify(value);
  return text === undefined ? undefined : JSON.stringify(sorted(JSON.parse(text)));
}

function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, each]) => [key, sorted(each)]));
}

const choices = fc.array(fc.nat(999), { minLength: 1, maxLength: 40 });

describe('canonicalText', () => {
  it('is equal exactly if the values are equal but for the order of keys', () => {
    fc.assert(
      fc.property(json, json, (a, b) => {
        expect(canonicalText(a) === canonicalText(b)).toBe(model(a) === model(b));
      }),
      runs,
    );
  });

  it('is the same in any order of keys, and for whatever JSON writes alike', () => {
    fc.assert(
      fc.property(json, choices, (value, picks) => {
        expect(canonicalText(shuffled(value, picks))).toBe(canonicalText(value));
        const other = disguised(value, picks);
        expect(model(other)).toBe(model(value));
        expect(canonicalText(other)).toBe(canonicalText(value));
      }),
      runs,
    );
  });

  it('differs for any two of many small values that resemble its own marks', () => {
    // The marks of `false`, of a string of one and of no character, of a list and of a record, and some of JSON's.
    const marks = ['\b', '\n', '\u0002', '\u000b', '\u0004', '"', '1', '['];
    const texts = ['', ...marks, ...marks.flatMap((a) => marks.map((b) => a + b)), '1"1', '"1"', '""1'];
    const leaves: unknown[] = [...texts, 1, 11, -1, 1.5, true, false, null];
    const short = ['', '1', '"', '\n', 'n', 1, null, [], {}, ['1'], { 1: '1' }];
    const pairs = short.flatMap((a) => short.map((b) => [a, b]));
    const values = [
      ...leaves,
      ...[...leaves, ...pairs].map((each) => [each]),
      ...pairs,
      ...pairs.flatMap(([a, b]) => short.map((c) => [a, b, c])),
      ...texts.flatMap((key) => short.map((each) => ({ [key]: each }))),
      ...pairs.flatMap(([a, b]) => [
        { 1: a, '"': b },
        { '1"1': a, n: b },
        { 1: { n: a }, n: b },
        [{ 1: a }, b],
        [{ 1: 'n' }, a, b],
        [{ 1: a, n: b }],
        [{ '1"n': a }, b],
      ]),
    ];
    const byText = Map.groupBy(values, (value) => canonicalText(value));
    for (const same of byText.values()) expect(new Set(same.map(model)).size).toBe(1);
    expect(byText.size).toBeGreaterThan(2500);
  });

  it('says where it ends: texts one after the other are equal only if each of them is', () => {
    fc.assert(
      fc.property(fc.tuple(json, json), fc.tuple(json, json), (a, b) => {
        const [one, other] = [a, b].map((pair) => pair.map((each) => canonicalText(each)).join(''));
        expect(one === other).toBe(a.map(model).join() === b.map(model).join());
      }),
      runs,
    );
  });

  it.each<[string, unknown]>([
    ['undefined values', { a: undefined, b: [undefined, () => 1, Symbol('x'), new Array(2)] }],
    ['numbers that JSON lacks', [Number.NaN, Number.POSITIVE_INFINITY, -0, 1e21, 1e-7]],
    ['dates and the like', { at: new Date(0), own: { toJSON: () => ({ b: 1, a: 2 }) } }],
    ['what is converted to nothing', { a: { toJSON: () => undefined }, b: [{ toJSON: () => undefined }] }],
    ['what is converted by its key', { a: { toJSON: (key: string) => key }, b: [{ toJSON: (key: string) => key }] }],
    ['what is converted to itself', withToJson({ a: 1 })],
    ['what is converted once', { toJSON: () => ({ a: 1, toJSON: () => 2 }) }],
    ['boxed values', [Object(1), Object('a'), Object(true), Object(Symbol('x')), runInNewContext('Object(5)')]],
    [
      'objects of a class',
      new (class A {
        b = 1;
        a = [
          new (class B {
            d = 1;
            c = 2;
          })(),
        ];
      })(),
    ],
    [
      'objects without a prototype, and of another realm',
      [Object.assign(Object.create(null), { b: 1, a: 2 }), runInNewContext('({ d: [1], c: 2 })')],
    ],
    ['raw JSON', { seed: rawJSON?.('1234567890123456.5'), text: rawJSON?.('"a"'), no: rawJSON?.('null') }],
    ['what only looks like raw JSON', Object.assign(Object.create(null), { rawJSON: '1' })],
    ['frozen objects that look like raw JSON', Object.freeze(Object.assign(Object.create(null), { rawJSON: '1' }))],
    ['functions that are converted', { a: Object.assign(() => 1, { toJSON: () => 2 }), b: () => 3 }],
    ['a function that is converted', Object.assign(() => 1, { toJSON: () => 2 })],
    ['a function that is converted to nothing', { a: Object.assign(() => 1, { toJSON: () => undefined }) }],
    ['keys of prototypes', JSON.parse('{"__proto__":{"x":1},"constructor":1,"toJSON":2}')],
    ['bytes', new Uint8Array([1, 2])],
    ['lone surrogates', ['\ud800', '\u2028']],
  ])('is the same for %s as for what JSON writes', (_, value) => {
    expect(canonicalText(value)).toBe(canonicalText(JSON.parse(JSON.stringify(value))));
  });

  it('differs where JSON writes the same number in another way', () => {
    const texts = ['12345678901234567890', '12345678901234567000', '1', '1.0', '1e0'].map((text) =>
      canonicalText({ seed: rawJSON === undefined ? text : rawJSON(text) }),
    );
    expect(new Set(texts).size).toBe(5);
  });

  it('leaves out the given keys of the value itself, not those of values in it', () => {
    const skip = new Set(['user']);
    const with_ = { user: 'a', model: 'm', inner: { user: 'a' } };
    expect(canonicalText(with_, skip)).toBe(canonicalText({ model: 'm', inner: { user: 'a' } }));
    const at = new Date(0);
    expect(canonicalText({ ...with_, at }, skip)).toBe(canonicalText({ model: 'm', inner: { user: 'a' }, at }));
  });

  it('is empty for what JSON omits', () => {
    for (const value of [undefined, () => 1, Symbol('x'), { toJSON: () => undefined }])
      expect(canonicalText(value)).toBe('');
  });

  it('throws for values that cannot be written', () => {
    expect(() => canonicalText({ a: 1n })).toThrow(TypeError);
    expect(() => canonicalText({ a: Object(1n) })).toThrow(TypeError);
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(() => canonicalText(circle)).toThrow(RangeError);
  });

  it('throws above a number of values', () => {
    const value = { list: [1, 2, { a: 1 }] };
    expect(canonicalText(value, undefined, 5)).not.toBe('');
    expect(() => canonicalText(value, undefined, 4)).toThrow(TooManyValuesError);
    expect(() => canonicalText({ ...value, at: new Date(0) }, undefined, 5)).toThrow(TooManyValuesError);
  });
});

describe('canonicalText where an application has changed prototypes', () => {
  afterEach(() => {
    for (const prototype of [Object.prototype, Array.prototype, BigInt.prototype])
      for (const name of ['toJSON', 'inherited']) Reflect.deleteProperty(prototype, name);
  });
  const add = (prototype: object, name: string, value: unknown) =>
    Object.defineProperty(prototype, name, { value, configurable: true, enumerable: true, writable: true });

  it('has no inherited keys, as JSON has none', () => {
    add(Object.prototype, 'inherited', 1);
    expect(canonicalText({ a: 1 })).not.toBe(canonicalText({ a: 1, inherited: 1 }));
  });

  it('has what `toJSON` makes of a bigint, a list and an object', () => {
    add(BigInt.prototype, 'toJSON', function toJSON(this: bigint) {
      return `${this}`;
    });
    expect(canonicalText([1n])).toBe(canonicalText(['1']));
    add(Array.prototype, 'toJSON', function toJSON(this: unknown[]) {
      return this.length;
    });
    expect(canonicalText({ a: [5] })).toBe(canonicalText({ a: 1 }));
    add(Array.prototype, 'toJSON', function toJSON(this: unknown[]) {
      return this.slice(1);
    });
    expect(canonicalText([0, [0, 5]])).toBe(canonicalText([1, [1, 5]]));
    expect(canonicalText([0, [0, 5]])).not.toBe(canonicalText([0, [0, 6]]));
    const toJSON = vi.fn(function toJSON(this: object) {
      return { ...this };
    });
    add(Object.prototype, 'toJSON', toJSON);
    expect(canonicalText({ b: 1, a: {} })).toBe(canonicalText({ a: {}, b: 1 }));
    expect(canonicalText({ b: 1, a: {} })).not.toBe(canonicalText({ a: {}, b: 2 }));
    expect(toJSON).toHaveBeenCalled();
  });
});
