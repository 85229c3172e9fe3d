import { describe, expect, it } from 'vitest';
import { ChunkShape, fillIn } from '../../../src/protocol/chunk-shape.js';

const delta = (content: unknown, more: object = {}) => ({
  id: 'c',
  choices: [{ index: 0, delta: { content }, logprobs: null, ...more }],
});
const logprobs = (...bytes: number[]) => ({ logprobs: { content: [{ token: 'a', bytes, top_logprobs: [] }] } });
const shapeOf = (first: unknown, second: unknown) => ChunkShape.ofTwo(JSON.stringify(first), second);

describe('the shape of chunks', () => {
  it('has a slot where two chunks differ, and rebuilds a chunk from its slot values', () => {
    const shape = shapeOf(delta('a'), delta('b'));
    expect(shape?.slots).toEqual(['value']);
    expect(shape?.valuesOf(delta('c'))).toEqual(['c']);
    expect(shape?.valuesOf(delta(null))).toEqual([null]);
    expect(fillIn(shape?.template ?? '', ['"c"'])).toEqual(delta('c'));
  });

  it('does not fit a chunk that differs outside the slots', () => {
    const shape = shapeOf(delta('a'), delta('b'));
    const others = [
      { ...delta('c'), id: 'd' },
      { ...delta('c'), usage: null },
      { choices: delta('c').choices, id: 'c' },
      { id: 'c', choices: [...delta('c').choices, ...delta('c').choices] },
      { id: 'c', choices: [] },
      { id: 'c', choices: { ...delta('c').choices } },
      delta(['c']),
      delta(undefined),
      delta(1n),
      delta('c', { logprobs: {} }),
      [delta('c')],
      'c',
      null,
    ];
    for (const each of others) expect(shape?.valuesOf(each)).toBeUndefined();
    expect(shapeOf({ a: {}, b: 1 }, { a: {}, b: 2 })?.valuesOf({ a: [], b: 3 })).toBeUndefined();
    expect(shapeOf({ a: [], b: 1 }, { a: [], b: 2 })?.valuesOf({ a: {}, b: 3 })).toBeUndefined();
  });

  it('is undefined for chunks with different keys, or if one is empty', () => {
    const others = [{ ...delta('b'), usage: null }, { choices: [], id: 'c' }, { id: 'c', choices: [] }, 'b', null];
    for (const each of others) expect(shapeOf(delta('a'), each)).toBeUndefined();
    expect(shapeOf(delta('a'), delta('a', logprobs(1)))).toBeUndefined();
    expect(shapeOf({ a: [] }, { a: {} })).toBeUndefined();
  });

  it('stores an array whose length differs as JSON in one slot', () => {
    const shape = shapeOf(delta('a', logprobs(1)), delta('b', logprobs(1, 2)));
    expect(shape?.slots).toEqual(['value', 'json']);
    expect(shape?.valuesOf(delta('c', logprobs()))).toEqual(['c', '[]']);
    expect(fillIn(shape?.template ?? '', ['"c"', '[3,4,5]'])).toEqual(delta('c', logprobs(3, 4, 5)));
  });

  it('adds slots for further differences, and keeps the existing slots', () => {
    const shape = shapeOf(delta('a'), delta('b'))?.withSlotsFor({ ...delta('b'), id: 'd' });
    expect(shape?.valuesOf({ ...delta('c'), id: 'e' })).toEqual(['e', 'c']);
    expect(shape?.withSlotsFor({ id: 'd' })).toBeUndefined();
  });
});
