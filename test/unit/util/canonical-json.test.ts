import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { canonicalJson, jsonCopy } from '../../../src/util/canonical-json.js';

/** Not yet among TypeScript's own types. */
const { rawJSON } = JSON as { rawJSON?: (text: string) => unknown };
const runs = { numRuns: process.env.DRILLS === 'full' ? 20_000 : 1000 };
const sorted = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, each]) => [key, sorted(each)]),
  );
};

describe('canonicalJson', () => {
  it('is JSON that says the same', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        expect(JSON.parse(canonicalJson(value) ?? '')).toEqual(JSON.parse(JSON.stringify(value)));
        expect(JSON.stringify(jsonCopy(value))).toBe(JSON.stringify(value));
      }),
      runs,
    );
  });

  it('is the same text exactly if the values are the same but for the order of keys', () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        expect(canonicalJson(sorted(a))).toBe(canonicalJson(a));
        const same =
          JSON.stringify(sorted(JSON.parse(JSON.stringify(a)))) ===
          JSON.stringify(sorted(JSON.parse(JSON.stringify(b))));
        expect(canonicalJson(a) === canonicalJson(b)).toBe(same);
      }),
      runs,
    );
  });

  it.each<[string, unknown]>([
    ['what is undefined', { a: undefined, b: [undefined, () => 1, Symbol('x')] }],
    ['numbers that JSON has not', [Number.NaN, Number.POSITIVE_INFINITY, -0]],
    ['dates and their kind', { at: new Date(0), own: { toJSON: () => ({ b: 1, a: 2 }) } }],
    ['boxed values', [Object(1), Object('a'), Object(true), Object(Symbol('x')), runInNewContext('Object(5)')]],
    [
      'raw numbers',
      { seed: rawJSON?.('1234567890123456.5'), alike: Object.assign(Object.create(null), { rawJSON: '1' }) },
    ],
    ['keys of prototypes', JSON.parse('{"__proto__":{"x":1},"constructor":1,"toJSON":2}')],
    ['bytes', new Uint8Array([1, 2])],
    ['lone surrogates', ['\ud800', '\u2028']],
  ])('writes %s as JSON.stringify does', (_, value) => {
    const wire: unknown = JSON.parse(JSON.stringify(value));
    expect(canonicalJson(value)).toBe(canonicalJson(wire));
    expect(JSON.stringify(jsonCopy(value))).toBe(JSON.stringify(value));
  });

  it('throws for what cannot be written', () => {
    expect(() => canonicalJson({ a: 1n })).toThrow(TypeError);
    expect(() => canonicalJson({ a: Object(1n) })).toThrow(TypeError);
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(() => canonicalJson(circle)).toThrow(RangeError);
  });
});
