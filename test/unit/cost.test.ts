import { describe, expect, it } from 'vitest';
import { costOf } from '../../src/cost.js';
import { readUsage } from '../../src/read-usage.js';
import type { Price, Usage } from '../../src/types.js';

const none: Usage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };

describe('readUsage', () => {
  it.each<[string, unknown, Partial<Usage> | null]>([
    ['chat', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }, { inputTokens: 10, outputTokens: 5 }],
    [
      'chat with details',
      {
        prompt_tokens: 10,
        completion_tokens: 5,
        prompt_tokens_details: { cached_tokens: 4 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
      { inputTokens: 10, outputTokens: 5, cachedInputTokens: 4, reasoningTokens: 3 },
    ],
    [
      'responses',
      {
        input_tokens: 10,
        output_tokens: 5,
        input_tokens_details: { cached_tokens: 4 },
        output_tokens_details: { reasoning_tokens: 3 },
      },
      { inputTokens: 10, outputTokens: 5, cachedInputTokens: 4, reasoningTokens: 3 },
    ],
    ['embeddings', { prompt_tokens: 10, total_tokens: 10 }, { inputTokens: 10 }],
    [
      'DeepSeek',
      { prompt_tokens: 10, completion_tokens: 5, prompt_cache_hit_tokens: 6 },
      { inputTokens: 10, outputTokens: 5, cachedInputTokens: 6 },
    ],
    [
      'details that are null',
      { prompt_tokens: 1, completion_tokens: 1, prompt_tokens_details: null },
      { inputTokens: 1, outputTokens: 1 },
    ],
    ['nothing used', { prompt_tokens: 0, completion_tokens: 0 }, {}],
    ['no input', { completion_tokens: 5 }, null],
    ['seconds of sound', { type: 'duration', seconds: 3 }, null],
    ['numbers that are none', { prompt_tokens: '10', completion_tokens: 5 }, null],
    ['below 0', { prompt_tokens: -1, completion_tokens: 5 }, null],
    ['not finite', { prompt_tokens: Number.POSITIVE_INFINITY }, null],
    ['null', null, null],
    ['undefined', undefined, null],
    ['a list', [1, 2], null],
    ['a text', 'none', null],
  ])('%s', (_, usage, expected) => {
    expect(readUsage(usage)).toEqual(expected && { ...none, ...expected });
  });
});

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
      'more cached than input counts as all of it',
      { cachedInputTokens: 9e9 },
      { input: 2, output: 0, cachedInput: 1 },
      1,
    ],
    ['nothing used', none, { input: 2, output: 10 }, 0],
    ['a price of 0', {}, { input: 0, output: 0 }, 0],
  ])('%s', (_, more, price, costUsd) => {
    expect(costOf({ ...usage, ...more }, price)).toBeCloseTo(costUsd, 12);
  });

  it('is null, never 0, where price or usage is not known', () => {
    expect(costOf(usage, undefined)).toBeNull();
    expect(costOf(null, { input: 1, output: 1 })).toBeNull();
  });
});
