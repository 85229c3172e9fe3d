import { callRecord, ModelRouter } from 'model-router';
import { answer } from 'model-router/testing';
import { describe, expect, it, onTestFinished } from 'vitest';
import { cachedAnswer } from '../../helpers/cached-answers.js';
import { settled, useFakeTime } from '../../helpers/clock.js';
import { messages, read, sendChat, streamChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const use = (holder: unknown) => callRecord(holder)?.cache;
const deep = '['.repeat(20_000) + ']'.repeat(20_000);

/** A router whose answers all have this body. */
function routerOf(body: string, type: string): ModelRouter {
  const fetch = async () => new Response(body, { headers: { 'content-type': type } });
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk-a', baseURL: 'https://a.test/v1', fetch } },
    cache: true,
  });
  onTestFinished(() => router.close());
  return router;
}

describe('the cache harms no call', () => {
  it('whose answer is nested too deeply for JSON.stringify: the router joins, caches and returns it', async () => {
    const message = '{"role":"assistant","content":"hi"}';
    const router = routerOf(
      `{"id":"x","extra":${deep},"choices":[{"index":0,"message":${message},"finish_reason":"stop"}]}`,
      'application/json',
    );
    const answers = [
      ...(await Promise.all([sendChat(router, 'm'), sendChat(router, 'm')])),
      await sendChat(router, 'm'),
    ];
    expect(answers.map(({ choices }) => choices[0]?.message.content)).toEqual(['hi', 'hi', 'hi']);
    expect(answers.map(use)).toEqual(['miss', 'joined', 'hit']);
    expect(new Set(answers).size).toBe(3);
    const request = { method: 'POST', body: JSON.stringify({ model: 'm', messages }) };
    const response = await router.asFetch()('https://api.openai.com/v1/chat/completions', request);
    expect(response.status).toBe(200);
    expect((await response.text()).includes(deep)).toBe(true);
  });

  it('whose stream is nested too deeply for JSON.stringify: the caller reads all of it', async () => {
    const chunk = (more: string, content: string) =>
      `data: {"id":"x",${more}"choices":[{"index":0,"delta":{"content":"${content}"},"finish_reason":"stop"}]}\n\n`;
    const body = `${chunk('', 'a') + chunk(`"extra":${deep},`, 'b')}data: [DONE]\n\n`;
    const router = routerOf(body, 'text/event-stream');
    for (const expected of ['miss', 'hit']) {
      const stream = await streamChat(router, 'm');
      const { value } = await settled(read(stream));
      expect([value?.text, value?.error === undefined, use(stream)]).toEqual(['ab', true, expected]);
    }
  });

  it.each([
    ['requestId', undefined],
    ['deployment', 1],
    ['costUsd', undefined],
    ['costUsd', '0.1'],
    ['tokens', Number.NaN],
    ['storedAt', '1'],
    ['kind', 'other'],
    ['text', undefined],
  ])('where a store returns nonsense: %s is %s', async (name, value) => {
    const good = cachedAnswer('{"choices":[{"message":{"content":"kept"}}]}', Date.now());
    const stored: { value: object } = { value: good };
    const get = (): never => stored.value as never;
    const nothing = () => undefined;
    const { router } = build(
      { a: answer() },
      { cache: true, cacheStore: { get, set: nothing, delete: nothing, clear: nothing } },
    );
    expect(use(await sendChat(router))).toBe('hit');
    stored.value = { ...good, [name]: value };
    expect(use((await sendChat(router).withResponse()).data)).toBe('miss');
  });
});
