import { answer, fail } from 'model-router/testing';
import { Stream } from 'openai/streaming';
import { messages } from '../../helpers/parity-bodies.js';
import type { ParityCase } from '../../helpers/parity-case.js';
import { collect } from '../../helpers/parity-observe.js';
import { describeParity } from '../../helpers/parity-suite.js';

const endless = answer({ content: 'a b c d e f', chunks: ['a ', 'b ', 'c ', 'd ', 'e ', 'f'], chunkMs: 30 });
const models = { endless };
const input = 'Hello';

const reading: ParityCase[] = [
  {
    name: 'tee, both read at once',
    run: async (client, { m }) => {
      const [left, right] = (await client.chat.completions.create({ model: m('chat'), messages, stream: true })).tee();
      return Promise.all([collect(left), collect(right)]);
    },
  },
  {
    name: 'tee, one read after the other',
    run: async (client, { m }) => {
      const [left, right] = (await client.responses.create({ model: m('chat'), input, stream: true })).tee();
      return [await collect(left), await collect(right)];
    },
  },
  {
    name: 'toReadableStream',
    run: async (client, { m }) =>
      (await client.chat.completions.create({ model: m('chat'), messages, stream: true })).toReadableStream(),
  },
  {
    name: 'toReadableStream, and back',
    run: async (client, { m }) => {
      const stream = await client.completions.create({ model: m('chat'), prompt: 'Once', stream: true });
      return collect(Stream.fromReadableStream(stream.toReadableStream(), new AbortController()));
    },
  },
  {
    name: 'toReadableStream, cancelled',
    models,
    run: async (client, { m }) => {
      const stream = await client.chat.completions.create({ model: m('endless'), messages, stream: true });
      const reader = stream.toReadableStream().getReader();
      await reader.read();
      await reader.cancel();
      return stream.controller.signal.aborted;
    },
  },
  {
    name: 'the iterator by hand',
    run: async (client, { m }) => {
      const stream = await client.chat.completions.create({ model: m('chat'), messages, stream: true });
      const iterator = stream[Symbol.asyncIterator]();
      const results: unknown[] = [];
      for (;;) {
        const result = await iterator.next();
        results.push(result);
        if (result.done) return [results, await iterator.next()];
      }
    },
  },
  {
    name: 'two chunks asked for at once',
    run: async (client, { m }) => {
      const stream = await client.responses.create({ model: m('chat'), input, stream: true });
      const iterator = stream[Symbol.asyncIterator]();
      return Promise.all(Array.from({ length: 12 }, () => iterator.next()));
    },
  },
  {
    name: 'a first look, and the rest from the same iterator: chat',
    run: async (client, { m }) =>
      readOn(await client.chat.completions.create({ model: m('chat'), messages, stream: true })),
  },
  {
    name: 'a first look, and the rest from the same iterator: responses',
    run: async (client, { m }) => readOn(await client.responses.create({ model: m('chat'), input, stream: true })),
  },
  {
    name: 'a first look, and the rest from the same iterator: completions',
    run: async (client, { m }) =>
      readOn(await client.completions.create({ model: m('chat'), prompt: 'Once', stream: true })),
  },
  {
    name: 'read twice: chat',
    run: async (client, { m }) => {
      const stream = await client.chat.completions.create({ model: m('chat'), messages, stream: true });
      return [await collect(stream), await collect(stream).catch((error: unknown) => error)];
    },
  },
  {
    name: 'read twice: responses',
    run: async (client, { m }) => {
      const stream = await client.responses.create({ model: m('chat'), input, stream: true });
      return [await collect(stream), await collect(stream).catch((error: unknown) => error)];
    },
  },
  {
    name: 'a retrieved stream read twice',
    run: async (client, { m }) => {
      const { id } = await client.responses.create({ model: m('chat'), input });
      const stream = await client.responses.retrieve(id, { stream: true });
      return [await collect(stream), await collect(stream).catch((error: unknown) => error)];
    },
  },
];

