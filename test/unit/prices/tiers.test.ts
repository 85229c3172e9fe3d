import { describe, expect, it } from 'vitest';
import { billOf, costOf, priceFor, pricesUpTo } from '../../../src/prices/cost.js';
import { PriceBook } from '../../../src/prices/price-book.js';
import { providerCostOf, toolCallsOf } from '../../../src/protocol/usage.js';
import type { Price, Usage } from '../../../src/telemetry/record-types.js';
import { usageFixtures } from '../../helpers/usage-fixtures.js';

const price: Price = {
  input: 2,
  output: 8,
  cachedInput: 0.5,
  cacheWrite: 2.5,
  longContext: [
    { above: 200_000, input: 4, output: 12 },
    { above: 400_000, input: 8, output: 16, cachedInput: 1 },
  ],
  tiers: { priority: 2, flex: 0.5, scale: { input: 3, output: 9 } },
  tools: { web_search: 0.01 },
};
const usage = (inputTokens: number, more: Partial<Usage> = {}): Usage => ({
  inputTokens,
  outputTokens: 1000,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  ...more,
});
const cost = (tier: string | undefined, used: Usage) => {
  const found = priceFor(price, tier, used.inputTokens);
  return found && billOf(used, found, {}).usd;
};

describe('the price of a service tier', () => {
  it.each([
    [undefined, 0.01],
    ['default', 0.01],
    ['standard', 0.01],
    ['on_demand', 0.01],
    ['auto', 0.01],
    ['priority', 0.02],
    ['PRIORITY', 0.02],
    ['flex', 0.005],
    ['scale', 0.012],
    ['batch', undefined],
    ['performance', undefined],
    ['constructor', undefined],
  ])('%s', (tier, usd) => {
    expect(cost(tier, usage(1000))).toBe(usd);
  });

  it('leaves the fees of tools unchanged', () => {
    const found = priceFor(price, 'priority', 1000);
    expect(found && billOf(usage(0, { outputTokens: 0 }), found, { web_search: 3 })).toEqual({
      usd: 0.03,
      unpriced: [],
    });
    const whole = priceFor(price, 'scale', 1000);
    expect(whole?.tools).toEqual({ web_search: 0.01 });
  });
});

describe('the price of a long input', () => {
  it.each([
    ['at the limit', 200_000, 0.4 + 0.008],
    ['one token above', 200_001, 0.800004 + 0.012],
    ['above the next', 400_001, 3.200008 + 0.016],
  ])('%s', (_, tokens, usd) => {
    expect(costOf(usage(tokens), price)).toBeCloseTo(usd, 12);
  });

  it('changes unnamed parts in proportion to the input', () => {
    const used = usage(300_000, { cachedInputTokens: 100_000, cacheWriteTokens: 100_000, outputTokens: 0 });
    expect(costOf(used, price)).toBeCloseTo((100_000 * 4 + 100_000 * 1 + 100_000 * 5) / 1e6, 12);
    const longer = usage(500_000, { cachedInputTokens: 500_000, outputTokens: 0 });
    expect(costOf(longer, price)).toBeCloseTo(0.5, 12);
  });

  it('is multiplied by the tier', () => {
    expect(cost('priority', usage(200_001))).toBeCloseTo(2 * (0.800004 + 0.012), 12);
  });

  it('a limit reserves the highest possible price: of the requested tier, or of any tier for auto', () => {
    const inputs = (tier: string | undefined, tokens: number) =>
      pricesUpTo(price, tier, tokens)?.map(({ input }) => input);
    expect(inputs(undefined, 1000)).toEqual([2]);
    expect(inputs(undefined, 250_000)).toEqual([2, 4]);
    expect(inputs('priority', 250_000)).toEqual([4, 8]);
    expect(inputs('auto', 1000)).toEqual([2, 4, 1, 3]);
    expect(inputs('batch', 1000)).toBeUndefined();
  });
});

describe('parts of a bill', () => {
  it('includes tools without a fee as unknown, and books the rest', () => {
    expect(billOf(usage(1000), price, { web_search: 2, file_search: 1 })).toEqual({
      usd: 0.03,
      unpriced: ['file_search'],
    });
  });

  it('an hour in the cache has its own price', () => {
    const used = usage(1000, { cacheWriteTokens: 1000, cacheWrite1hTokens: 400, outputTokens: 0 });
    expect(costOf(used, { ...price, cacheWrite1h: 4 })).toBeCloseTo((600 * 2.5 + 400 * 4) / 1e6, 12);
    expect(costOf(used, price)).toBeNull();
    expect(costOf(used, { input: 2, output: 8 })).toBeCloseTo(0.002, 12);
  });

  it('seconds are billed where they have a price, and are incomplete where nothing else is known', () => {
    const seconds = { ...usage(0, { seconds: 90 }), outputTokens: 0 };
    expect(billOf(seconds, { input: 0, output: 0, perSecond: 0.0001 }, {})).toEqual({ usd: 0.009, unpriced: [] });
    expect(billOf(seconds, { input: 1, output: 1 }, {})).toEqual({ usd: 0, unpriced: ['seconds'] });
    expect(billOf(usage(1000, { seconds: 90 }), { input: 1, output: 1 }, {})).toEqual({ usd: 0.002, unpriced: [] });
  });
});

