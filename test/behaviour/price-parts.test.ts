import { callRecord, type Price, type RouterEvent } from 'model-router';
import { describe, expect, it } from 'vitest';
import { messages } from '../helpers/messages.js';
import { chunks, completion, rawRouter, response } from '../helpers/raw-answers.js';

const price: Price = { input: 2, output: 10, tiers: { priority: 2, flex: 0.5 }, tools: { web_search: 0.01 } };
const chatUsage = { prompt_tokens: 1000, completion_tokens: 100, total_tokens: 1100 };
const usage = { input_tokens: 1000, output_tokens: 100, total_tokens: 1100 };
const setup = (own: Price = price, more = {}) => ({ deployments: { m: { price: own } }, ...more });
const chat = { model: 'm', messages };

async function streamed(router: ReturnType<typeof rawRouter>['router']) {
  const stream = await router.chat.completions.create({ ...chat, stream: true });
  for await (const _ of stream);
  return callRecord(stream);
}

describe('the service tier that served a call', () => {
  it.each([
    ['default', 0.003],
    ['priority', 0.006],
    ['flex', 0.0015],
    [undefined, 0.003],
    [null, 0.003],
  ])('%s', async (tier, costUsd) => {
    const more = tier === undefined ? {} : { service_tier: tier };
    const whole = rawRouter(() => completion(chatUsage, more), setup());
    expect(callRecord(await whole.router.chat.completions.create(chat))?.costUsd).toBeCloseTo(costUsd, 12);
    const stream = rawRouter(() => chunks(chatUsage, more), setup());
    expect((await streamed(stream.router))?.costUsd).toBeCloseTo(costUsd, 12);
    const responses = rawRouter(() => response(usage, [], more), setup());
    expect(callRecord(await responses.router.responses.create({ model: 'm', input: 'Hi' }))?.costUsd).toBeCloseTo(
      costUsd,
      12,
    );
  });

  it('has an unknown cost without an entry, and an event says how to add one', async () => {
    const { router } = rawRouter(() => completion(chatUsage, { service_tier: 'scale' }), setup());
    const events: RouterEvent[] = [];
    router.on('price-unknown', (event) => events.push(event));
    expect(callRecord(await router.chat.completions.create(chat))).toMatchObject({
      costUsd: null,
      usage: { inputTokens: 1000 },
    });
    expect(events).toMatchObject([{ hint: expect.stringContaining('at the service tier "scale"') }]);
  });

  it('is read from the usage, as Anthropic reports it', async () => {
    const { router } = rawRouter(() => completion({ ...chatUsage, service_tier: 'priority' }), setup());
    expect(callRecord(await router.chat.completions.create(chat))?.costUsd).toBeCloseTo(0.006, 12);
  });

  it('is reserved as requested: auto at its highest price', () => {
    const { router } = rawRouter(() => completion(chatUsage), setup());
    const max = (service_tier?: string) =>
      router.explain({ ...chat, max_tokens: 100, ...(service_tier && { service_tier }) }).maxCostUsd ?? 0;
    const listed = max();
    expect(max('priority')).toBeCloseTo(2 * listed, 12);
    expect(max('flex')).toBeCloseTo(listed / 2, 12);
    expect(max('auto')).toBeCloseTo(2 * listed, 12);
    expect(max('default')).toBeCloseTo(listed, 12);
    expect(router.explain({ ...chat, service_tier: 'batch' }).maxCostUsd).toBeNull();
  });

  it('is refused under a spending limit without a price', async () => {
    const { router, requests } = rawRouter(() => completion(chatUsage), setup(price, { maxCostUsd: 5 }));
    const call = router.chat.completions.create({ ...chat, service_tier: 'scale' });
    await expect(call).rejects.toMatchObject({ message: expect.stringContaining('tiers') });
    expect(requests).toEqual([]);
  });

  it('is passed to a price function', async () => {
    const received: unknown[] = [];
    const { router } = rawRouter(() => completion(chatUsage, { service_tier: 'flex' }), {
      prices: ({ serviceTier }) => {
        received.push(serviceTier);
        return serviceTier === 'flex' ? { input: 1, output: 1 } : { input: 2, output: 2 };
      },
    });
    expect(callRecord(await router.chat.completions.create(chat))?.costUsd).toBeCloseTo(0.0011, 12);
    expect(received).toEqual([undefined, 'flex']);
  });
});

describe('long inputs', () => {
  const long: Price = { input: 2, output: 10, longContext: [{ above: 2000, input: 4, output: 15, cachedInput: 0.4 }] };

  it('are billed and reserved at their own price', async () => {
    const used = { prompt_tokens: 3000, completion_tokens: 100, prompt_tokens_details: { cached_tokens: 1000 } };
    const { router } = rawRouter(() => completion(used), setup(long));
    const record = callRecord(await router.chat.completions.create(chat));
    expect(record?.costUsd).toBeCloseTo((2000 * 4 + 1000 * 0.4 + 100 * 15) / 1e6, 12);
    const text = { model: 'm', max_tokens: 100, messages: [{ role: 'user' as const, content: 'word '.repeat(4000) }] };
    const { maxCostUsd, inputTokens } = router.explain(text);
    expect(inputTokens).toBeGreaterThan(2000);
    expect(maxCostUsd).toBeGreaterThanOrEqual((3 * (inputTokens * 4 + 100 * 15)) / 1e6);
  });
});

