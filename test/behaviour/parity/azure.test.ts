import { ModelRouter } from 'model-router';
import { fail, startFakeProvider } from 'model-router/testing';
import { AzureOpenAI, type OpenAI } from 'openai';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { messages, sound } from '../../helpers/parity-bodies.js';
import { API_KEY, usualModels } from '../../helpers/parity-clients.js';
import { collect, seen, view, viewError } from '../../helpers/parity-observe.js';
import { SDK } from '../../helpers/parity-suite.js';

type AzureOptions = ConstructorParameters<typeof AzureOpenAI>[0];

interface AzureCase {
  readonly name: string;
  readonly options?: AzureOptions;
  readonly run: (client: OpenAI) => PromiseLike<unknown>;
  /** An Azure client of SDK 6 forgets its API version in `withOptions`, and throws. */
  readonly only?: 7;
}

const model = 'chat';

const cases: AzureCase[] = [
  { name: 'chat', run: (client) => client.chat.completions.create({ model, messages }) },
  { name: 'chat stream', run: (client) => client.chat.completions.create({ model, messages, stream: true }) },
  { name: 'chat stream()', run: (client) => client.chat.completions.stream({ model, messages }).finalContent() },
  { name: 'completions', run: (client) => client.completions.create({ model, prompt: 'Once' }) },
  { name: 'responses, which have no deployment in their path', run: (client) => client.responses.create({ model }) },
  { name: 'embeddings', run: (client) => client.embeddings.create({ model: 'embedder', input: ['a', 'b'] }) },
  { name: 'images', run: (client) => client.images.generate({ model: 'painter', prompt: 'A cat' }) },
  { name: 'speech', run: (client) => client.audio.speech.create({ model: 'speaker', input: 'Hi', voice: 'alloy' }) },
  {
    name: 'transcriptions, whose model is told beside the form',
    run: async (client) => client.audio.transcriptions.create({ model: 'speaker', file: await sound() }),
  },
  {
    name: 'a deployment of the client',
    options: { deployment: 'chat' },
    run: (client) => client.chat.completions.create({ model: 'whatever', messages }),
  },
  {
    name: 'a model whose name needs escaping',
    run: (client) => client.chat.completions.create({ model: 'org/with slash', messages }),
  },
  {
    name: 'a token provider in place of a key',
    options: { apiKey: undefined, azureADTokenProvider: async () => API_KEY },
    run: (client) => client.chat.completions.create({ model, messages }),
  },
  {
    name: 'headers and query of a call',
    options: { defaultQuery: { a: '1' }, defaultHeaders: { 'X-Team': 'red' } },
    run: (client) =>
      client.chat.completions.create({ model, messages }, { headers: { 'X-Tag': 'call' }, query: { b: '2' } }),
  },
  { name: 'models', run: (client) => collect(client.models.list()) },
  { name: 'an upload', run: async (client) => client.files.create({ file: await sound(), purpose: 'assistants' }) },
  {
    name: 'a deployment that does not exist',
    run: (client) => client.chat.completions.create({ model: 'x', messages }),
  },
  { name: 'an error', run: (client) => client.chat.completions.create({ model: 'failing', messages }) },
  {
    name: 'an error that passes, with maxRetries',
    run: (client) => client.chat.completions.create({ model: 'shaky', messages }, { maxRetries: 1 }),
  },
  {
    name: 'withOptions',
    only: 7,
    run: (client) => client.withOptions({ timeout: 5000 }).chat.completions.create({ model, messages }),
  },
  {
    name: 'withOptions, an unrouted call',
    only: 7,
    run: (client) => client.withOptions({ timeout: 5000 }).models.list(),
  },
];

const kinds: Record<string, (azure: AzureOpenAI) => OpenAI> = {
  plain: (azure) => azure,
  router: (azure) =>
    new ModelRouter({ clients: { default: azure }, logLevel: 'off', maxRetries: 0, random: () => 0.5 }),
};

/** The same call on the Azure client itself, or through a router that has it as its one client. */
async function outcomeOf({ options, run }: AzureCase, kind: 'plain' | 'router'): Promise<unknown> {
  await using fake = await startFakeProvider({
    name: 'same',
    random: () => 0.5,
    apiKeys: { key: API_KEY },
    models: {
      ...usualModels,
      failing: fail(400, { code: 'nope', message: 'No.' }),
      shaky: [fail(503, { headers: { 'retry-after-ms': '1' } }), { type: 'answer' }],
    },
  });
  const azure = new AzureOpenAI({
    endpoint: new URL(fake.url).origin,
    apiVersion: '2025-01-01',
    apiKey: API_KEY,
    maxRetries: 0,
    logLevel: 'off',
    ...options,
  });
  const client = kinds[kind]?.(azure) ?? azure;
  try {
    const result = await view(await run(client));
    return { result, requests: fake.requests.map(seen) };
  } catch (error) {
    return { error: await viewError(error), requests: fake.requests.map(seen) };
  } finally {
    if (client instanceof ModelRouter) client.close();
  }
}

describe('an AzureOpenAI as the one client of a router', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) });
    vi.stubEnv('OPENAI_API_VERSION', undefined);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it.each(cases.filter(({ only }) => only === undefined || only === SDK))('$name', async (each) => {
    const plain = await outcomeOf(each, 'plain');
    expect(await outcomeOf(each, 'router')).toStrictEqual(plain);
  });
});
