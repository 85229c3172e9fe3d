import { type CallRecord, callRecord } from 'model-router';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { messages } from '../helpers/messages.js';
import { chunks, completion, rawRouter, response } from '../helpers/raw-answers.js';

const price = { input: 1, output: 10 };
const settings = {
  deployments: { m: { price } },
  routes: { standard: ['m'] },
  budgets: [{ usd: 1, window: 'day' as const }],
};
const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
const withoutInput = { prompt_tokens: 0, completion_tokens: 128, total_tokens: 128 };
const withoutOutput = { prompt_tokens: 70, completion_tokens: 0, total_tokens: 70 };

type Ask = (router: OpenAI) => PromiseLike<unknown>;

const whole: Ask = (router) => router.chat.completions.create({ model: 'standard', messages });
const streamed: Ask = async (router) => {
  const stream = await router.chat.completions.create({ model: 'standard', messages, stream: true });
  for await (const _ of stream);
  return stream;
};
const responses: Ask = (router) => router.responses.create({ model: 'standard', input: 'Say hello.' });
const embeddings: Ask = (router) => router.embeddings.create({ model: 'standard', input: 'Say hello.' });

async function recordOf(answer: unknown, ask: Ask): Promise<{ record: CallRecord | undefined; spentUsd: unknown }> {
  const { router } = rawRouter(() => answer, settings);
  const record = callRecord(await ask(router));
  return { record, spentUsd: router.snapshot().spend.budgets[0]?.spentUsd };
}

const vector = { object: 'list', model: 'm', data: [{ object: 'embedding', index: 0, embedding: [1, 2] }] };

describe('what a server leaves out of its usage is estimated', () => {
  // LiteLLM's completions (BerriAI/litellm#8349), mnfst/llm-gateway#2033.
  it.each<[string, unknown, Ask]>([
    ['a whole answer', completion(zeros), whole],
    ['a stream', chunks(zeros), streamed],
    ['a response', response({ input_tokens: 0, output_tokens: 0, total_tokens: 0 }), responses],
  ])('everything: %s', async (_, answer, ask) => {
    const { record, spentUsd } = await recordOf(answer, ask);
    expect(record).toMatchObject({ estimated: true, attempts: [{ outcome: 'success', estimated: true }] });
    expect(record?.usage?.inputTokens).toBeGreaterThan(0);
    expect(record?.usage?.outputTokens).toBeGreaterThan(0);
    expect(record?.costUsd).toBeGreaterThan(0);
    expect(spentUsd).toBe(record?.costUsd);
  });

  it.each<[string, unknown, Ask]>([
    ['a whole answer', completion(withoutInput), whole],
    ['a stream', chunks(withoutInput), streamed],
  ])('the input: %s', async (_, answer, ask) => {
    const { record } = await recordOf(answer, ask);
    expect(record).toMatchObject({ estimated: true, usage: { outputTokens: 128 } });
    expect(record?.usage?.inputTokens).toBeGreaterThan(0);
  });

  it('the output, where only the first chunk has a usage', async () => {
    const { events } = chunks(undefined);
    const first = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [] };
    const { record } = await recordOf(
      { events: [{ ...first, usage: withoutOutput }, ...events.slice(0, 2)] },
      streamed,
    );
    expect(record).toMatchObject({ estimated: true, usage: { inputTokens: 70 } });
    expect(record?.usage?.outputTokens).toBeGreaterThan(0);
  });

  it('the input of embeddings, which have no output', async () => {
    const { record } = await recordOf({ ...vector, usage: { prompt_tokens: 0, total_tokens: 0 } }, embeddings);
    expect(record).toMatchObject({ estimated: true, usage: { outputTokens: 0 } });
    expect(record?.usage?.inputTokens).toBeGreaterThan(0);
  });
});

describe('an estimate for a usage of zeros', () => {
  it.each<[string, unknown, Ask]>([
    ['a whole answer', completion(zeros), whole],
    ['a stream', chunks(zeros), streamed],
  ])('never exceeds the reservation: %s', async (_, answer, ask) => {
    // The reservation has one token of output.
    const deployments = { m: { price, maxOutputTokens: 1 } };
    const { router } = rawRouter(() => answer, { ...settings, deployments });
    const overruns: unknown[] = [];
    router.on('budget-overrun', (event) => overruns.push(event));
    const reserved = router.explain({ model: 'standard', messages }).maxCostUsd ?? 0;
    const record = callRecord(await ask(router));
    expect(record?.estimated).toBe(true);
    expect(record?.costUsd).toBeGreaterThan(0);
    expect(record?.costUsd).toBeLessThanOrEqual(reserved);
    expect(overruns).toEqual([]);
  });

  it('is not made if the provider says that the answer was free, as OpenRouter’s cache does', async () => {
    const { record, spentUsd } = await recordOf(completion({ ...zeros, cost: 0 }), whole);
    expect(record).toMatchObject({ costUsd: 0, usage: { inputTokens: 0, outputTokens: 0 } });
    expect(record?.estimated).toBeUndefined();
    expect(spentUsd).toBe(0);
  });
});

describe('a usage is believed', () => {
  it.each<[string, unknown, Ask, number]>([
    ['if it is complete', completion({ prompt_tokens: 7, completion_tokens: 2, total_tokens: 9 }), whole, 27e-6],
    ['if embeddings report no output', { ...vector, usage: { prompt_tokens: 7, total_tokens: 7 } }, embeddings, 7e-6],
    [
      'if there is no content',
      completion(withoutOutput, { choices: [{ index: 0, finish_reason: 'content_filter' }] }),
      whole,
      70e-6,
    ],
  ])('%s', async (_, answer, ask, usd) => {
    const { record } = await recordOf(answer, ask);
    expect(record?.estimated).toBeUndefined();
    expect(record?.costUsd).toBeCloseTo(usd, 12);
  });

  it('is untouched in providerUsage', async () => {
    const { record } = await recordOf(completion(zeros), whole);
    expect(record?.providerUsage).toEqual(zeros);
  });
});

describe('the usage of a Groq stream', () => {
  it('is read from x_groq, if the router did not request it', async () => {
    const usage = { prompt_tokens: 11, completion_tokens: 3, total_tokens: 14 };
    const { events } = chunks(undefined);
    const [content, last] = events as Record<string, unknown>[];
    const { record } = await recordOf({ events: [content, { ...last, x_groq: { id: 'req_1', usage } }] }, streamed);
    expect(record).toMatchObject({ usage: { inputTokens: 11, outputTokens: 3 } });
    expect(record?.estimated).toBeUndefined();
  });
});
