import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { canonicalText, jsonCopy } from '../../../src/util/canonical.js';
import fc from '../../helpers/property.js';

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

/** Texts that resemble the encoding around them, in few shapes, so that they are often nearly equal. */
const text = fc.array(
  fc.constantFrom('"', ':', ',', '0', '1', '{', '[', ']', '~', '\\', 'é', '😀', '\ud800', '\udc00'),
  {
    maxLength: 3,
  },
);
const { value: like } = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 2 },
    text.map((units) => units.join('')),
    fc.constantFrom(0, 1, true, null),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.dictionary(
      text.map((units) => units.join('')),
      tie('value'),
      { maxKeys: 2 },
    ),
  ),
}));
const utf8 = (value: unknown) => Buffer.from(canonicalText(value) ?? '').toString('hex');

describe('canonicalText', () => {
  it('is equal exactly if the values are equal but for the order of keys', () => {
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), like), fc.oneof(fc.jsonValue(), like), (a, b) => {
        expect(canonicalText(sorted(a))).toBe(canonicalText(a));
        const same =
          JSON.stringify(sorted(JSON.parse(JSON.stringify(a)))) ===
          JSON.stringify(sorted(JSON.parse(JSON.stringify(b))));
        // In its hashed form.
        expect(utf8(a) === utf8(b)).toBe(same);
        expect(JSON.stringify(jsonCopy(a))).toBe(JSON.stringify(a));
      }),
      runs,
    );
  });

  it.each<[string, unknown]>([
    ['undefined values', { a: undefined, b: [undefined, () => 1, Symbol('x')] }],
    ['numbers that JSON lacks', [Number.NaN, Number.POSITIVE_INFINITY, -0]],
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
    expect(canonicalText(value)).toBe(canonicalText(wire));
    expect(JSON.stringify(jsonCopy(value))).toBe(JSON.stringify(value));
  });

  it('throws for values that cannot be written', () => {
    expect(() => canonicalText({ a: 1n })).toThrow(TypeError);
    expect(() => canonicalText({ a: Object(1n) })).toThrow(TypeError);
    const circle: Record<string, unknown> = {};
    circle.self = circle;
    expect(() => canonicalText(circle)).toThrow(RangeError);
  });
});