/** Reads the first chunk from an iterator, and the rest in a loop over it, because the SDK's iterators are iterable. */
async function readOn(stream: AsyncIterable<unknown>): Promise<unknown[]> {
  const iterator: unknown = stream[Symbol.asyncIterator]();
  if (!isAsyncGenerator(iterator)) return [typeof iterator, 'cannot be iterated'];
  return [await iterator.next(), await collect(iterator)];
}

function isAsyncGenerator(value: unknown): value is AsyncIterableIterator<unknown> {
  return typeof value === 'object' && value !== null && Symbol.asyncIterator in value;
}

const leaving: ParityCase[] = [
  {
    name: 'break after the first chunk: chat',
    models,
    run: async (client, { m }) => {
      const stream = await client.chat.completions.create({ model: m('endless'), messages, stream: true });
      const chunks: unknown[] = [];
      for await (const chunk of stream) {
        chunks.push(chunk);
        break;
      }
      return [chunks, stream.controller.signal.aborted];
    },
  },
  {
    name: 'break after the first chunk: responses',
    models,
    run: async (client, { m }) => {
      const stream = await client.responses.create({ model: m('endless'), input, stream: true });
      for await (const event of stream) if (event.type === 'response.output_text.delta') break;
      return stream.controller.signal.aborted;
    },
  },
  {
    name: 'a loop that throws',
    models,
    run: async (client, { m }) => {
      const stream = await client.chat.completions.create({ model: m('endless'), messages, stream: true });
      for await (const chunk of stream) if (chunk.choices[0]?.delta.content) throw new RangeError('enough');
    },
  },
  {
    name: 'break, and then read on',
    models,
    run: async (client, { m }) => {
      const stream = await client.responses.create({ model: m('endless'), input, stream: true });
      for await (const _ of stream) break;
      return collect(stream);
    },
  },
  {
    name: 'return in mid-stream, by hand',
    models,
    run: async (client, { m }) => {
      const stream = await client.chat.completions.create({ model: m('endless'), messages, stream: true });
      const iterator = stream[Symbol.asyncIterator]();
      await iterator.next();
      const returned = await iterator.return?.();
      return [returned, await iterator.next()];
    },
  },
  {
    name: 'controller.abort() in mid-stream',
    models,
    run: async (client, { m }) => {
      const stream = await client.chat.completions.create({ model: m('endless'), messages, stream: true });
      let text = '';
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        if (text !== '') stream.controller.abort();
      }
      return [text, stream.controller.signal.aborted];
    },
  },
  {
    name: 'controller.abort() before anything was read',
    models,
    run: async (client, { m }) => {
      const stream = await client.chat.completions.create({ model: m('endless'), messages, stream: true });
      stream.controller.abort();
      return (await collect(stream)).length === 0;
    },
  },
  {
    name: 'a signal aborted in mid-stream: chat',
    models,
    run: async (client, { m }) => {
      const controller = new AbortController();
      const stream = await client.chat.completions.create(
        { model: m('endless'), messages, stream: true },
        { signal: controller.signal },
      );
      let text = '';
      for await (const chunk of stream) {
        text += chunk.choices[0]?.delta.content ?? '';
        if (text !== '') controller.abort();
      }
      return [text, stream.controller.signal.aborted];
    },
  },
  {
    name: 'a signal aborted in mid-stream, with a reason: responses',
    models,
    run: async (client, { m }) => {
      const controller = new AbortController();
      const stream = await client.responses.create(
        { model: m('endless'), input, stream: true },
        { signal: controller.signal },
      );
      for await (const event of stream)
        if (event.type === 'response.output_text.delta') controller.abort(new RangeError('enough'));
      return stream.controller.signal.aborted;
    },
  },
  {
    name: 'a stream that is refused before it begins',
    models: { refused: fail(400, { message: 'No.', code: 'nope' }) },
    run: (client, { m }) => client.chat.completions.create({ model: m('refused'), messages, stream: true }),
  },
];

describeParity('reading a stream', reading);
describeParity('leaving a stream', leaving);
