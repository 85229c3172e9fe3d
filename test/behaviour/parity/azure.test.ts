import { ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';
import { AzureOpenAI, type OpenAI } from 'openai';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { messages, sound } from '../../helpers/parity-bodies.js';
import { API_KEY, usualModels } from '../../helpers/parity-clients.js';
import { collect, seen, view, viewError } from '../../helpers/parity-observe.js';
import { SDK } from '../../helpers/sdk.js';

type AzureOptions = ConstructorParameters<typeof AzureOpenAI>[0];

interface AzureCase {
  readonly name: string;
  readonly options?: AzureOptions;
  readonly run: (client: OpenAI, m: (model: string) => string) => PromiseLike<unknown>;
  /** SDK 6's Azure client loses its API version in `withOptions`, and throws. */
  readonly only?: 7;
}

const cases: AzureCase[] = [
  { name: 'chat', run: (client, m) => client.chat.completions.create({ model: m('chat'), messages }) },
  {
    name: 'chat stream',
    run: (client, m) => client.chat.completions.create({ model: m('chat'), messages, stream: true }),
  },
  {
    name: 'chat stream()',
    run: (client, m) => client.chat.completions.stream({ model: m('chat'), messages }).finalContent(),
  },
  { name: 'completions', run: (client, m) => client.completions.create({ model: m('chat'), prompt: 'Once' }) },
  {
    name: 'responses, which have no deployment in their path',
    run: (client, m) => client.responses.create({ model: m('chat') }),
  },
  { name: 'embeddings', run: (client, m) => client.embeddings.create({ model: m('embedder'), input: ['a', 'b'] }) },
  { name: 'images', run: (client, m) => client.images.generate({ model: m('painter'), prompt: 'A cat' }) },
  {
    name: 'speech',
    run: (client, m) => client.audio.speech.create({ model: m('speaker'), input: 'Hi', voice: 'alloy' }),
  },
  {
    name: 'transcriptions, whose model is told beside the form',
    run: async (client, m) => client.audio.transcriptions.create({ model: m('speaker'), file: await sound() }),
  },
  {
    name: 'a deployment of the client',
    options: { deployment: 'chat' },
    run: (client, m) => client.chat.completions.create({ model: m('whatever'), messages }),
  },
  {
    name: 'a model whose name needs escaping',
    run: (client, m) => client.chat.completions.create({ model: m('org/with slash'), messages }),
  },
  {
    name: 'a token provider in place of a key',
    options: { apiKey: undefined, azureADTokenProvider: async () => API_KEY },
    run: (client, m) => client.chat.completions.create({ model: m('chat'), messages }),
  },
  {
    name: 'headers and query of a call',
    options: { defaultQuery: { a: '1' }, defaultHeaders: { 'X-Team': 'red' } },
    run: (client, m) =>
      client.chat.completions.create(
        { model: m('chat'), messages },
        { headers: { 'X-Tag': 'call' }, query: { b: '2' } },
      ),
  },
  { name: 'models', run: (client) => collect(client.models.list()) },
  { name: 'an upload', run: async (client) => client.files.create({ file: await sound(), purpose: 'assistants' }) },
  {
    name: 'a deployment that does not exist',
    run: (client, m) => client.chat.completions.create({ model: m('x'), messages }),
  },
  { name: 'an error', run: (client, m) => client.chat.completions.create({ model: m('failing'), messages }) },
  {
    name: 'an error that passes, with maxRetries',
    run: (client, m) => client.chat.completions.create({ model: m('shaky'), messages }, { maxRetries: 1 }),
  },
  {
    name: 'withOptions',
    only: 7,
    run: (client, m) => client.withOptions({ timeout: 5000 }).chat.completions.create({ model: m('chat'), messages }),
  },
  {
    name: 'withOptions, an unrouted call',
    only: 7,
    run: (client) => client.withOptions({ timeout: 5000 }).models.list(),
  },
];

const models = {
  ...usualModels,
  failing: fail(400, { code: 'nope', message: 'No.' }),
  shaky: [fail(503, { headers: { 'retry-after-ms': '1' } }), answer()],
};
const names = Object.keys(models);

/** The Azure client itself, a router of this one client, and a router whose routes rename its deployments. */
const kinds = {
  plain: (azure: AzureOpenAI): OpenAI => azure,
  'a router': (azure: AzureOpenAI) =>
    new ModelRouter({ clients: { default: azure }, logLevel: 'off', maxRetries: 0, random: () => 0.5 }),
  'a router with routes': (azure: AzureOpenAI) =>
    new ModelRouter({
      clients: { default: azure },
      deployments: Object.fromEntries(names.map((model) => [`deployment-${model}`, { model }])),
      routes: Object.fromEntries(names.map((model) => [`route-${model}`, [`deployment-${model}`]])),
      logLevel: 'off',
      maxRetries: 0,
      random: () => 0.5,
    }),
};

async function outcomeOf({ options, run }: AzureCase, kind: keyof typeof kinds): Promise<unknown> {
  await using fake = await startFakeProvider({
    name: 'same',
    random: () => 0.5,
    apiKeys: { key: API_KEY },
    models,
  });
  const azure = new AzureOpenAI({
    endpoint: new URL(fake.url).origin,
    apiVersion: '2025-01-01',
    apiKey: API_KEY,
    maxRetries: 0,
    logLevel: 'off',
    ...options,
  });
  const client = kinds[kind](azure);
  const m = (model: string) => (kind === 'a router with routes' && names.includes(model) ? `route-${model}` : model);
  try {
    const result = await view(await run(client, m));
    return { result, requests: fake.requests.map(seen) };
  } catch (error) {
    return { error: await viewError(error), requests: fake.requests.map(seen) };
  } finally {
    if (client instanceof ModelRouter) client.close();
  }
}

describe('an AzureOpenAI as the only client of a router', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 21) });
    vi.stubEnv('OPENAI_API_VERSION', undefined);
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  describe.each(['a router', 'a router with routes'] as const)('in %s', (kind) => {
    it.each(cases.filter(({ only }) => only === undefined || only === SDK))('$name', async (each) => {
      const plain = await outcomeOf(each, 'plain');
      expect(await outcomeOf(each, kind)).toStrictEqual(plain);
    });
  });
});
