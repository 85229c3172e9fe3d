import { describe, expect, it } from 'vitest';
import { columnOf, joinedColumn, jsonColumnOf, sizeOf, valuesOf } from '../../../src/protocol/column.js';

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

  it.each([
    { what: 'texts', one: ['a', ''], other: ['', 'b'] },
    { what: 'numbers that count up', one: [7, 8], other: [9, 10] },
    { what: 'others', one: [7, 'a'], other: [null, 7] },
  ])('of $what is joined with the next', ({ one, other }) => {
    const joined = joinedColumn(columnOf(one), one.length, columnOf(other));
    expect(joined && valuesOf(joined, 4)).toEqual([...one, ...other]);
  });

  it('is not joined with one that is stored in another way', () => {
    expect(joinedColumn(columnOf([7, 8]), 2, columnOf([10, 11]))).toBeUndefined();
    expect(joinedColumn(columnOf(['a']), 1, columnOf([7]))).toBeUndefined();
    expect(joinedColumn(columnOf([null]), 1, columnOf(['a']))).toBeUndefined();
  });
});
