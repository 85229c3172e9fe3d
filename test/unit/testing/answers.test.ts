import OpenAI from 'openai';
import { describe, expect, it } from 'vitest';
import {
  type AnswerOptions,
  answer,
  type Behaviour,
  cut,
  errorEvent,
  fakeFetch,
  noFinishReason,
} from '../../../src/testing/index.js';
import { post } from './entry-points.js';

const messages = [{ role: 'user' as const, content: 'Hello!' }];
const usage = { include_usage: true };

function clientOf(options: AnswerOptions | Behaviour) {
  const script = 'type' in options ? options : answer(options);
  return new OpenAI({ apiKey: 'sk-test', maxRetries: 0, fetch: fakeFetch(script), logLevel: 'off' });
}

async function all<Item>(items: AsyncIterable<Item> | Promise<AsyncIterable<Item>>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of await items) list.push(item);
  return list;
}

describe('a chat answer', () => {
  const chat = (options: AnswerOptions) => clientOf(options).chat.completions.create({ model: 'm', messages });
  const stream = (options: AnswerOptions) =>
    all(clientOf(options).chat.completions.create({ model: 'm', messages, stream: true, stream_options: usage }));

  it('counts a token for each four characters of input and output', async () => {
    const { usage } = await chat({ content: '12345678', reasoning: '1234' });
    // [{"role":"user","content":"Hello!"}] has 36 characters.
    expect(usage).toEqual({
      prompt_tokens: 9,
      completion_tokens: 3,
      total_tokens: 12,
      prompt_tokens_details: { cached_tokens: 0 },
      completion_tokens_details: { reasoning_tokens: 1 },
    });
  });

  it('has the usage of the script, with a provider’s own fields, or none', async () => {
    const given = {
      inputTokens: 100,
      outputTokens: 50,
      cachedInputTokens: 80,
      reasoningTokens: 20,
      extra: { cost: 0.1 },
    };
    const expected = {
      prompt_tokens: 100,
      completion_tokens: 50,
      total_tokens: 150,
      prompt_tokens_details: { cached_tokens: 80 },
      completion_tokens_details: { reasoning_tokens: 20 },
      cost: 0.1,
    };
    expect((await chat({ usage: given })).usage).toEqual(expected);
    expect((await stream({ usage: given })).at(-1)).toMatchObject({ choices: [], usage: expected });
    expect(await chat({ usage: false })).not.toHaveProperty('usage');
    expect((await stream({ usage: false })).some((chunk) => chunk.usage)).toBe(false);
  });

  it('has usage in a stream only if it was requested', async () => {
    const chunks = await all(clientOf({}).chat.completions.create({ model: 'm', messages, stream: true }));
    expect(chunks.some((chunk) => 'usage' in chunk)).toBe(false);
  });

  it('can have reasoning first', async () => {
    expect(await chat({ reasoning: 'Hm.' })).toMatchObject({ choices: [{ message: { reasoning_content: 'Hm.' } }] });
    const deltas = (await stream({ reasoning: 'Hm.', chunks: ['a'] })).map((chunk) => chunk.choices[0]?.delta);
    expect(deltas.slice(1, 5)).toEqual([
      { reasoning_content: 'H' },
      { reasoning_content: 'm' },
      { reasoning_content: '.' },
      { content: 'a' },
    ]);
  });

  it('can be a refusal', async () => {
    expect(await chat({ refusal: 'No.' })).toMatchObject({ choices: [{ message: { content: null, refusal: 'No.' } }] });
    const refusal = (await stream({ refusal: 'No.' })).map((chunk) => chunk.choices[0]?.delta.refusal ?? '').join('');
    expect(refusal).toBe('No.');
  });

  it('can call tools, with any arguments, with or without text', async () => {
    const toolCalls = [
      { name: 'f', arguments: { a: 1 } },
      { name: 'g', arguments: '{"broken', id: 'call_mine' },
    ];
    expect((await chat({ toolCalls })).choices[0]).toMatchObject({
      finish_reason: 'tool_calls',
      message: {
        content: null,
        tool_calls: [
          { id: expect.stringMatching(/^call_/), type: 'function', function: { name: 'f', arguments: '{"a":1}' } },
          { id: 'call_mine', function: { name: 'g', arguments: '{"broken' } },
        ],
      },
    });
    expect((await chat({ toolCalls, content: 'Calling.' })).choices[0]?.message.content).toBe('Calling.');
  });

  it('has the log probabilities of the script for its tokens', async () => {
    const script = { content: '12345678abcd', chunks: 2, logprob: [-1, -2] };
    const client = clientOf(script);
    const body = { model: 'm', messages, logprobs: true };
    const completion = await client.chat.completions.create(body);
    expect(completion.choices[0]?.logprobs?.content).toMatchObject([
      { token: '1234', logprob: -1, bytes: [49, 50, 51, 52] },
      { token: '5678', logprob: -2 },
      { token: 'abcd', logprob: -2 },
    ]);
    const chunks = await all(client.chat.completions.create({ ...body, stream: true }));
    const streamed = chunks.flatMap((chunk) => chunk.choices[0]?.logprobs?.content ?? []);
    expect(streamed.map(({ token, logprob }) => [token, logprob])).toEqual([
      ['1234', -1],
      ['56', -2],
      ['78ab', -2],
      ['cd', -2],
    ]);
  });

  it('ends as scripted', async () => {
    expect((await chat({ finishReason: 'length' })).choices[0]?.finish_reason).toBe('length');
    expect((await chat({ finishReason: null })).choices[0]?.finish_reason).toBeNull();
  });

  it('can be any JSON', async () => {
    expect(await chat({ body: { mine: true } })).toEqual({ mine: true });
  });

  it('can have its own headers', async () => {
    const client = clientOf({ headers: { 'X-RateLimit-Remaining': '3', 'X-Request-Id': 'mine' } });
    const { response } = await client.chat.completions.create({ model: 'm', messages }).withResponse();
    expect(response.headers.get('x-ratelimit-remaining')).toBe('3');
    expect(response.headers.get('x-request-id')).toBe('mine');
  });
});

