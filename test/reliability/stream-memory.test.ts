import { ModelRouter } from 'model-router';
import { OpenAI } from 'openai';
import { expect, it } from 'vitest';
import { done, event, finish, role } from '../helpers/event-streams.js';
import { heapUsed } from '../helpers/garbage.js';
import { streamChat } from '../helpers/messages.js';

const STREAMS = 40;
const CHUNKS = 2000;
/** Some twenty letters that no other chunk has in common. */
const word = (i: number) => `${((i * 2_654_435_761) % 2 ** 32).toString(36).repeat(3)} `;

/** Streams that pause before their last event, which `end` sends. */
function pausing() {
  const ends: (() => void)[] = [];
  const fetch = () => {
    const encoder = new TextEncoder();
    const chunk = (i: number) => {
      const delta = { content: word(i) };
      return event({ id: 'c', model: 'm', choices: [{ index: 0, delta, finish_reason: null }] });
    };
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      pull(controller) {
        if (sent === 0) controller.enqueue(encoder.encode(role));
        if (sent++ < CHUNKS) return controller.enqueue(encoder.encode(chunk(sent)));
        return new Promise((resolve) => {
          ends.push(() => {
            controller.enqueue(encoder.encode(finish() + done));
            controller.close();
            resolve();
          });
        });
      },
    });
    return Promise.resolve(new Response(body, { headers: { 'content-type': 'text/event-stream' } }));
  };
  return { fetch, end: () => ends.splice(0).forEach((each) => void each()) };
}

/** The memory of a client's streams in bytes, for each stream while all of them pause, and after their end. */
async function heldBy(make: (fetch: typeof globalThis.fetch) => OpenAI): Promise<{ paused: number; ended: number }> {
  const { fetch, end } = pausing();
  const client = make(fetch);
  const before = await heapUsed();
  const iterators: AsyncIterator<unknown>[] = [];
  for (let i = 0; i < STREAMS; i += 1) {
    const iterator = (await streamChat(client, 'm'))[Symbol.asyncIterator]();
    for (let chunk = 0; chunk <= CHUNKS; chunk += 1) await iterator.next();
    iterators.push(iterator);
  }
  const rest = iterators.map((iterator) => iterator.next());
  await new Promise((resolve) => setTimeout(resolve, 20));
  const paused = (await heapUsed()) - before;
  end();
  await Promise.all(rest);
  for (const iterator of iterators) while (!(await iterator.next()).done);
  return { paused: paused / STREAMS, ended: ((await heapUsed()) - before) / STREAMS };
}

it('a stream takes less than twice the memory of its text, and releases it at its end', async () => {
  const options = { apiKey: 'sk-test', baseURL: 'https://x.test/v1', logLevel: 'off' } as const;
  const text = Array.from({ length: CHUNKS }, (_, i) => word(i + 1)).join('').length;
  // The first run of each compiles and fills caches.
  const plain = () => heldBy((fetch) => new OpenAI({ ...options, fetch }));
  const routed = () => heldBy((fetch) => new ModelRouter({ clients: { default: { ...options, fetch } } }));
  await plain();
  const direct = await plain();
  await routed();
  const { paused, ended } = await routed();
  expect(paused - direct.paused).toBeLessThan(2 * text);
  expect(ended - direct.ended).toBeLessThan(text / 4);
}, 60_000);
