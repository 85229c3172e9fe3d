import { callRecord, ModelRouter, StreamInterruptedError } from 'model-router';
import { describe, expect, it } from 'vitest';
import { messages, read } from '../helpers/messages.js';
import { completion, recordedFetch } from '../helpers/recorded-fetch.js';

const coded = (message: string, code: string) => Object.assign(new Error(message), { code });

/** What platforms and `fetch` libraries throw while a body is read whose connection breaks, or whose bytes are damaged. */
const errors: readonly (readonly [string, unknown])[] = [
  ['Node', new TypeError('terminated')],
  ['Cloudflare Workers', new Error('Network connection lost.')],
  ['Bun', coded('The socket connection was closed unexpectedly.', 'ConnectionClosed')],
  ['Deno', Object.assign(new Error('connection closed before message completed'), { name: 'Http' })],
  ['Firefox', new TypeError('Error in input stream')],
  ['Safari', new DOMException('The operation failed.', 'NetworkError')],
  ['HTTP/2', coded('Stream closed with error code NGHTTP2_INTERNAL_ERROR', 'ERR_HTTP2_STREAM_ERROR')],
  ['node-fetch', coded('Invalid response body: Premature close', 'ERR_STREAM_PREMATURE_CLOSE')],
  ['gzip', coded('incorrect header check', 'Z_DATA_ERROR')],
  ['a frozen error', Object.freeze(new TypeError('network error'))],
  ['no error at all', undefined],
];

const chunk = (delta: object, finish_reason: string | null = null) =>
  `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices: [{ index: 0, delta, finish_reason }] })}\n\n`;
const whole = `${chunk({ content: 'Hello' })}${chunk({}, 'stop')}data: [DONE]\n\n`;
const EVENTS = { headers: { 'content-type': 'text/event-stream' } };
const JSON_TYPE = { headers: { 'content-type': 'application/json' } };

/** A body that breaks after `text`. */
function breaking(text: string, error: unknown): ReadableStream<Uint8Array> {
  let pulls = 0;
  return new ReadableStream({
    pull(controller) {
      if (pulls++ === 0) controller.enqueue(new TextEncoder().encode(text));
      else controller.error(error);
    },
  });
}

function routerOver(broken: () => Response, good: () => Response): ModelRouter {
  const { fetch } = recordedFetch(({ body }) => (JSON.parse(body).model === 'broken' ? broken() : good()));
  return new ModelRouter({
    clients: { default: { apiKey: 'sk', baseURL: 'https://up.test/v1', fetch } },
    deployments: { broken: {}, good: {} },
    routes: { r: ['broken', 'good'] },
    logLevel: 'off',
  });
}

describe.each(errors)('a body that breaks on %s', (_, error) => {
  const outcomes = [{ outcome: 'connection' }, { outcome: 'success' }];

  it('fails over', async () => {
    const router = routerOver(
      () => new Response(breaking('{"object":', error), JSON_TYPE),
      () => completion(),
    );
    const answer = await router.chat.completions.create({ model: 'r', messages });
    expect(callRecord(answer)?.attempts).toMatchObject(outcomes);
  });

  it('fails over in a stream before its first content', async () => {
    const router = routerOver(
      () => new Response(breaking(chunk({ role: 'assistant' }), error), EVENTS),
      () => new Response(whole, EVENTS),
    );
    const stream = await router.chat.completions.create({ model: 'r', messages, stream: true });
    expect((await read(stream)).text).toBe('Hello');
    expect(callRecord(stream)?.attempts).toMatchObject(outcomes);
  });

  it('interrupts a stream after its first content, as a failure of the deployment', async () => {
    const router = routerOver(
      () => new Response(breaking(chunk({ content: 'Hel' }), error), EVENTS),
      () => new Response(whole, EVENTS),
    );
    for (let i = 0; i < 5; i++) {
      const stream = await router.chat.completions.create({ model: 'broken', messages, stream: true });
      expect((await read(stream)).error).toBeInstanceOf(StreamInterruptedError);
    }
    expect(router.snapshot().deployments.broken?.state).toBe('open');
  });
});
