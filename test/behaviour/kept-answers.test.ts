import { callRecord, ModelRouter, type RouterSettings, StreamInterruptedError } from 'model-router';
import { OpenAI } from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { content, done, event, finish, role } from '../helpers/event-streams.js';
import { collectUntil } from '../helpers/garbage.js';
import { collect } from '../helpers/messages.js';

type Messages = OpenAI.ChatCompletionMessageParam[];
type Keep = (client: OpenAI, messages: Messages) => Promise<unknown>;

const text = (delta: string, reason: string | null = null) =>
  event({ id: 'cmpl-1', object: 'text_completion', choices: [{ index: 0, text: delta, finish_reason: reason }] });
const answers: Record<string, string> = {
  '/chat/completions': role + content('Hello') + content(' there') + finish() + done,
  '/completions': text('Hello') + text(' there', 'stop') + done,
  '/responses':
    event({ type: 'response.output_text.delta', delta: 'Hello' }) +
    event({ type: 'response.completed', response: { id: 'resp_1', output: [], usage: null } }),
};
const CUT = role + content('Hello');

const fetch: typeof globalThis.fetch = async (url, init) => {
  const body = String(init?.body);
  const path = new URL(String(url)).pathname.replace('/v1', '');
  if (!body.includes('"stream":true')) {
    const choices = [{ index: 0, message: { role: 'assistant', content: 'Hello' }, finish_reason: 'stop' }];
    return Response.json({ id: 'chatcmpl-1', object: 'chat.completion', model: 'm', choices });
  }
  return new Response(body.includes('Break off.') ? CUT : answers[path], {
    headers: { 'content-type': 'text/event-stream' },
  });
};
const options = { apiKey: 'sk-test-0000', baseURL: 'http://upstream.test/v1', logLevel: 'off', fetch } as const;

function routerWith(settings: RouterSettings): ModelRouter {
  const price = { input: 1, output: 1 };
  const deployments = { a: { client: 'default', model: 'm', price }, b: { client: 'default', model: 'm', price } };
  const router = new ModelRouter({
    clients: { default: options },
    deployments,
    routes: { standard: ['a', 'b'] },
    ...settings,
  });
  onTestFinished(() => router.close());
  return router;
}

const chat = (client: OpenAI, messages: Messages) =>
  client.chat.completions.create({ model: 'standard', messages, stream: true });

async function readAll(stream: AsyncIterable<unknown>): Promise<unknown> {
  const iterator = stream[Symbol.asyncIterator]();
  while (!(await iterator.next()).done);
  return [stream, iterator];
}

const kept: Record<string, Keep> = {
  'a whole answer': (client, messages) => client.chat.completions.create({ model: 'standard', messages }),
  'an unread response': (client, messages) =>
    client.chat.completions.create({ model: 'standard', messages }).asResponse(),
  'a stream of chat completions and its iterator': async (client, messages) => readAll(await chat(client, messages)),
  'a stream of a response': async (client, messages) =>
    readAll(await client.responses.create({ model: 'standard', input: messages as never, store: false, stream: true })),
  'a stream of completions': async (client, messages) =>
    readAll(await client.completions.create({ model: 'standard', prompt: messages as never, stream: true })),
  'the branches of a stream': async (client, messages) =>
    Promise.all((await chat(client, messages)).tee().map((branch) => readAll(branch))),
  'the answer of a stream helper': (client, messages) =>
    client.chat.completions.stream({ model: 'standard', messages }).finalChatCompletion(),
  'a stream that its caller has left': async (client, messages) => {
    const stream = await chat(client, messages);
    for await (const _ of stream) break;
    return stream;
  },
  'a stream that its caller has aborted, and its signal': async (client, messages) => {
    const controller = new AbortController();
    const { signal } = controller;
    const stream = await client.chat.completions.create({ model: 'standard', messages, stream: true }, { signal });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    controller.abort();
    return [stream, iterator, signal, await iterator.next()];
  },
  'the error of a broken stream': async (client, messages) => {
    messages.push({ role: 'user', content: 'Break off.' });
    const { error } = await collect(await chat(client, messages));
    return { error };
  },
  'the streams of two callers of one call': async (client, messages) => {
    const streams = await Promise.all([chat(client, messages), chat(client, messages)]);
    return Promise.all(streams.map((stream) => readAll(stream)));
  },
  'a stream and one like it after it': async (client, messages) => [
    await readAll(await chat(client, messages)),
    await readAll(await chat(client, messages)),
  ],
};

