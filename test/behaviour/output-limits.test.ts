import { InvalidOptionError } from 'model-router';
import { describe, expect, it } from 'vitest';
import { messages } from '../helpers/messages.js';
import { completion, rawRouter } from '../helpers/raw-answers.js';

const usage = { prompt_tokens: 10, completion_tokens: 2, total_tokens: 12 };
const deployments = { m: { price: { input: 0, output: 1000 } } };
const limited = { deployments, maxCostUsd: 1000 };
const sendChat = (settings: object, more: object) => {
  const built = rawRouter(() => completion(usage), settings);
  return { ...built, call: built.router.chat.completions.create({ model: 'm', messages, ...more } as never) };
};

const WRONG: object[] = [
  { max_completion_tokens: '100000' },
  { max_tokens: 0 },
  { max_tokens: -1 },
  { max_tokens: 1e-9 },
  { max_tokens: [100000] },
  { max_tokens: true },
  { max_tokens: 1.5 },
  { max_new_tokens: '5' },
  { n: '100' },
  { n: 0 },
  { best_of: '50' },
  { min_tokens: '9' },
  { extra_body: { max_tokens: '100000' } },
];

describe('output limits that a server may read differently', () => {
  it.each(WRONG)('%j is refused under a spending or token limit, and sent without one', async (more) => {
    for (const settings of [
      limited,
      { deployments, maxInputTokens: 1000 },
      { deployments, budgets: [{ usd: 5000, window: 'day' }] },
    ]) {
      const { call, requests } = sendChat(settings, more);
      await expect(call).rejects.toBeInstanceOf(InvalidOptionError);
      expect(requests).toEqual([]);
    }
    await expect(sendChat({ deployments }, more).call).resolves.toBeDefined();
  });

  it('is a 400 through asFetch', async () => {
    const { router } = rawRouter(() => completion(usage), limited);
    const answer = await router.asFetch()('https://api.openai.com/v1/chat/completions', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ model: 'm', messages, max_tokens: '100000' }),
    });
    expect(answer.status).toBe(400);
  });

  it.each([{ max_tokens: null }, { min_tokens: 0 }, { n: undefined }, { max_tokens: 5 }])(
    '%j is sent',
    async (more) => {
      await expect(sendChat(limited, more).call).resolves.toBeDefined();
    },
  );

  it.each<[object, number]>([
    [{ max_tokens: 10, max_completion_tokens: 100 }, 100],
    [{ max_completion_tokens: 10, max_new_tokens: 200 }, 200],
    [{ max_tokens: 10, min_tokens: 300 }, 300],
    [{ max_tokens: 10, extra_body: { max_tokens: 400 } }, 400],
    [{ max_tokens: 10, n: 5 }, 50],
    [{ max_tokens: 10, num_return_sequences: 6 }, 60],
    [{ toJSON: () => ({ model: 'm', messages, max_tokens: 700 }) }, 700],
  ])('the largest of several counts: %j', (more, tokens) => {
    const { router } = rawRouter(() => completion(usage), { ...limited, maxAttempts: 1 });
    expect(router.explain({ model: 'm', messages, ...more }).maxCostUsd).toBeCloseTo(tokens / 1000, 9);
  });
});

describe('every string in a request is counted', () => {
  const long = 'a word and another '.repeat(500);
  const tokens = (more: object) => {
    const { router } = rawRouter(() => completion(usage), { deployments });
    return router.explain({ model: 'm', messages, ...more }).inputTokens;
  };

  it.each<[string, object]>([
    ['role', { messages: [{ role: long, content: 'x' }] }],
    ['name', { messages: [{ role: 'user', name: long, content: 'x' }] }],
    ['tool_call_id', { messages: [{ role: 'tool', tool_call_id: long, content: 'x' }] }],
    ['type', { messages: [{ role: 'user', content: [{ type: long, text: 'x' }] }] }],
    ['a name of a field', { messages: [{ role: 'user', content: [{ type: 'text', [long]: 1 }] }] }],
    [
      'beside an image',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: 'https://a.test', text: long }] }] },
    ],
    ['documents', { documents: [{ title: 'x', text: long }] }],
    ['system', { system: long }],
    ['prediction', { prediction: { type: 'content', content: long } }],
    ['chat_template', { chat_template: long }],
    ['an unknown field', { some: { deep: [{ field: long }] } }],
    ['a field of another endpoint', { input: long }],
    ['deeply nested values', { messages: [{ role: 'user', content: nested(long, 200) }] }],
    ['the result of toJSON', { messages: [{ toJSON: () => ({ role: 'user', content: long }) }] }],
  ])('%s', (_, more) => {
    expect(tokens(more) - tokens({})).toBeGreaterThan(1500);
  });
});

function nested(text: string, depth: number): unknown {
  let value: unknown = text;
  for (let i = 0; i < depth; i++) value = [value];
  return value;
}
