import { describe, expect, it } from 'vitest';
import { columnOf, jsonColumnOf, sizeOf, valuesOf } from '../../../src/protocol/column.js';

describe('a column', () => {
  it.each([
    { what: 'texts', values: ['a', '', '"\n', '日本 😀', '\ud800'], size: 13 },
    { what: 'texts with the separator in them', values: ['a\u0001b', 'c'], size: 16 },
    { what: 'numbers that count up', values: [7, 8, 9], size: 1 },
    { what: 'other numbers', values: [7, 8, 10, -0.5], size: 13 },
    { what: 'a mixture', values: ['a', null, true, 7], size: 17 },
    { what: 'one empty text', values: [''], size: 0 },
  ])('gives back $what', ({ values, size }) => {
    const column = columnOf(values);
    expect(valuesOf(column, values.length)).toEqual(values);
    expect(sizeOf(column)).toBe(size);
  });

  it('restores values from JSON texts', () => {
    expect(valuesOf(jsonColumnOf(['[1,2]', '{"a":"b"}']), 2)).toEqual([[1, 2], { a: 'b' }]);
  });
});
