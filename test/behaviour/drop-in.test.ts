import { callRecord, ModelRouter } from 'model-router';
import { answer, fail, fakeFetch, type Models } from 'model-router/testing';
import { APIError, OpenAI } from 'openai';
import { zodResponseFormat, zodTextFormat } from 'openai/helpers/zod';
import { describe, expect, it, vi } from 'vitest';
import { messages, Weather } from '../helpers/parity-bodies.js';
import { collect } from '../helpers/parity-observe.js';

const baseURL = 'https://provider.test/v1';

/** A router of two deployments, of which the first always fails. */
function openRouter(models: Models = { first: fail(503), second: answer() }) {
  const fake = fakeFetch({ models });
  const client = { apiKey: 'sk-drop-in-0123', baseURL, fetch: fake };
  const price = { input: 1, output: 2 };
  const router = new ModelRouter({
    clients: { default: client },
    deployments: { first: { price, region: 'eu' }, second: { price, region: 'eu' } },
    routes: { standard: ['first', 'second'] },
    logLevel: 'off',
  });
  return { fake, router, [Symbol.dispose]: () => router.close() };
}

/** The record of a call that failed over, in whichever way it was made. */
const failedOver = {
  id: expect.stringMatching(/^call_/),
  route: 'standard',
  priority: 'standard',
  tenant: null,
  endpoint: '/chat/completions',
  stream: false,
  startedAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
  metadata: {},
  requestedModel: 'standard',
  deployment: 'second',
  servedModel: 'second',
  region: 'eu',
  cache: 'off',
  attempts: [
    expect.objectContaining({ number: 1, deployment: 'first', outcome: 'server-error', status: 503 }),
    expect.objectContaining({ number: 2, deployment: 'second', outcome: 'success', status: 200, error: null }),
  ],
  usage: { inputTokens: 26, outputTokens: 7, cachedInputTokens: 0, reasoningTokens: 0 },
  providerUsage: expect.objectContaining({ total_tokens: 33 }),
  providerCostUsd: null,
  costUsd: expect.closeTo((26 * 1 + 7 * 2) / 1e6, 9),
  unpriced: [],
  priceSource: 'deployment',
  variant: null,
  chosenBy: 'priority',
  queuedMs: 0,
  durationMs: expect.any(Number),
};
const answered = { ...failedOver, timeToFirstChunkMs: null };
const streamed = { ...failedOver, stream: true, timeToFirstChunkMs: expect.any(Number) };
const model = 'standard';

describe('a router is an OpenAI client', () => {
  it('is an instance of OpenAI, and can be passed to code that needs one', async () => {
    using open = openRouter();
    const choicesFrom = async (client: OpenAI) => (await client.chat.completions.create({ model, messages })).choices;
    expect(open.router).toBeInstanceOf(OpenAI);
    expect(open.router).toBeInstanceOf(ModelRouter);
    expect(await choicesFrom(open.router)).toMatchObject([{ message: { content: 'This is an answer of second.' } }]);
  });

  it('accepts the same options, and reads the same environment', async () => {
    vi.stubEnv('OPENAI_API_KEY', 'sk-from-the-environment');
    vi.stubEnv('OPENAI_BASE_URL', 'https://somewhere.test/v1');
    vi.stubEnv('OPENAI_ORG_ID', 'org-env');
    await using router = new ModelRouter();
    expect([router.apiKey, router.baseURL, router.organization]).toEqual([
      'sk-from-the-environment',
      'https://somewhere.test/v1',
      'org-env',
    ]);
  });

  it('rejects what the constructor of a client rejects', () => {
    vi.stubEnv('OPENAI_API_KEY', undefined);
    expect(() => new ModelRouter()).toThrow(/credentials|apiKey/);
  });

  it('gives views that are routers', async () => {
    using open = openRouter();
    const view = open.router.withOptions({ priority: 'premium' });
    expect(view).toBeInstanceOf(ModelRouter);
    expect(callRecord(await view.chat.completions.create({ model, messages }))?.priority).toBe('premium');
    expect(view.snapshot()).toEqual(open.router.snapshot());
  });

  it("throws the SDK's own errors, which existing catch blocks recognise", async () => {
    using open = openRouter({ first: fail(503), second: fail(429, { message: 'Slow down.' }) });
    const error: unknown = await open.router.chat.completions
      .create({ model, messages }, { maxRetries: 1 })
      .catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(OpenAI.RateLimitError);
    expect(error).toBeInstanceOf(APIError);
    expect(error).toMatchObject({ status: 429, message: '429 Slow down.', code: 'rate_limit_exceeded' });
  });
});

