import { answer } from 'model-router/testing';
import { messages, weatherSchema, weatherTool } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { collect } from '../../helpers/parity-observe.js';
import { describeParity } from '../../helpers/parity-suite.js';

const schemaFormat = {
  type: 'json_schema' as const,
  json_schema: { name: 'weather', schema: weatherSchema, strict: true },
};

const plainCalls: ParityCase[] = [
  {
    name: 'create',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages }),
  },
  {
    name: 'create with every sampling parameter',
    run: (client, { m }) =>
      client.chat.completions.create({
        model: m('chat'),
        messages,
        temperature: 0.2,
        top_p: 0.9,
        seed: 7,
        stop: ['END'],
        max_completion_tokens: 50,
        frequency_penalty: 0.1,
        presence_penalty: -0.1,
        logit_bias: { '50256': -100 },
        user: 'somebody',
        metadata: { a: '1' },
        parallel_tool_calls: false,
      }),
  },
  {
    name: 'create with a field that the SDK does not know',
    run: (client, { m }) => {
      const body = { model: m('chat'), messages, enable_thinking: false, extra: { nested: [1, null] } };
      return client.chat.completions.create(body);
    },
  },
  {
    name: 'create with n = 2',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages, n: 2 }),
  },
  {
    name: 'create with logprobs',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages, logprobs: true }),
  },
  {
    name: 'create with JSON mode',
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('chat'), messages, response_format: { type: 'json_object' } }),
  },
  {
    name: 'create with json_schema',
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('chat'), messages, response_format: schemaFormat }),
  },
  {
    name: 'create with tools',
    run: (client, { m }) => client.chat.completions.create({ model: m('tools'), messages, tools: [weatherTool] }),
  },
  {
    name: 'create with a required tool',
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('chat'), messages, tools: [weatherTool], tool_choice: 'required' }),
  },
  {
    name: 'create with the answer of a tool',
    run: (client, { m }) =>
      client.chat.completions.create({
        model: m('tools'),
        tools: [weatherTool],
        messages: [
          ...messages,
          {
            role: 'assistant',
            tool_calls: [{ id: 'call_1', type: 'function', function: { name: 'weather', arguments: '{}' } }],
          },
          { role: 'tool', tool_call_id: 'call_1', content: 'sunny' },
        ],
      }),
  },
  {
    name: 'create with a picture',
    run: (client, { m }) =>
      client.chat.completions.create({
        model: m('chat'),
        messages: [
          {
            role: 'user',
            content: [
              { type: 'text', text: 'What is this?' },
              { type: 'image_url', image_url: { url: 'data:image/png;base64,AAAA' } },
            ],
          },
        ],
      }),
  },
  {
    name: 'create, refused by the model',
    run: (client, { m }) => client.chat.completions.create({ model: m('refuser'), messages }),
  },
  {
    name: 'create, with thoughts that only this provider has',
    run: (client, { m }) => client.chat.completions.create({ model: m('thinker'), messages }),
  },
  {
    name: "create, with the provider's own usage fields",
    run: (client, { m }) => client.chat.completions.create({ model: m('cached'), messages }),
  },
  {
    name: 'create, cut at its length',
    run: (client, { m }) => client.chat.completions.create({ model: m('short'), messages }),
  },
  {
    name: 'create, without usage',
    models: { uncounted: answer({ usage: false }) },
    run: (client, { m }) => client.chat.completions.create({ model: m('uncounted'), messages }),
  },
];

const streams: ParityCase[] = [
  {
    name: 'stream',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages, stream: true }),
  },
  {
    name: 'stream with usage',
    run: (client, { m }) =>
      client.chat.completions.create({
        model: m('chat'),
        messages,
        stream: true,
        stream_options: { include_usage: true },
      }),
  },
  {
    name: 'stream with n = 2',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages, n: 2, stream: true }),
  },
  {
    name: 'stream with logprobs',
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('chat'), messages, logprobs: true, stream: true }),
  },
  {
    name: 'stream with tools',
    run: (client, { m }) =>
      client.chat.completions.create({ model: m('tools'), messages, tools: [weatherTool], stream: true }),
  },
  {
    name: 'stream of a refusal',
    run: (client, { m }) => client.chat.completions.create({ model: m('refuser'), messages, stream: true }),
  },
  {
    name: 'stream with thoughts',
    run: (client, { m }) => client.chat.completions.create({ model: m('thinker'), messages, stream: true }),
  },
  {
    name: 'stream with a pause between its pieces',
    models: { slow: answer({ content: 'one two three', chunks: ['one ', 'two ', 'three'], chunkMs: 5 }) },
    run: (client, { m }) => client.chat.completions.create({ model: m('slow'), messages, stream: true }),
  },
  {
    name: 'stream without a word, only its end',
    models: { mute: answer({ content: '' }) },
    run: (client, { m }) => client.chat.completions.create({ model: m('mute'), messages, stream: true }),
  },
  {
    name: 'stream: false',
    run: (client, { m }) => client.chat.completions.create({ model: m('chat'), messages, stream: false }),
  },
];

const stored: ParityCase[] = [
  {
    name: 'stored: retrieve',
    run: async (client, { m }) => {
      const { id } = await client.chat.completions.create({ model: m('chat'), messages, store: true });
      return client.chat.completions.retrieve(id);
    },
  },
  {
    name: 'stored: update',
    run: async (client, { m }) => {
      const { id } = await client.chat.completions.create({ model: m('chat'), messages, store: true });
      return client.chat.completions.update(id, { metadata: { read: 'yes' } });
    },
  },
  {
    name: 'stored: list, page by page',
    run: async (client, { m }) => {
      for (let i = 0; i < 3; i++) await client.chat.completions.create({ model: m('chat'), messages, store: true });
      return collect(client.chat.completions.list({ limit: 2 }));
    },
  },
  {
    name: 'stored: messages',
    run: async (client, { m }) => {
      const { id } = await client.chat.completions.create({ model: m('chat'), messages, store: true });
      return client.chat.completions.messages.list(id);
    },
  },
  {
    name: 'stored: delete, and then it is gone',
    run: async (client, { m }) => {
      const { id } = await client.chat.completions.create({ model: m('chat'), messages, store: true });
      const deleted = await client.chat.completions.delete(id);
      return [deleted, await client.chat.completions.retrieve(id).catch((error: unknown) => error)];
    },
  },
];

describeParity('chat.completions', [...plainCalls, ...streams, ...stored]);
