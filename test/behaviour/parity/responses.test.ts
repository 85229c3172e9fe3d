import { answer } from 'model-router/testing';
import { zodResponsesFunction, zodTextFormat } from 'openai/helpers/zod';
import { expect } from 'vitest';
import { z } from 'zod';
import { Weather, weatherTool } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { baseEvents, eventsOf } from '../../helpers/parity-events.js';
import { collect } from '../../helpers/parity-observe.js';
import { describeParity } from '../../helpers/parity-suite.js';

const input = 'What is the weather in Bern?';
const format = zodTextFormat(Weather, 'weather');
const tool = { type: 'function' as const, strict: true, ...weatherTool.function };

const created: ParityCase[] = [
  { name: 'create', run: (client, { m }) => client.responses.create({ model: m('chat'), input }) },
  {
    name: 'create with instructions, items and metadata',
    run: (client, { m }) =>
      client.responses.create({
        model: m('chat'),
        instructions: 'Be terse.',
        input: [{ role: 'user', content: [{ type: 'input_text', text: input }] }],
        metadata: { a: '1' },
        store: false,
        max_output_tokens: 100,
      }),
  },
  {
    name: 'create with tools',
    run: (client, { m }) => client.responses.create({ model: m('tools'), input, tools: [tool] }),
  },
  { name: 'create with thoughts', run: (client, { m }) => client.responses.create({ model: m('thinker'), input }) },
  {
    name: 'create, refused by the model',
    run: (client, { m }) => client.responses.create({ model: m('refuser'), input }),
  },
  {
    name: 'create, cut at its length',
    run: (client, { m }) => client.responses.create({ model: m('short'), input }),
  },
  {
    name: 'create after another one',
    run: async (client, { m }) => {
      const { id } = await client.responses.create({ model: m('chat'), input });
      return client.responses.create({ model: m('chat'), input: 'And tomorrow?', previous_response_id: id });
    },
  },
  {
    name: 'create after one that nobody knows',
    run: (client, { m }) => client.responses.create({ model: m('chat'), input, previous_response_id: 'resp_nobody' }),
  },
  {
    name: 'create in a conversation',
    run: async (client, { m }) => {
      const { id } = await client.conversations.create({});
      await client.responses.create({ model: m('chat'), input, conversation: id });
      return collect(client.conversations.items.list(id));
    },
  },
];

const streamed: ParityCase[] = [
  { name: 'stream', run: (client, { m }) => client.responses.create({ model: m('chat'), input, stream: true }) },
  {
    name: 'stream with tools',
    run: (client, { m }) => client.responses.create({ model: m('tools'), input, tools: [tool], stream: true }),
  },
  {
    name: 'stream with thoughts',
    run: (client, { m }) => client.responses.create({ model: m('thinker'), input, stream: true }),
  },
  {
    name: 'stream, cut at its length',
    run: (client, { m }) => client.responses.create({ model: m('short'), input, stream: true }),
  },
  {
    name: 'stream(): every event, and finalResponse',
    run: async (client, { m }) => {
      const stream = client.responses.stream({ model: m('chat'), input });
      const events = eventsOf(stream, [
        ...baseEvents,
        'event',
        'response.created',
        'response.output_text.delta',
        'response.output_text.done',
        'response.completed',
      ]);
      const final = await stream.finalResponse();
      await stream.done();
      return { final, events };
    },
  },
  {
    name: 'stream() with tools',
    run: (client, { m }) => client.responses.stream({ model: m('tools'), input, tools: [tool] }).finalResponse(),
  },
  {
    name: 'stream() with zod',
    run: (client, { m }) => client.responses.stream({ model: m('chat'), input, text: { format } }).finalResponse(),
  },
  {
    name: 'stream(), read as events',
    run: (client, { m }) => collect(client.responses.stream({ model: m('chat'), input })),
  },
  {
    name: 'stream() of a response that is there already',
    run: async (client, { m }) => {
      const { id } = await client.responses.create({ model: m('chat'), input });
      return client.responses.stream({ response_id: id }).finalResponse();
    },
  },
  {
    name: 'stream().abort() after the first event',
    models: { endless: answer({ chunks: 50, chunkMs: 20 }) },
    run: async (client, { m }) => {
      const stream = client.responses.stream({ model: m('endless'), input });
      stream.once('response.output_text.delta', () => stream.abort());
      const error = await stream.done().catch((thrown: unknown) => thrown);
      return { error, errored: stream.errored, aborted: stream.aborted, ended: stream.ended };
    },
  },
];

const kept: ParityCase[] = [
  {
    name: 'parse with zod',
    run: (client, { m }) => client.responses.parse({ model: m('chat'), input, text: { format } }),
  },
  {
    name: 'parse with a zod function',
    run: (client, { m }) =>
      client.responses.parse({
        model: m('tools'),
        input,
        tools: [zodResponsesFunction({ name: 'weather', parameters: z.object({ city: z.string() }) })],
      }),
  },
  {
    name: 'retrieve',
    run: async (client, { m }) => {
      const { id } = await client.responses.create({ model: m('chat'), input });
      return client.responses.retrieve(id, { include: ['file_search_call.results', 'message.input_image.image_url'] });
    },
  },
  {
    name: 'retrieve as a stream',
    run: async (client, { m }) => {
      const { id } = await client.responses.create({ model: m('chat'), input });
      return client.responses.retrieve(id, { stream: true });
    },
  },
  {
    name: 'retrieve what nobody knows',
    run: (client) => client.responses.retrieve('resp_nobody'),
  },
  {
    name: 'in the background: create, then retrieve',
    run: async (client, { m }) => {
      const queued = await client.responses.create({ model: m('chat'), input, background: true });
      return [queued, await client.responses.retrieve(queued.id)];
    },
  },
  {
    name: 'in the background: cancel',
    run: async (client, { m }) => {
      const { id } = await client.responses.create({ model: m('chat'), input, background: true });
      return client.responses.cancel(id);
    },
  },
  {
    name: 'delete, and then it is gone',
    run: async (client, { m }) => {
      const { id } = await client.responses.create({ model: m('chat'), input });
      const deleted = await client.responses.delete(id);
      return [deleted, await client.responses.retrieve(id).catch((error: unknown) => error)];
    },
  },
  {
    name: 'inputItems.list',
    run: async (client, { m }) => {
      const { id } = await client.responses.create({ model: m('chat'), input });
      const page = await client.responses.inputItems.list(id, { order: 'asc', limit: 1 });
      return [page, await collect(page)];
    },
  },
  {
    name: 'inputTokens.count',
    run: (client) => client.responses.inputTokens.count({ model: 'chat', input }),
  },
  {
    name: 'create that fails on the side of the server',
    differs: {
      why: 'a failure of the server in a 200 is a failure, and another deployment may be asked',
      to: (plain) => ({
        requests: plain.requests,
        error: {
          class: 'InternalServerError',
          name: 'Error',
          message: '500 The model failed to generate a response.',
          isOpenAIError: true,
          isAPIError: true,
          ...{ status: 500, code: 'server_error', param: undefined, type: undefined },
          ...{ requestID: expect.any(String), headers: expect.any(Object), cause: undefined },
          body: { code: 'server_error', message: 'The model failed to generate a response.' },
          keys: ['code', 'error', 'headers', 'param', 'requestID', 'status', 'type'],
        },
      }),
    },
    models: { broken: answer({ finishReason: 'error' }) },
    run: (client, { m }) => client.responses.create({ model: m('broken'), input }),
  },
];

describeParity('responses', created);
describeParity('responses, streamed', streamed);
describeParity('responses, parsed and kept', kept);
