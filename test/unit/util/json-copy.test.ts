import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { jsonCopy, TooManyValuesError } from '../../../src/util/json-copy.js';
import { disguised, json, rawJSON, runs, withToJson } from '../../helpers/json-like.js';
import fc from '../../helpers/property.js';

describe('jsonCopy', () => {
  it('is written by JSON as the original is, whatever happens to that later', () => {
    fc.assert(
      fc.property(json, fc.array(fc.nat(999), { minLength: 1, maxLength: 40 }), (value, picks) => {
        const original = disguised(value, picks);
        const copy = jsonCopy(original);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
        spoil(original);
        expect(JSON.stringify(copy)).toBe(JSON.stringify(value));
      }),
      runs,
    );
  });

  it.each<[string, unknown]>([
    ['what is undefined', { a: undefined, b: [undefined, () => 1, Symbol('x')] }],
    ['dates and the like', { at: new Date(0), own: { toJSON: () => ({ b: 1, a: 2 }) } }],
    ['what is converted by its key', { a: { toJSON: (key: string) => key }, b: [{ toJSON: (key: string) => key }] }],
    ['what is converted to itself', withToJson({ a: 1 })],
    ['what is converted once', { toJSON: () => ({ a: 1, toJSON: () => 2 }) }],
    ['boxed values', [Object(1), Object('a'), Object(true), Object(Symbol('x')), runInNewContext('Object(5)')]],
    ['functions that are converted', { a: Object.assign(() => 1, { toJSON: () => 2 }) }],
    ['functions that are converted to a function', [Object.assign(() => 1, { toJSON: () => () => 3, b: 1 })]],
    ['what looks like raw JSON', Object.freeze(Object.assign(Object.create(null), { rawJSON: '1' }))],
    ['raw JSON', { seed: rawJSON?.('12345678901234567890') }],
    ['keys of prototypes', JSON.parse('{"__proto__":{"x":1},"constructor":1,"toJSON":2}')],
    ['bytes', new Uint8Array([1, 2])],
  ])('has %s as JSON writes it', (_, value) => {
    expect(JSON.stringify(jsonCopy(value))).toBe(JSON.stringify(value));
  });

  it('has no inherited keys', () => {
    Object.assign(Object.prototype, { inherited: { a: 1 } });
    let text: string;
    try {
      text = JSON.stringify(jsonCopy({ b: [{}] }));
    } finally {
      Reflect.deleteProperty(Object.prototype, 'inherited');
    }
    expect(text).toBe('{"b":[{}]}');
  });

  it('throws for what cannot be written, and above a number of values', () => {
    expect(() => jsonCopy({ a: 1n })).toThrow(TypeError);
    expect(() => jsonCopy({ a: [1, 2] }, 2)).toThrow(TooManyValuesError);
    expect(jsonCopy({ a: [1, 2] }, 3)).toEqual({ a: [1, 2] });
  });
});

/** Empties every object and list in it. */
function spoil(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, each] of Object.entries(value)) {
    spoil(each);
    Reflect.deleteProperty(value, key);
  }
}
