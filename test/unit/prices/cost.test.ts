import { describe, expect, it } from 'vitest';
import { costOf } from '../../../src/prices/cost.js';
import type { Price, Usage } from '../../../src/telemetry/record-types.js';

const none: Usage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };

describe('costOf', () => {
  const usage: Usage = {
    inputTokens: 1_000_000,
    outputTokens: 500_000,
    cachedInputTokens: 400_000,
    reasoningTokens: 100_000,
  };

  it.each<[string, Partial<Usage>, Price, number]>([
    ['input and output', {}, { input: 2, output: 10 }, 7],
    ['cached input', {}, { input: 2, output: 10, cachedInput: 0.5 }, 6.4],
    ['cached input that is free', {}, { input: 2, output: 0, cachedInput: 0 }, 1.2],
    [
      'more cached than input counts as all of the input',
      { cachedInputTokens: 9e9 },
      { input: 2, output: 0, cachedInput: 1 },
      1,
    ],
    ['nothing used', none, { input: 2, output: 10 }, 0],
    ['tokens written to the cache', { cacheWriteTokens: 100_000 }, { input: 2, output: 0, cacheWrite: 3 }, 2.1],
    [
      'no more written than the rest of the input',
      { cacheWriteTokens: 9e9 },
      { input: 2, output: 0, cachedInput: 1, cacheWrite: 3 },
      2.2,
    ],
    ['sound in', { audioInputTokens: 50_000 }, { input: 2, output: 0, audioInput: 40 }, 3.9],
    ['pictures in', { imageInputTokens: 50_000 }, { input: 2, output: 0, imageInput: 10 }, 2.4],
    ['sound out', { audioOutputTokens: 100_000 }, { input: 0, output: 10, audioOutput: 80 }, 12],
    ['pictures out', { imageOutputTokens: 500_000 }, { input: 0, output: 10, imageOutput: 40 }, 20],
    ['no more sound than output', { audioOutputTokens: 9e9 }, { input: 0, output: 10, audioOutput: 80 }, 40],
    ['a price of 0', {}, { input: 0, output: 0 }, 0],
  ])('%s', (_, more, price, costUsd) => {
    expect(costOf({ ...usage, ...more }, price)).toBeCloseTo(costUsd, 12);
  });

  it('is null, never 0, where price or usage is not known', () => {
    expect(costOf(usage, undefined)).toBeNull();
    expect(costOf(null, { input: 1, output: 1 })).toBeNull();
  });
});