/** What the application keeps, and whether its request was garbage-collected. */
async function sent(client: OpenAI, keep: Keep): Promise<{ answer: unknown; isCollected: () => boolean }> {
  let isCollected = false;
  const registry = new FinalizationRegistry(() => {
    isCollected = true;
  });
  const messages: Messages = [{ role: 'user', content: 'Say hello.' }];
  registry.register(messages, undefined);
  return { answer: await keep(client, messages), isCollected: () => registry !== undefined && isCollected };
}

const clients: Record<string, () => OpenAI> = {
  'a plain client': () => new OpenAI(options),
  'a router': () => routerWith({}),
  'a router with budgets and hedges': () => routerWith({ budgets: [{ usd: 10, window: 'day' }], hedgeAfterMs: 1000 }),
  'a router with a cache': () => routerWith({ cache: true }),
};

describe.each(Object.entries(clients))('with %s', (_, make) => {
  it.each(Object.entries(kept))('an application that keeps %s does not keep the request', async (_, keep) => {
    const { answer, isCollected } = await sent(make(), keep);
    expect(await collectUntil(isCollected, 20)).toBe(true);
    expect(answer).toBeDefined();
  });
});

describe('a stream that has ended', () => {
  it('still has its record and its controller, and ends again', async () => {
    const router = routerWith({});
    const stream = await chat(router, [{ role: 'user', content: 'Say hello.' }]);
    const iterator = stream[Symbol.asyncIterator]();
    while (!(await iterator.next()).done);
    expect(await collectUntil(() => false, 2)).toBe(false);
    expect(callRecord(stream)?.attempts).toMatchObject([{ deployment: 'a', outcome: 'success' }]);
    expect(stream.controller.signal.aborted).toBe(false);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
    expect(await iterator.return?.()).toEqual({ done: true, value: undefined });
    expect(() => stream.controller.abort()).not.toThrow();
    await expect(stream[Symbol.asyncIterator]().next()).rejects.toThrow(/consumed stream/);
  });

  it('gives the error of a break once, also if nobody was reading when it broke', async () => {
    const router = routerWith({ maxStreamMs: 30 });
    const stream = await chat(router, [{ role: 'user', content: 'Say hello.' }]);
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    await new Promise((resolve) => setTimeout(resolve, 60));
    await expect(iterator.next()).rejects.toThrow(StreamInterruptedError);
    expect(await iterator.next()).toEqual({ done: true, value: undefined });
  });
});

it('a chunk that a caller waits for comes, even if the caller refers to nothing else of the stream', async () => {
  let send: (text: string) => void = () => undefined;
  const encoder = new TextEncoder();
  const body = new ReadableStream<Uint8Array>({
    start(controller) {
      send = (text) => controller.enqueue(encoder.encode(text));
    },
  });
  const router = new ModelRouter({
    clients: {
      default: {
        ...options,
        fetch: async () => new Response(body, { headers: { 'content-type': 'text/event-stream' } }),
      },
    },
  });
  onTestFinished(() => router.close());
  send(event({ type: 'response.output_text.delta', delta: 'Hello' }));
  const second = await (async () => {
    const stream = await router.responses.create({ model: 'm', input: 'Say hello.', store: false, stream: true });
    const iterator = stream[Symbol.asyncIterator]();
    await iterator.next();
    return { next: iterator.next() };
  })();
  await collectUntil(() => false, 5);
  send(event({ type: 'response.output_text.delta', delta: ' there' }));
  expect(await second.next).toMatchObject({ done: false, value: { delta: ' there' } });
});
