import { describe, expect, it } from 'vitest';
import { costOf } from '../../../src/prices/cost.js';
import { readUsage } from '../../../src/protocol/usage.js';
import type { Usage } from '../../../src/telemetry/record-types.js';
import fc from '../../helpers/property.js';
import { usageFixtures } from '../../helpers/usage-fixtures.js';

const none: Usage = { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 };

describe('readUsage', () => {
  it.each<[string, unknown, Partial<Usage> | null]>([
    ['chat', { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 }, { inputTokens: 10, outputTokens: 5 }],
    [
      'Anthropic’s cache fields beside OpenAI’s details, which include them',
      { input_tokens: 10, output_tokens: 5, cache_read_input_tokens: 4, input_tokens_details: { cached_tokens: 4 } },
      { inputTokens: 10, outputTokens: 5, cachedInputTokens: 4 },
    ],
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
    ['no output', { prompt_tokens: 1, completion_tokens: '5' }, null],
    ['more than a safe integer', { prompt_tokens: 1e300, completion_tokens: 5 }, null],
    ['no input', { completion_tokens: 5 }, null],
    ['seconds of sound', { type: 'duration', seconds: 3 }, { seconds: 3 }],
    ['invalid numbers', { prompt_tokens: '10', completion_tokens: 5 }, null],
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

describe('usage as providers report it', () => {
  const price = {
    input: 3,
    output: 11,
    cachedInput: 0.5,
    cacheWrite: 5,
    cacheWrite1h: 8,
    audioInput: 17,
    imageInput: 7,
    audioOutput: 29,
    imageOutput: 23,
  };

  it.each(usageFixtures())('%s', (_, { usage, tokens }) => {
    const {
      text,
      cached = 0,
      written = 0,
      writtenAnHour = 0,
      audio = 0,
      image = 0,
      output,
      audioOut = 0,
      imageOut = 0,
    } = tokens;
    const read = readUsage(usage);
    expect(read).toEqual({
      inputTokens: text + cached + written + writtenAnHour + audio + image,
      outputTokens: output + audioOut + imageOut,
      cachedInputTokens: cached,
      reasoningTokens: tokens.reasoning ?? 0,
      ...(written + writtenAnHour > 0 && { cacheWriteTokens: written + writtenAnHour }),
      ...(writtenAnHour > 0 && { cacheWrite1hTokens: writtenAnHour }),
      ...(audio > 0 && { audioInputTokens: audio }),
      ...(image > 0 && { imageInputTokens: image }),
      ...(audioOut > 0 && { audioOutputTokens: audioOut }),
      ...(imageOut > 0 && { imageOutputTokens: imageOut }),
    });
    const bill = text * 3 + cached * 0.5 + written * 5 + writtenAnHour * 8 + audio * 17 + image * 7;
    expect(costOf(read, price)).toBeCloseTo((bill + output * 11 + audioOut * 29 + imageOut * 23) / 1e6, 12);
    // Without prices of their own, all parts have the price of the whole.
    const plain =
      ((text + cached + written + writtenAnHour + audio + image) * 3 + (output + audioOut + imageOut) * 11) / 1e6;
    expect(costOf(read, { input: 3, output: 11 })).toBeCloseTo(plain, 12);
  });
});

it('returns only numbers from 0, or undefined, for any input', () => {
  const names = [...new Set(usageFixtures().flatMap(([, { usage }]) => namesIn(usage)))];
  const junk = fc.oneof(fc.nat(), fc.double(), fc.constantFrom(null, undefined, -1, '7', [], Number.NaN, 1e308, true));
  const details = fc.dictionary(fc.constantFrom(...names), junk);
  const usage = fc.dictionary(fc.constantFrom(...names), fc.oneof(junk, details));
  const part = fc.double({ min: 0, max: 1e6, noNaN: true });
  const prices = fc.record(
    {
      input: part,
      output: part,
      cachedInput: part,
      cacheWrite: part,
      cacheWrite1h: part,
      audioInput: part,
      audioOutput: part,
    },
    { requiredKeys: ['input', 'output', 'cacheWrite1h'] },
  );
  fc.assert(
    fc.property(usage, prices, (reported, price) => {
      const read = readUsage(reported);
      // Seconds alone have no price here.
      if (read === null || read.inputTokens + read.outputTokens === 0) return;
      for (const count of Object.values(read)) expect(count).toBeGreaterThanOrEqual(0);
      const cost = costOf(read, price) ?? Number.NaN;
      expect(cost).toBeGreaterThanOrEqual(0);
      expect(Number.isFinite(cost)).toBe(true);
      // No token costs more than the highest price, and none is omitted.
      const input = [
        price.input,
        price.cachedInput ?? price.input,
        price.cacheWrite ?? price.input,
        price.cacheWrite1h,
      ];
      const inputs = [...input, price.audioInput ?? price.input];
      const outputs = [price.output, price.audioOutput ?? price.output];
      const within = (tokens: number, of: number[]) => [tokens * Math.min(...of), tokens * Math.max(...of)] as const;
      const [leastIn, mostIn] = within(read.inputTokens, inputs);
      const [leastOut, mostOut] = within(read.outputTokens, outputs);
      const slack = 1e-9 * (mostIn + mostOut) + 1e-6;
      expect(cost * 1e6).toBeGreaterThanOrEqual(leastIn + leastOut - slack);
      expect(cost * 1e6).toBeLessThanOrEqual(mostIn + mostOut + slack);
    }),
    { numRuns: 500 },
  );
});

function namesIn(value: object): string[] {
  return Object.entries(value).flatMap(([name, each]: [string, unknown]) =>
    typeof each === 'object' && each !== null ? [name, ...namesIn(each)] : [name],
  );
}
