// Routers of any size over an upstream in the same process.
import { ModelRouter, type RouterOptions } from 'model-router';
import { OpenAI } from 'openai';
import { answering } from '../stub.ts';

export const messages = [{ role: 'user' as const, content: 'Summarise this in one sentence, please. '.repeat(25) }];
const price = { input: 0.25, output: 0.25 };

export const clientOf = (fetch: unknown = answering) => ({
  apiKey: 'sk-bench-0000',
  baseURL: 'http://bench.invalid/v1',
  maxRetries: 0,
  logLevel: 'off' as const,
  fetch: fetch as typeof globalThis.fetch,
});

export const plainOf = (fetch?: unknown) => new OpenAI(clientOf(fetch));

export const namesOf = (count: number, prefix = 'd') => Array.from({ length: count }, (_, i) => `${prefix}${i}`);

/** A route `bench` of this many deployments, with a client each or one for all. */
export function routerOf(count: number, more: Partial<RouterOptions> = {}, fetch?: unknown): ModelRouter {
  const names = namesOf(count);
  return new ModelRouter({
    clients: { default: clientOf(fetch) },
    deployments: Object.fromEntries(names.map((name) => [name, { client: 'default', model: 'bench-model', price }])),
    routes: { bench: names },
    ...more,
  });
}

/** A unique text of this many characters. */
let made = 0;
export function newText(length: number): string {
  made += 1;
  return `${made} ${'Summarise this in one sentence, please. '.repeat(Math.ceil(length / 40))}`.slice(0, length);
}

/** A fetch that does not answer until its signal aborts it. */
export const hanging: typeof fetch = (_, init) =>
  new Promise((_resolve, reject) => {
    init?.signal?.addEventListener('abort', () => reject(new DOMException('Aborted', 'AbortError')));
  });

const sse = { 'content-type': 'text/event-stream' };
const encoder = new TextEncoder();

/** A stream of chunks with these deltas; its end waits for `last`. */
export function streaming(
  count: number,
  choiceOf: (i: number) => object,
  last: () => Promise<unknown> = () => Promise.resolve(),
): typeof fetch {
  const usage = { usage: { prompt_tokens: 9, completion_tokens: count, total_tokens: 9 + count } };
  const chunk = (choice: object, more: object = {}) =>
    encoder.encode(
      `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', created: 1, model: 'm', choices: [{ index: 0, finish_reason: null, ...choice }], ...more })}\n\n`,
    );
  return () => {
    let sent = 0;
    const body = new ReadableStream<Uint8Array>({
      async pull(controller) {
        sent += 1;
        if (sent === 1) controller.enqueue(chunk({ delta: { role: 'assistant', content: '' } }));
        if (sent <= count) return controller.enqueue(chunk(choiceOf(sent)));
        await last();
        controller.enqueue(chunk({ delta: {}, finish_reason: 'stop' }, usage));
        controller.enqueue(encoder.encode('data: [DONE]\n\n'));
        controller.close();
      },
    });
    return Promise.resolve(new Response(body, { headers: sse }));
  };
}

/** Reads `count` chunks of a stream, or all. */
export async function read(iterator: AsyncIterator<unknown>, count = Number.POSITIVE_INFINITY): Promise<void> {
  for (let i = 0; i < count; i += 1) if ((await iterator.next()).done === true) return;
}
