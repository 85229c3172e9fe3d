import { type GenaiPricesOptions, genaiPrices } from 'model-router/genai-prices';
import { describe, expect, it } from 'vitest';
import { tablePrice } from '../../src/genai-prices/table-price.js';

const at = new Date('2026-11-22');
const priceOf = (model: string, options: GenaiPricesOptions = {}) =>
  genaiPrices({ at, ...options })({ model, deployment: 'd' });

describe('genaiPrices', () => {
  it('returns the prices of the table, in the router’s fields', () => {
    expect(priceOf('gpt-4o-mini')).toEqual({ input: 0.15, output: 0.6, cachedInput: 0.075 });
    expect(priceOf('claude-haiku-4-5')).toEqual({ input: 1, output: 5, cachedInput: 0.1, cacheWrite: 1.25 });
    expect(priceOf('gpt-audio')).toEqual({ input: 2.5, output: 10, audioInput: 32, audioOutput: 64 });
    expect(priceOf('text-embedding-3-small', { provider: 'openai' })).toEqual({ input: 0.02, output: 0 });
  });

  it('returns undefined for a model that is not in the table, or that costs more than its tokens', () => {
    expect(priceOf('no-such-model')).toBeUndefined();
    expect(priceOf('gpt-4o', { provider: 'no-such-provider' })).toBeUndefined();
    expect(priceOf('omni-moderation-latest', { provider: 'openai' })).toBeUndefined();
  });

  it('finds open models by an aggregator’s names, and by yours', () => {
    expect(priceOf('deepseek-ai/DeepSeek-V3.2')).toEqual({ input: 0.2288, output: 0.3432 });
    expect(priceOf('Qwen/Qwen3-32B')).toEqual({ input: 0.1, output: 0.3 });
    expect(priceOf('mine', { aliases: { mine: 'groq:qwen/qwen3-32b' } })).toEqual({ input: 0.29, output: 0.59 });
    expect(priceOf('mine', { aliases: { mine: 'gpt-4o-mini' }, provider: 'openai' })?.input).toBe(0.15);
    expect(priceOf('Qwen/Qwen3-32B', { aliases: { 'Qwen/Qwen3-32B': 'groq:qwen/qwen3-32b' } })?.input).toBe(0.29);
    expect(priceOf('constructor')).toBeUndefined();
  });

  it('uses the given day, and its most expensive hour', () => {
    expect(priceOf('o3', { at: new Date('2025-06-09') })?.input).toBe(10);
    expect(priceOf('o3', { at: new Date('2025-06-10') })?.input).toBe(2);
    for (const hour of ['03:00', '12:00', '23:00'])
      expect(priceOf('deepseek-v4-flash', { at: new Date(`2026-11-22T${hour}Z`) })).toEqual({
        input: 0.44,
        output: 1.32,
        cachedInput: 0.014,
      });
  });

  it('takes the base price of a model whose price grows with its input', () => {
    expect(priceOf('gemini-2.5-pro')).toMatchObject({ input: 1.25, output: 10, cachedInput: 0.125 });
  });

  it('is called for the served model if that one matters', () => {
    expect(genaiPrices({ at })({ model: 'alias', servedModel: 'gpt-4o-mini', deployment: 'd' })?.input).toBe(0.15);
  });

  it('names its version', () => {
    expect(genaiPrices().version).toMatch(/^genai-prices \d+\.\d+\.\d+$/);
  });

  it.each<[string, unknown, string]>([
    ['an invalid name', { alias: {} }, 'did you mean `aliases`?'],
    ['an unknown provider', { provider: 3 }, 'genaiPrices.provider: 3'],
    ['an invalid alias', { aliases: { a: 3 } }, 'genaiPrices.aliases.a: 3'],
    [
      'an alias for an unknown model',
      { aliases: { x: 'openai:gpt-4oo' } },
      'genaiPrices.aliases.x: "openai:gpt-4oo" is not',
    ],
    [
      'an alias for a model without a price',
      { aliases: { x: 'openai:omni-moderation-latest' } },
      'genaiPrices.aliases.x',
    ],
    ['an invalid date', { at: new Date('x') }, 'genaiPrices.at:'],
  ])('refuses %s', (_, options, message) => {
    expect(() => genaiPrices(options as GenaiPricesOptions)).toThrow(message);
  });
});

describe('tablePrice', () => {
  const match = { equals: 'm' };

  it('returns undefined where tokens alone do not make up the cost', () => {
    const tokens = { input_mtok: 1, output_mtok: 2 };
    expect(tablePrice({ id: 'm', match, prices: tokens }, at)).toEqual({ input: 1, output: 2 });
    expect(tablePrice({ id: 'm', match, prices: { ...tokens, requests_kcount: 5 } }, at)).toBeUndefined();
    expect(tablePrice({ id: 'm', match, prices: { ...tokens, output_reasoning_mtok: 3 } }, at)).toBeUndefined();
    expect(tablePrice({ id: 'm', match, prices: { output_mtok: 2 } }, at)).toBeUndefined();
  });

  it('returns undefined for a day before the first price', () => {
    const later = { constraint: { type: 'start_date' as const, start_date: '2027-01-01' }, prices: { input_mtok: 1 } };
    expect(tablePrice({ id: 'm', match, prices: [later] }, at)).toBeUndefined();
  });
});