describe('a response', () => {
  const respond = (options: AnswerOptions) => clientOf(options).responses.create({ model: 'm', input: 'Hello' });
  const stream = (options: AnswerOptions) =>
    all(clientOf(options).responses.create({ model: 'm', input: 'Hello', stream: true }));
  const types = (events: { type: string }[]) => events.map(({ type }) => type.replace('response.', ''));

  it('has its events in the order of the real API', async () => {
    const events = await stream({ chunks: ['a', 'b'] });
    expect(types(events)).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'content_part.added',
      'output_text.delta',
      'output_text.delta',
      'output_text.done',
      'content_part.done',
      'output_item.done',
      'completed',
    ]);
    expect(events.map((event) => event.sequence_number)).toEqual(events.map((_, index) => index));
    expect(events[0]).toMatchObject({ response: { status: 'in_progress', output: [], usage: null } });
    expect(events.at(-1)).toMatchObject({
      response: { status: 'completed', usage: { input_tokens: 2, output_tokens: 1 } },
    });
  });

  it('can have reasoning and function calls, each as its own item', async () => {
    const options = { reasoning: 'Hm', toolCalls: [{ name: 'f', arguments: { a: 1 } }] };
    expect(types(await stream(options))).toEqual([
      'created',
      'in_progress',
      'output_item.added',
      'reasoning_summary_part.added',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.delta',
      'reasoning_summary_text.done',
      'reasoning_summary_part.done',
      'output_item.done',
      'output_item.added',
      'function_call_arguments.delta',
      'function_call_arguments.delta',
      'function_call_arguments.done',
      'output_item.done',
      'completed',
    ]);
    expect((await respond(options)).output).toMatchObject([
      { type: 'reasoning', summary: [{ text: 'Hm' }] },
      { type: 'function_call', name: 'f', arguments: '{"a":1}' },
    ]);
  });

  it('can be a refusal', async () => {
    expect((await respond({ refusal: 'No.' })).output).toMatchObject([
      { content: [{ type: 'refusal', refusal: 'No.' }] },
    ]);
    expect(types(await stream({ refusal: 'No' })).slice(4, 7)).toEqual([
      'refusal.delta',
      'refusal.delta',
      'refusal.done',
    ]);
  });

  it.each([
    ['length', 'incomplete', { incomplete_details: { reason: 'max_output_tokens' } }],
    ['content_filter', 'incomplete', { incomplete_details: { reason: 'content_filter' } }],
    ['error', 'failed', { error: { code: 'server_error' } }],
  ])('that ends by %s is %s', async (finishReason, status, rest) => {
    expect(await respond({ finishReason })).toMatchObject({ status, ...rest });
    const last = (await stream({ finishReason })).at(-1);
    expect(last).toMatchObject({ type: `response.${status}`, response: { status, ...rest } });
  });

  it('reports no end that it does not have', async () => {
    expect(types(await all(clientOf(noFinishReason()).responses.create({ model: 'm', stream: true }))).at(-1)).toBe(
      'output_item.done',
    );
  });

  it('breaks with its own kind of event', async () => {
    const fetch = fakeFetch(errorEvent({ error: { code: 'overloaded', message: 'Too much.' } }));
    const response = await fetch('https://provider.test/v1/responses', post({ model: 'm', input: 'a', stream: true }));
    const events = (await response.text()).trim().split('\n\n');
    // Four that start it, one piece, the error.
    expect(events).toHaveLength(6);
    const error = { type: 'error', sequence_number: 5, code: 'overloaded', message: 'Too much.', param: null };
    expect(events.at(-1)).toBe(`event: error\ndata: ${JSON.stringify(error)}`);
  });

  it('is stored by default, also when it is interrupted', async () => {
    const client = new OpenAI({
      apiKey: 'sk-test',
      maxRetries: 0,
      fetch: fakeFetch({ models: { m: answer(), cut: cut() } }),
    });
    const { id } = await client.responses.create({ model: 'm', input: 'a', store: false });
    await expect(client.responses.retrieve(id)).rejects.toMatchObject({ status: 404 });
    const events = await client.responses.create({ model: 'cut', input: 'a', stream: true });
    const ids: string[] = [];
    const received = (async () => {
      for await (const event of events) if (event.type === 'response.created') ids.push(event.response.id);
    })();
    await expect(received).rejects.toThrow('terminated');
    expect(await client.responses.retrieve(ids[0] ?? '')).toMatchObject({ status: 'in_progress', output: [] });
  });

  it('in the background is done when it is retrieved', async () => {
    const client = clientOf({ content: 'Done.' });
    const { id } = await client.responses.create({ model: 'm', input: 'a', background: true });
    expect(await client.responses.retrieve(id)).toMatchObject({ status: 'completed', output_text: 'Done.' });
    expect(await client.responses.cancel(id)).toMatchObject({ status: 'completed' });
  });
});