describe('fees of tools', () => {
  const search = { type: 'web_search_call', id: 'ws_1', status: 'completed', action: { type: 'search', query: 'x' } };

  it('are counted from the items of a response, also of a stream', async () => {
    const body = { model: 'm', input: 'Hi', tools: [{ type: 'web_search' as const }] };
    const whole = rawRouter(() => response(usage, [search, search]), setup());
    expect(callRecord(await whole.router.responses.create(body))?.costUsd).toBeCloseTo(0.023, 12);
    const events = [
      { type: 'response.output_text.delta', delta: 'Hello.' },
      { type: 'response.completed', response: response(usage, [search]) },
    ];
    const { router } = rawRouter(() => ({ events }), setup());
    const stream = await router.responses.create({ ...body, stream: true });
    for await (const _ of stream);
    expect(callRecord(stream)?.costUsd).toBeCloseTo(0.013, 12);
  });

  it('without a price leave the cost unknown, and the budget books the known part', async () => {
    const { router } = rawRouter(
      () => response(usage, [search]),
      setup({ input: 2, output: 10 }, { budgets: [{ usd: 5, window: 'day' }] }),
    );
    const record = callRecord(await router.responses.create({ model: 'm', input: 'Hi' }));
    expect(record).toMatchObject({ costUsd: null, unpriced: ['web_search'] });
    const { spend } = router.snapshot();
    expect(spend.budgets[0]?.spentUsd).toBeCloseTo(0.003, 9);
    expect(spend).toMatchObject({ totalUsd: 0.003, unpriced: 1 });
  });

  it('of a search model of chat completions are one per call', async () => {
    const { router } = rawRouter(() => completion(chatUsage), setup());
    const record = callRecord(await router.chat.completions.create({ ...chat, web_search_options: {} }));
    expect(record?.costUsd).toBeCloseTo(0.013, 12);
  });

  it('are reserved', () => {
    const { router } = rawRouter(() => response(usage), setup());
    const max = (more: object) =>
      router.explain({ model: 'm', input: 'Hi', max_output_tokens: 10, ...more }).maxCostUsd ?? 0;
    const tools = [{ type: 'web_search' }];
    expect(max({ tools, max_tool_calls: 4 })).toBeGreaterThan(3 * 0.04);
    expect(max({})).toBeLessThan(0.01);
  });
});

describe('the cost that the provider reports', () => {
  const cost = { ...chatUsage, cost: 0.001, is_byok: true, cost_details: { upstream_inference_cost: 0.02 } };

  it('stands beside the router’s own figure', async () => {
    const { router } = rawRouter(() => completion(cost), setup());
    const record = callRecord(await router.chat.completions.create(chat));
    expect(record).toMatchObject({ providerCostUsd: 0.021, costUsd: 0.003, priceSource: 'deployment', unpriced: [] });
  });

  it('is the cost where no price is known', async () => {
    const { router } = rawRouter(() => completion(cost), { deployments: { m: {} } });
    const record = callRecord(await router.chat.completions.create(chat));
    expect(record).toMatchObject({ providerCostUsd: 0.021, costUsd: 0.021, priceSource: 'provider' });
    expect(router.snapshot().spend.totalUsd).toBeCloseTo(0.021, 9);
  });

  it('is null where the provider reports none', async () => {
    const { router } = rawRouter(() => completion(chatUsage), setup());
    expect(callRecord(await router.chat.completions.create(chat))).toMatchObject({
      providerCostUsd: null,
      unpriced: [],
    });
  });
});

describe('audio by the second', () => {
  const file = new File([new Uint8Array(8000)], 'a.mp3', { type: 'audio/mpeg' });
  const perSecond: Price = { input: 0, output: 0, perSecond: 0.0001 };

  it.each<[string, object]>([
    ['OpenAI', { usage: { type: 'duration', seconds: 30 } }],
    ['Mistral', { usage: { prompt_audio_seconds: 30 } }],
    ['older servers of Whisper', { duration: '30.0', task: 'transcribe' }],
  ])('%s', async (_, body) => {
    const { router } = rawRouter(() => ({ text: 'Hello.', ...body }), setup(perSecond));
    const record = callRecord(await router.audio.transcriptions.create({ model: 'm', file }));
    expect(record).toMatchObject({ costUsd: 0.003, usage: { seconds: 30 } });
  });

  it('without a price is named in an event', async () => {
    const { router } = rawRouter(
      () => ({ text: 'Hello.', usage: { type: 'duration', seconds: 30 } }),
      setup({ input: 1, output: 1 }),
    );
    const record = callRecord(await router.audio.transcriptions.create({ model: 'm', file }));
    expect(record).toMatchObject({ costUsd: null, unpriced: ['seconds'] });
  });
});
