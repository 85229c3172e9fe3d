import { calcPrice } from '@pydantic/genai-prices';
import { expect, it } from 'vitest';
import { BUILT_IN_PRICES, BUILT_IN_PRICES_VERSION } from '../../../src/prices/built-in.js';
import { checkPrice } from '../../../src/prices/check-price.js';

const OF_THE_AGGREGATOR = ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B', 'Pro/deepseek-ai/DeepSeek-V3.2'];
const at = new Date(BUILT_IN_PRICES_VERSION);
const others = [...BUILT_IN_PRICES].filter(([name]) => !OF_THE_AGGREGATOR.includes(name));

it('has a date and valid prices', () => {
  expect(BUILT_IN_PRICES_VERSION).toMatch(/^20\d\d-\d\d-\d\d$/);
  expect(at.getTime()).not.toBeNaN();
  for (const [name, price] of BUILT_IN_PRICES) expect(checkPrice(name, price)).toEqual(price);
});

it.each(others)('%s costs as much as in the public table', (name, price) => {
  const providerId = ['claude', 'gemini'].find((each) => name.startsWith(each)) ?? 'openai';
  const found = calcPrice({ input_tokens: 1 }, name, {
    providerId: { claude: 'anthropic', gemini: 'google', openai: 'openai' }[providerId] ?? '',
    timestamp: at,
  });
  const { model_price: table } = found ?? expect.fail('not in the table');
  // One price each, independent of the input's length and the hour.
  expect(found?.model.match).toBeDefined();
  expect(table).toMatchObject({
    input_mtok: price.input,
    ...(price.output > 0 && { output_mtok: price.output }),
    ...(price.cachedInput !== undefined && { cache_read_mtok: price.cachedInput }),
    ...(price.cacheWrite !== undefined && { cache_write_mtok: price.cacheWrite }),
    ...(price.audioInput !== undefined && { input_audio_mtok: price.audioInput }),
    ...(price.audioOutput !== undefined && { output_audio_mtok: price.audioOutput }),
  });
  expect(price.cachedInput).toBe(table.cache_read_mtok);
});
