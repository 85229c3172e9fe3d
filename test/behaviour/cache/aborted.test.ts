import { callRecord } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';
import { APIUserAbortError, OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { messages, read, streamChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const slow = () => answer({ content: 'one two three four five six', chunks: 6, chunkMs: 10 });
const use = (holder: unknown) => callRecord(holder)?.cache;

/** A plain client, and a router that answers with a miss, a joined call and a replay. */
const ways: [string, () => Promise<OpenAI>][] = [
  [
    'plain',
    async () =>
      new OpenAI({ apiKey: 'k', baseURL: 'https://a.test/v1', fetch: fakeFetch({ models: { standard: slow() } }) }),
  ],
  ['miss', async () => build({ a: slow() }, { cache: true }).router],
  [
    'joined',
    async () => {
      const { router } = build({ a: slow() }, { cache: true });
      void streamChat(router).then(read);
      void router.responses
        .create({ model: 'standard', input: 'Hi', store: false, stream: true })
        .then(async (stream) => {
          for await (const _ of stream);
        });
      await pass(0);
      return router;
    },
  ],
  [
    'hit',
    async () => {
      const { router } = build({ a: slow() }, { cache: true });
      await settled(streamChat(router).then(read));
      await settled(router.responses.create({ model: 'standard', input: 'Hi', store: false }));
      return router;
    },
  ],
];

describe.each(ways)('an abort has the same effect as on a plain client: %s', (name, clientOf) => {
  const check = (stream: unknown) => name === 'plain' || expect(use(stream)).toBe(name);

  it('by the signal, while it is read', async () => {
    const client = await clientOf();
    const { signal, abort } = abortable();
    const stream = await streamChat(client, 'standard', { signal });
    check(stream);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    abort();
    const { value, error } = await settled(iterator.next());
    expect([value?.done, error, stream.controller.signal.aborted]).toEqual([true, undefined, true]);
  });

  it('by the signal, before it is read', async () => {
    const client = await clientOf();
    const { signal, abort } = abortable();
    const stream = await streamChat(client, 'standard', { signal });
    abort();
    expect(stream.controller.signal.aborted).toBe(true);
    const { value } = await settled(read(stream));
    expect(value).toEqual({ chunks: [], text: '', error: undefined });
  });

  it('by break', async () => {
    const client = await clientOf();
    const stream = await streamChat(client);
    for await (const _ of stream) break;
    expect(stream.controller.signal.aborted).toBe(true);
  });

  it('has no effect once everything has been read', async () => {
    const client = await clientOf();
    const stream = await streamChat(client);
    const { value } = await settled(read(stream));
    expect([value?.text, stream.controller.signal.aborted]).toEqual(['one two three four five six', false]);
  });

  it('through the stream helper for chats', async () => {
    const client = await clientOf();
    const stream = client.chat.completions.stream({ model: 'standard', messages });
    let aborts = 0;
    stream.on('abort', () => {
      aborts++;
    });
    stream.on('chunk', () => stream.abort());
    const { error } = await settled(stream.finalChatCompletion());
    expect(error).toBeInstanceOf(APIUserAbortError);
    expect(aborts).toBe(1);
  });

  it('through the stream helper for responses', async () => {
    const client = await clientOf();
    const stream = client.responses.stream({ model: 'standard', input: 'Hi', store: false });
    stream.on('event', ({ type }) => {
      if (type === 'response.output_text.delta') stream.abort();
    });
    const { error } = await settled(stream.finalResponse());
    expect(error).toBeInstanceOf(APIUserAbortError);
  });
});

function abortable(): { signal: AbortSignal; abort: () => void } {
  const controller = new AbortController();
  return { signal: controller.signal, abort: () => controller.abort() };
}
