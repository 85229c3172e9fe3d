import { callRecord } from 'model-router';
import { describe, expect, it } from 'vitest';
import { parseRetryAfter } from '../../src/util/retry-after.js';
import { errorOf } from '../helpers/messages.js';
import { base, completion, messages, routerOver } from '../helpers/recorded-fetch.js';

/** Threat: an upstream's answer stalls the process, changes prototypes, or takes the router down for others. */
const events = (chunks: unknown[]) =>
  new Response(`${chunks.map((each) => `data: ${JSON.stringify(each)}\n\n`).join('')}data: [DONE]\n\n`, {
    headers: { 'content-type': 'text/event-stream' },
  });

describe('a hostile answer', () => {
  it('has its Retry-After parsed at a bounded cost', () => {
    const before = performance.now();
    for (const value of ['1'.repeat(15_000), ' '.repeat(1e5), '1e'.repeat(5e4), 'Mon, '.repeat(2e4)])
      parseRetryAfter(new Headers({ 'retry-after': value }));
    expect(performance.now() - before).toBeLessThan(1000);
  });

  it.each([
    ['spaces', ' '.repeat(1e5)],
    ['quotes', '"'.repeat(1e5)],
    ['escaped quotes', '\\"'.repeat(5e4)],
    ['brackets', '{"error":'.repeat(1e4)],
    ['words that almost match', 'maximum context length '.repeat(5e3)],
    ['model words', "The model '".repeat(9e3)],
    ['digits', '1'.repeat(1e5)],
    ['newlines', '\n\r\n'.repeat(3e4)],
  ])('of 64 KB of %s is read in linear time', async (_name, message) => {
    const { router } = routerOver(
      () => Response.json({ error: { message, code: message, type: message } }, { status: 400 }),
      {
        maxAttempts: 1,
        logLevel: 'off',
      },
    );
    const before = performance.now();
    await errorOf(router.chat.completions.create({ model: 'm', messages }));
    expect(performance.now() - before).toBeLessThan(2000);
  });

  it('with __proto__ in a stream pollutes nothing, cached or not', async () => {
    const hostile = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}}}';
    const chunk = `{"id":"c","choices":[{"index":0,"delta":{"content":"Hi","__proto__":{"polluted":1}},"__proto__":{"polluted":1}}],"x":${hostile}}`;
    const end = '{"id":"c","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"__proto__":{"polluted":1}}';
    const body = `data: ${chunk}\n\ndata: ${end}\n\ndata: [DONE]\n\n`;
    const { router } = routerOver(() => new Response(body, { headers: { 'content-type': 'text/event-stream' } }), {
      cache: true,
      logLevel: 'off',
    });
    let chunks = 0;
    for (const stream of [true, false, true]) {
      const answer: unknown = await router.chat.completions
        .create({ model: 'm', messages, stream } as never)
        .catch(() => ({}));
      if (stream && Symbol.asyncIterator in (answer as object))
        for await (const each of answer as AsyncIterable<object>) {
          chunks += 1;
          expect(Object.getPrototypeOf(each)).toBe(Object.prototype);
        }
      else expect(Object.getPrototypeOf(answer)).not.toHaveProperty('polluted');
    }
    expect(chunks).toBe(4);
    expect({}).not.toHaveProperty('polluted');
  });

  it('of 100,000 levels is what a plain client gets', async () => {
    const deep = `${'['.repeat(100_000)}${']'.repeat(100_000)}`;
    const text = `{"id":"c","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}],"x":${deep}}`;
    const { router } = routerOver(() => new Response(text, { headers: { 'content-type': 'application/json' } }), {
      logLevel: 'off',
    });
    const init = { method: 'POST', body: JSON.stringify({ model: 'm', messages }) };
    const response = await router.asFetch()(`${base}/chat/completions`, init);
    expect(response.status).toBe(200);
    expect(await response.text()).toBe(text);
  });

  it.each(['true', 1, 'yes'])(
    'to `stream: %j`, which the server takes for true, is read as the stream it is',
    async (stream) => {
      const chunks = [{ delta: { content: 'Hi' } }, { delta: {}, finish_reason: 'stop' }];
      const { router } = routerOver(() => events(chunks.map((each) => ({ choices: [{ index: 0, ...each }] }))), {
        breaker: { failures: 1, consecutive: 1, minRate: 0 },
        logLevel: 'off',
      });
      const answer: unknown = await router.chat.completions.create({ model: 'm', messages, stream } as never);
      let text = '';
      for await (const each of answer as AsyncIterable<{ choices: { delta: { content?: string } }[] }>)
        text += each.choices[0]?.delta.content ?? '';
      expect(text).toBe('Hi');
      expect(router.snapshot().deployments.m).toMatchObject({ state: 'closed', failures: 0 });
    },
  );

  it('of endless role chunks is ended by the time for the first content', async () => {
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        controller.enqueue(
          new TextEncoder().encode('data: {"choices":[{"index":0,"delta":{"role":"assistant"}}]}\n\n'),
        );
      },
    });
    const { router } = routerOver(() => new Response(endless, { headers: { 'content-type': 'text/event-stream' } }), {
      maxAttempts: 1,
      firstChunkTimeoutMs: 100,
      logLevel: 'off',
    });
    const call = async () => {
      for await (const each of await router.chat.completions.create({ model: 'm', messages, stream: true })) void each;
    };
    const error = await errorOf(call());
    expect(callRecord(error)?.attempts).toMatchObject([{ outcome: 'timeout' }]);
  });

  it('of endless content is ended by maxStreamMs', async () => {
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        controller.enqueue(new TextEncoder().encode('data: {"choices":[{"index":0,"delta":{"content":"x"}}]}\n\n'));
      },
    });
    const { router } = routerOver(() => new Response(endless, { headers: { 'content-type': 'text/event-stream' } }), {
      maxStreamMs: 150,
      logLevel: 'off',
    });
    const call = async () => {
      for await (const each of await router.chat.completions.create({ model: 'm', messages, stream: true })) void each;
    };
    expect(await errorOf(call())).toMatchObject({ code: 'stream_interrupted' });
    expect(completion().status).toBe(200);
  });
});