describe('callRecord', () => {
  it('of a promise and of its result', async () => {
    using open = openRouter();
    const call = open.router.chat.completions.create({ model, messages });
    const result = await call;
    expect(callRecord(call)).toMatchObject(answered);
    expect(callRecord(result)).toBe(callRecord(call));
  });

  it('of the data and the response of withResponse', async () => {
    using open = openRouter();
    const { data, response } = await open.router.chat.completions.create({ model, messages }).withResponse();
    expect(callRecord(data)).toMatchObject(answered);
    expect(callRecord(response)).toBe(callRecord(data));
  });

  it('of a raw response and of its promise', async () => {
    using open = openRouter();
    const call = open.router.chat.completions.create({ model, messages });
    const response = await call.asResponse();
    expect(callRecord(call)).toMatchObject({ deployment: 'second', attempts: [{ number: 1 }, { number: 2 }] });
    expect(callRecord(response)).toBe(callRecord(call));
  });

  it('of the error of parsing an answer', async () => {
    using open = openRouter({ first: fail(503), second: answer({ content: '{"city":', finishReason: 'length' }) });
    const format = zodResponseFormat(Weather, 'weather');
    const call = open.router.chat.completions.parse({ model, messages, response_format: format });
    const error: unknown = await call.catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ message: expect.stringContaining('length limit') });
    expect(callRecord(error)).toMatchObject({ deployment: 'second', attempts: [{ number: 1 }, { number: 2 }] });
  });

  it('of the result of chat.completions.parse', async () => {
    using open = openRouter();
    const call = open.router.chat.completions.parse({
      model,
      messages,
      response_format: zodResponseFormat(Weather, 'weather'),
    });
    const parsed = await call;
    expect(parsed.choices[0]?.message.parsed).toEqual({ city: 'text', degrees: 1 });
    const record = { ...answered, usage: expect.anything(), providerUsage: parsed.usage, costUsd: expect.any(Number) };
    expect(callRecord(parsed)).toMatchObject(record);
    expect(callRecord(call)).toBe(callRecord(parsed));
  });

  it('of the result of responses.parse', async () => {
    using open = openRouter();
    const parsed = await open.router.responses.parse({
      model,
      input: 'Hi',
      text: { format: zodTextFormat(Weather, 'weather') },
    });
    expect(parsed.output_parsed).toEqual({ city: 'text', degrees: 1 });
    expect(callRecord(parsed)).toMatchObject({ deployment: 'second', providerUsage: parsed.usage });
  });

  it.each(['chat', 'responses', 'completions'] as const)(
    'of a stream, complete when it has ended: %s',
    async (kind) => {
      using open = openRouter();
      const { router } = open;
      const stream = await {
        chat: () => router.chat.completions.create({ model, messages, stream: true }),
        responses: () => router.responses.create({ model, input: 'Hi', stream: true }),
        completions: () => router.completions.create({ model, prompt: 'Hi', stream: true }),
      }[kind]();
      const record = callRecord(stream);
      expect(record).toMatchObject({ deployment: 'second', attempts: [{}, { outcome: 'pending' }], durationMs: 0 });
      await collect<unknown>(stream);
      expect(callRecord(stream)).toBe(record);
      expect(record).toMatchObject({
        deployment: 'second',
        servedModel: 'second',
        attempts: [{}, { outcome: 'success' }],
        timeToFirstChunkMs: expect.any(Number),
      });
      expect(record?.durationMs).toBeGreaterThan(0);
    },
  );

  it('of a stream whose usage only the router requested', async () => {
    using open = openRouter();
    const stream = await open.router.chat.completions.create({ model, messages, stream: true });
    const chunks = await collect(stream);
    expect(chunks.every((chunk) => chunk.choices.length > 0)).toBe(true);
    expect(callRecord(stream)).toMatchObject(streamed);
  });

  it('of a stream helper, and of its final result: chat', async () => {
    using open = openRouter();
    const helper = open.router.chat.completions.stream({ model, messages });
    const final = await helper.finalChatCompletion();
    expect(callRecord(helper)).toMatchObject(streamed);
    expect(callRecord(final)).toBe(callRecord(helper));
  });

  it('of a stream helper, and of its final result: responses', async () => {
    using open = openRouter();
    const helper = open.router.responses.stream({ model, input: 'Hi' });
    const final = await helper.finalResponse();
    expect(callRecord(helper)).toMatchObject({ deployment: 'second', providerUsage: final.usage });
    expect(callRecord(final)).toBe(callRecord(helper));
  });

  it.each([false, true])(
    'of each completion of runTools, and of its runner the last one, stream: %s',
    async (stream) => {
      using open = openRouter({
        first: fail(503),
        second: ({ body }) =>
          JSON.stringify(body).includes('"role":"tool"')
            ? answer('It is sunny.')
            : answer({ toolCalls: [{ name: 'weather', arguments: {} }] }),
      });
      const tool = {
        type: 'function' as const,
        function: { name: 'weather', description: '', parameters: {}, function: () => 'sunny' },
      };
      const { completions } = open.router.chat;
      const runner = stream
        ? completions.runTools({ model, messages, tools: [tool], stream })
        : completions.runTools({ model, messages, tools: [tool] });
      const final = await runner.finalChatCompletion();
      const [first, second] = runner.allChatCompletions().map(callRecord);
      expect(first).toMatchObject({ deployment: 'second', attempts: [{}, {}] });
      expect(second).toMatchObject({ deployment: 'second' });
      expect(second).not.toBe(first);
      expect(callRecord(final)).toBe(second);
      expect(callRecord(runner)).toBe(second);
    },
  );

  it('of an error, of the promise that rejected with it, and of the helper that reported it', async () => {
    using open = openRouter({ first: fail(503), second: fail(400) });
    const { completions } = open.router.chat;
    const call = completions.create({ model, messages });
    const error = await call.catch((thrown: unknown) => thrown);
    expect(callRecord(error)).toMatchObject({
      attempts: [{ outcome: 'server-error' }, { outcome: 'caller-error', status: 400 }],
      usage: null,
      deployment: 'second',
    });
    expect(callRecord(call)).toBe(callRecord(error));
    const helper = completions.stream({ model, messages });
    const met = await helper.done().catch((thrown: unknown) => thrown);
    expect(callRecord(met)).toMatchObject({ attempts: [{}, { outcome: 'caller-error' }] });
    expect(callRecord(helper)).toBe(callRecord(met));
  });

  it('of bytes', async () => {
    using open = openRouter();
    const call = open.router.audio.speech.create({ model, input: 'Hi', voice: 'alloy' });
    const response = await call;
    expect(callRecord(response)).toMatchObject({ deployment: 'second', attempts: [{}, { outcome: 'success' }] });
    expect(callRecord(call)).toBe(callRecord(response));
  });

  it('of text', async () => {
    using open = openRouter();
    const file = new File(['sound'], 'sound.wav');
    const call = open.router.audio.transcriptions.create({ model, file, response_format: 'text' });
    expect(await call).toContain('This is an answer of second.');
    expect(callRecord(call)).toMatchObject({ deployment: 'second', attempts: [{}, { outcome: 'success' }] });
  });

  it('of two answers with equal content: each has its own', async () => {
    using open = openRouter();
    const [first, second] = [
      await open.router.chat.completions.create({ model, messages }),
      await open.router.chat.completions.create({ model, messages }),
    ];
    expect(callRecord(first)?.id).not.toBe(callRecord(second)?.id);
  });

  it('is undefined for objects that the router did not return, or did not route', async () => {
    using open = openRouter();
    const page = open.router.models.list();
    await page;
    for (const other of [page, await page, {}, { id: 'chatcmpl-1' }, null, undefined, 'text', 7, new Error('no')]) {
      expect(callRecord(other)).toBeUndefined();
    }
  });
});

describe('the properties of the client', () => {
  const options = {
    apiKey: 'sk-own-0123456789',
    baseURL,
    organization: 'org',
    project: 'proj',
    webhookSecret: 'whsec',
  };

  it('are own ones, so that a spread copies them', () => {
    const plain = new OpenAI(options);
    const router = new ModelRouter(options);
    for (const each of [router, router.withOptions({ tenant: 'acme' })]) {
      expect(Object.keys(each)).toEqual(expect.arrayContaining(Object.keys(plain)));
      const copy = new OpenAI({ ...each });
      for (const name of ['apiKey', 'baseURL', 'organization', 'project', 'webhookSecret'] as const)
        expect(copy[name]).toBe(plain[name]);
    }
  });
});
