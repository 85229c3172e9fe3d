import { describe, expect, it } from 'vitest';
import { nearest } from '../../../src/util/nearest.js';

const names = ['standard', 'premium', 'qwen/Qwen3-32B', 'deepseek-ai/DeepSeek-V3.2', 'a'];

describe('nearest', () => {
  it.each([
    ['standrad', ['standard']],
    ['STANDARD', ['standard']],
    ['premum', ['premium']],
    ['qwen/qwen3-32b', ['qwen/Qwen3-32B']],
    ['deepseek-ai/DeepSeek-V3', ['deepseek-ai/DeepSeek-V3.2']],
    ['b', ['a']],
    ['entirely different', []],
    ['', ['a']],
  ])('%j: %j', (name, expected) => {
    expect(nearest(name, names)).toEqual(expected);
  });

  it('returns the nearest first, and no more than requested', () => {
    const candidates = ['abcdefgh', 'abcdefgx', 'abcdefxx', 'abcdexxx'];
    expect(nearest('abcdefgh', candidates, 2)).toEqual(['abcdefgh', 'abcdefgx']);
    expect(nearest('abcdefg', candidates, 1)).toEqual(['abcdefgh']);
    expect(nearest('abcdefg', candidates)).toHaveLength(3);
  });

  it('accepts any iterable, also an empty one', () => {
    expect(nearest('x', new Map([['x', 1]]).keys())).toEqual(['x']);
    expect(nearest('x', [])).toEqual([]);
  });

  it('is quick for a name of any length', () => {
    const before = performance.now();
    expect(nearest('x'.repeat(1_000_000), names)).toEqual([]);
    expect(nearest('x', ['y'.repeat(1_000_000)])).toEqual([]);
    expect(performance.now() - before).toBeLessThan(500);
  });
});
