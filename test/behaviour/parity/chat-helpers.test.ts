import { answer } from 'model-router/testing';
import { zodFunction, zodResponseFormat } from 'openai/helpers/zod';
import { ChatCompletionStream } from 'openai/lib/ChatCompletionStream';
import { z } from 'zod';
import { messages, Weather, weatherTool } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { eventsOf, streamEvents } from '../../helpers/parity-events.js';
import { collect } from '../../helpers/parity-observe.js';
import { describeParity } from '../../helpers/parity-suite.js';

const response_format = zodResponseFormat(Weather, 'weather');

const parse: ParityCase[] = [
  {
    name: 'parse with zod',
    run: (client, { m }) => client.chat.completions.parse({ model: m('chat'), messages, response_format }),
  },
  {
    name: 'parse with a zod function',
    run: (client, { m }) =>
      client.chat.completions.parse({
        model: m('tools'),
        messages,
        tools: [zodFunction({ name: 'weather', parameters: z.object({ city: z.string() }) })],
      }),
  },
  {
    name: 'parse without a format',
    run: (client, { m }) => client.chat.completions.parse({ model: m('chat'), messages }),
  },
  {
    name: 'parse of what was cut at its length',
    run: (client, { m }) => client.chat.completions.parse({ model: m('short'), messages, response_format }),
  },
  {
    name: 'parse of what the filter stopped',
    models: { filtered: answer({ content: '', finishReason: 'content_filter' }) },
    run: (client, { m }) => client.chat.completions.parse({ model: m('filtered'), messages, response_format }),
  },
  {
    name: 'parse of a refusal',
    run: (client, { m }) => client.chat.completions.parse({ model: m('refuser'), messages, response_format }),
  },
  {
    name: 'parse of what does not fit the schema',
    models: { wrong: answer({ content: '{"city": 5}' }) },
    run: (client, { m }) => client.chat.completions.parse({ model: m('wrong'), messages, response_format }),
  },
  {
    name: 'parse withResponse',
    run: async (client, { m }) => {
      const call = client.chat.completions.parse({ model: m('chat'), messages, response_format });
      const { data, request_id } = await call.withResponse();
      return [data, request_id];
    },
  },
];

const streamHelper: ParityCase[] = [
  {
    name: 'stream(): every event, and finalChatCompletion',
    run: async (client, { m }) => {
      const stream = client.chat.completions.stream({
        model: m('chat'),
        messages,
        stream_options: { include_usage: true },
      });
      const events = eventsOf(stream, streamEvents);
      const final = await stream.finalChatCompletion();
      await stream.done();
      return { final, events, totalUsage: await stream.totalUsage() };
    },
  },
  {
    name: 'stream() with zod',
    run: async (client, { m }) => {
      const stream = client.chat.completions.stream({ model: m('chat'), messages, response_format });
      const events = eventsOf(stream, ['content.delta', 'content.done']);
      return { final: await stream.finalChatCompletion(), events };
    },
  },
  {
    name: 'stream() with tools',
    run: async (client, { m }) => {
      const stream = client.chat.completions.stream({ model: m('tools'), messages, tools: [weatherTool] });
      const events = eventsOf(stream, streamEvents);
      return { message: await stream.finalMessage(), call: await stream.finalFunctionToolCall(), events };
    },
  },
  {
    name: 'stream() with logprobs',
    run: async (client, { m }) => {
      const stream = client.chat.completions.stream({ model: m('chat'), messages, logprobs: true });
      const events = eventsOf(stream, ['logprobs.content.delta', 'logprobs.content.done']);
      return { final: await stream.finalChatCompletion(), events };
    },
  },
  {
    name: 'stream() of a refusal',
    run: async (client, { m }) => {
      const stream = client.chat.completions.stream({ model: m('refuser'), messages });
      const events = eventsOf(stream, ['refusal.delta', 'refusal.done']);
      return { final: await stream.finalChatCompletion(), events };
    },
  },
  {
    name: 'stream(), read as chunks',
    run: (client, { m }) => collect(client.chat.completions.stream({ model: m('chat'), messages })),
  },
  {
    name: 'stream().finalContent()',
    run: (client, { m }) => client.chat.completions.stream({ model: m('chat'), messages }).finalContent(),
  },
  {
    name: 'stream().toReadableStream(), and back',
    run: (client, { m }) => {
      const readable = client.chat.completions.stream({ model: m('chat'), messages }).toReadableStream();
      return ChatCompletionStream.fromReadableStream(readable).finalChatCompletion();
    },
  },
  {
    name: 'stream() of a model that does not exist',
    run: async (client) => {
      const stream = client.chat.completions.stream({ model: 'nobody', messages });
      const events = eventsOf(stream, streamEvents);
      const error = await stream.finalChatCompletion().catch((thrown: unknown) => thrown);
      return { error, events, errored: stream.errored, aborted: stream.aborted, ended: stream.ended };
    },
  },
  {
    name: 'stream().abort() after the first chunk',
    models: { endless: answer({ chunks: 50, chunkMs: 20 }) },
    run: async (client, { m }) => {
      const stream = client.chat.completions.stream({ model: m('endless'), messages });
      stream.once('chunk', () => stream.abort());
      const error = await stream.done().catch((thrown: unknown) => thrown);
      return { error, errored: stream.errored, aborted: stream.aborted, ended: stream.ended };
    },
  },
];

describeParity('chat.completions.parse', parse);
describeParity('chat.completions.stream', streamHelper);