describe('calls of tools', () => {
  const call = (type: string, action?: string) => ({ type, ...(action && { action: { type: action } }) });

  it.each<[string, unknown, unknown, Record<string, number>]>([
    ['items of an output', undefined, [call('web_search_call'), call('web_search_call', 'search')], { web_search: 2 }],
    ['not opening a page', undefined, [call('web_search_call', 'open_page')], {}],
    ['not the caller’s own tools', undefined, [call('function_call'), call('mcp_call'), call('computer_call')], {}],
    [
      'others',
      undefined,
      [call('file_search_call'), call('code_interpreter_call')],
      { file_search: 1, code_interpreter: 1 },
    ],
    ['Anthropic', { server_tool_use: { web_search_requests: 3, web_fetch_requests: 9 } }, undefined, { web_search: 3 }],
    ['Perplexity', { num_search_queries: 74 }, undefined, { web_search: 74 }],
    [
      'the larger of both',
      { num_search_queries: 1 },
      [call('web_search_call'), call('web_search_call')],
      { web_search: 2 },
    ],
    ['nonsense', { server_tool_use: 5, num_search_queries: -1 }, [null, 5, {}], {}],
  ])('%s', (_, used, output, expected) => {
    expect(toolCallsOf(used, output)).toEqual(expected);
  });

  it('of xAI', () => {
    const [, { usage: used }] = usageFixtures().find(([name]) => name === 'xai-responses-tools') ?? ['', { usage: {} }];
    expect(toolCallsOf(used, undefined)).toEqual({ x_search: 3 });
  });
});

describe('the cost that the provider reports', () => {
  it.each<[string, unknown, number | undefined]>([
    ['OpenRouter', { cost: 0.00152, is_byok: false, cost_details: { upstream_inference_cost: null } }, 0.00152],
    ['with your own key', { cost: 0.00095, is_byok: true, cost_details: { upstream_inference_cost: 0.019 } }, 0.01995],
    ['not twice', { cost: 0.5, is_byok: false, cost_details: { upstream_inference_cost: 0.4 } }, 0.5],
    ['Perplexity', { cost: { input_tokens_cost: 0.1, total_cost: 0.25 } }, 0.25],
    ['xAI', { cost_in_usd_ticks: 292331500 }, 0.02923315],
    ['DeepInfra', { estimated_cost: 0.000012 }, 0.000012],
    ['nothing', {}, undefined],
    ['below 0', { cost: -1 }, undefined],
    ['not a number', { cost: 'free' }, undefined],
    ['more than any price', { cost: 1e9, prompt_tokens: 10, completion_tokens: 10 }, undefined],
  ])('%s', (_, used, usd) => {
    if (usd === undefined) expect(providerCostOf(used)).toBeUndefined();
    else expect(providerCostOf(used)).toBeCloseTo(usd, 12);
  });
});

describe('a price function', () => {
  const query = { deployment: 'a', model: 'm', serviceTier: 'flex' };

  it('gets the tier', () => {
    const book = new PriceBook(({ serviceTier }) =>
      serviceTier === 'flex' ? { input: 1, output: 2 } : { input: 2, output: 4 },
    );
    const known = book.of({ deployment: 'a', model: 'm' });
    const found = book.atTier(known, query);
    expect(found && priceFor(found.price, 'flex', 0)).toMatchObject({ input: 1, output: 2 });
  });

  it('that ignores the tier has no price for a tier', () => {
    const book = new PriceBook(() => ({ input: 2, output: 4 }));
    expect(book.atTier(book.of({ deployment: 'a', model: 'm' }), query)).toBeUndefined();
  });

  it('can list tiers', () => {
    const book = new PriceBook(() => ({ input: 2, output: 4, tiers: { Flex: 0.5 } }));
    const found = book.atTier(book.of({ deployment: 'a', model: 'm' }), query);
    expect(found && priceFor(found.price, 'flex', 0)).toMatchObject({ input: 1, output: 2 });
  });

  it('is not called for a deployment with its own price', () => {
    const book = new PriceBook(() => ({ input: 9, output: 9 }));
    expect(book.atTier({ price: { input: 1, output: 1 }, source: 'deployment' }, query)).toBeUndefined();
  });
});
