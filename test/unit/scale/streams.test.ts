import { createHook } from 'node:async_hooks';
import { ModelRouter } from 'model-router';
import { OpenAI } from 'openai';
import { expect, it } from 'vitest';
import { content, done, finish, role } from '../../helpers/event-streams.js';
import { streamChat } from '../../helpers/messages.js';

/** A stream whose chunks come one by one. */
const streaming = (chunks: number) => async () => {
  const encoder = new TextEncoder();
  const texts = [role, ...Array.from({ length: chunks }, (_, i) => content(`word ${i} `)), finish() + done];
  const body = new ReadableStream<Uint8Array>({
    pull(controller) {
      const text = texts.shift();
      if (text === undefined) controller.close();
      else controller.enqueue(encoder.encode(text));
    },
  });
  return new Response(body, { headers: { 'content-type': 'text/event-stream' } });
};

async function promisesOf(client: OpenAI): Promise<number> {
  let promises = 0;
  const hook = createHook({
    init(_, type) {
      if (type === 'PROMISE') promises += 1;
    },
  }).enable();
  for await (const chunk of await streamChat(client)) expect(chunk.id).toBeDefined();
  hook.disable();
  return promises;
}

/** Promises that a client makes for each chunk. */
async function promisesPerChunk(make: (fetch: typeof globalThis.fetch) => OpenAI): Promise<number> {
  const few = await promisesOf(make(streaming(100)));
  return ((await promisesOf(make(streaming(300)))) - few) / 200;
}

it('a stream takes three promises more for each chunk than a plain client', async () => {
  const options = { apiKey: 'sk-test', baseURL: 'https://x.test/v1', logLevel: 'off' } as const;
  const plain = await promisesPerChunk((fetch) => new OpenAI({ ...options, fetch }));
  const routed = await promisesPerChunk((fetch) => new ModelRouter({ clients: { default: { ...options, fetch } } }));
  expect(routed - plain).toBeCloseTo(3, 1);
});