describe('embeddings', () => {
  const embeddings = (name?: string) =>
    new OpenAI({ apiKey: 'k', fetch: fakeFetch(answer(), name === undefined ? {} : { name }) }).embeddings;
  const vector = async (model: string, input: string, name?: string) =>
    (await embeddings(name).create({ model, input })).data[0]?.embedding;

  it('depend only on the model and the input', async () => {
    expect(await vector('m', 'a', 'one')).toEqual(await vector('m', 'a', 'two'));
    expect(await vector('m', 'a')).not.toEqual(await vector('m', 'b'));
    expect(await vector('m', 'a')).not.toEqual(await vector('n', 'a'));
  });

  it('are the same in both encodings, with length 1', async () => {
    const float = await embeddings().create({ model: 'm', input: ['x', 'a'], encoding_format: 'float', dimensions: 5 });
    const base64 = await embeddings().create({ model: 'm', input: ['x', 'a'], dimensions: 5 });
    expect([...(base64.data[1]?.embedding ?? [])]).toEqual(float.data[1]?.embedding);
    expect(float.data[1]?.embedding).toHaveLength(5);
    expect(Math.hypot(...(float.data[1]?.embedding ?? []))).toBeCloseTo(1, 6);
  });

  it('treat a list of tokens as one input, and lists of them as many', async () => {
    expect((await embeddings().create({ model: 'm', input: [1, 2, 3] })).data).toHaveLength(1);
    expect((await embeddings().create({ model: 'm', input: [[1], [2]] })).data).toHaveLength(2);
  });
});
