import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';
import { type APIPromise, OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { build } from '../../helpers/routers.js';

const bodyOf = (content: string) => ({ model: 'standard', messages: [{ role: 'user' as const, content }] });
const about = (router: OpenAI, content: string) => router.chat.completions.create(bodyOf(content));
const use = (holder: unknown) => callRecord(holder)?.cache;
const said = (completion: OpenAI.ChatCompletion) => completion.choices[0]?.message.content;
/** Answers with the question. */
const echo = (request: { readonly body: unknown }) => {
  const { messages } = request.body as ReturnType<typeof bodyOf>;
  return answer({ content: `About ${messages[0]?.content}` });
};

describe('the key of a call', () => {
  it('differs for any two calls that differ, stored and in flight', async () => {
    const { router, calledModels } = build({ a: echo }, { cache: true });
    const prompts = Array.from({ length: 200 }, (_, i) => `Where is my order ${i}?`);
    const atOnce = await Promise.all(prompts.map((content) => about(router, content)));
    const later = await Promise.all(prompts.map((content) => about(router, content)));
    expect(atOnce.map(said)).toEqual(prompts.map((content) => `About ${content}`));
    expect(later.map(said)).toEqual(prompts.map((content) => `About ${content}`));
    expect(new Set(later.map(use))).toEqual(new Set(['hit']));
    expect(calledModels()).toHaveLength(200);
  });

  it('treats values that JSON writes in its own way like their plain equals', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    const withMore = (more: object) => router.chat.completions.create({ ...bodyOf('x'), ...more });
    await withMore({ top_p: null, at: '2030-01-01T00:00:00.000Z', n: 1, list: [null, { b: 1, a: 2 }] });
    const same = {
      top_p: Number.NaN,
      at: new Date(Date.UTC(2030, 0, 1)),
      n: Object(1),
      list: [undefined, { toJSON: () => ({ a: 2, b: 1 }) }],
      stop: undefined,
    };
    expect(use(await withMore(same))).toBe('hit');
    expect(calledModels()).toHaveLength(1);
  });

  it('takes the same memory however long the prompt is', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    const bytes = () => router.snapshot().cache.bytes ?? 0;
    await about(router, 'x');
    const short = bytes();
    const long = 'A long document. '.repeat(5000);
    await about(router, `${long}1`);
    expect(bytes() - 2 * short).toBeLessThan(10);
    const { messages, model } = bodyOf(`${long}1`);
    expect(use(await router.chat.completions.create({ messages, model }))).toBe('hit');
    expect(use(await about(router, `${long}2`))).toBe('miss');
    expect(calledModels()).toHaveLength(3);
  });

  it('tells lone surrogates apart, which UTF-8 does not', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    const uses: unknown[] = [];
    for (const text of ['\ud800', '\udbff', '\udc00', '\ufffd', '"\\ud800"', '\ud800'])
      uses.push(use(await about(router, text)));
    expect(uses).toEqual(['miss', 'miss', 'miss', 'miss', 'miss', 'hit']);
  });

  it('is the only part of a request that an application’s store sees, as SHA-256', async () => {
    const seen: unknown[] = [];
    const note = (...given: unknown[]) => void seen.push(given);
    const cacheStore = { get: note as () => undefined, set: note, delete: note, clear: note };
    const { router } = build({ a: answer({ content: 'ok' }) }, { cache: true, cacheStore });
    await router.chat.completions.create(bodyOf('a secret'), callOptions({ tenant: 'ann' }));
    const { key } = router.explain(bodyOf('a secret'), callOptions({ tenant: 'ann' })).cache;
    expect(seen).toEqual([[key?.hash], [key?.hash, expect.objectContaining({ kind: 'json' }), 300_000, 'ann']]);
    expect(key?.hash).toMatch(/^[\w-]{43}$/);
    expect(JSON.stringify(seen)).not.toContain('a secret');
  });

  it('does not exist for a body with more than 100,000 values: the call is neither stored nor joined', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    const complete = (length: number) =>
      router.completions.create({ model: 'standard', prompt: Array.from({ length }, (_, i) => i) });
    const calls = await Promise.all([complete(100_001), complete(100_001)]);
    expect(calls.map(use)).toEqual(['bypass', 'bypass']);
    expect(use(await complete(99_000))).toBe('miss');
    expect(use(await complete(99_000))).toBe('hit');
    expect(calledModels()).toHaveLength(3);
    const body = { model: 'standard', prompt: Array.from({ length: 100_001 }, () => 0) };
    expect(router.explain(body).cache).toEqual({
      cacheable: false,
      why: 'its body has more than 100,000 values',
      key: null,
    });
  });

  it('finds the answer as the application’s client has changed it', async () => {
    class Own extends OpenAI {
      override request<T>(options: Parameters<OpenAI['request']>[0]): APIPromise<T> {
        return super.request<OpenAI.ChatCompletion>(options)._thenUnwrap((completion) => {
          for (const { message } of completion.choices) message.content = 'redacted';
          return completion;
        }) as unknown as APIPromise<T>;
      }
    }
    const fake = fakeFetch({ models: { a: answer('secret') } });
    await using router = new ModelRouter({
      clients: { default: new Own({ apiKey: 'k', baseURL: 'https://own.test/v1', fetch: fake }) },
      deployments: { a: {} },
      routes: { standard: ['a'] },
      cache: true,
    });
    const atOnce = await Promise.all([about(router, 'x'), about(router, 'x')]);
    const answers = [...atOnce, await about(router, 'x')];
    expect(answers.map(use)).toEqual(['miss', 'joined', 'hit']);
    expect(answers.map(said)).toEqual(['redacted', 'redacted', 'redacted']);
  });

  it('is the caller’s request, whatever an application’s own client does to it', async () => {
    class Own extends OpenAI {
      protected override async prepareOptions(options: Parameters<OpenAI['prepareOptions']>[0]): Promise<void> {
        const { messages } = options.body as ReturnType<typeof bodyOf>;
        for (const message of messages) message.content = 'changed';
        Object.assign(options.query ?? {}, { version: '2' });
      }
    }
    const fake = fakeFetch({ models: { a: echo } });
    await using router = new ModelRouter({
      clients: { default: new Own({ apiKey: 'k', baseURL: 'https://own.test/v1', fetch: fake }) },
      deployments: { a: {} },
      routes: { standard: ['a'] },
      cache: true,
    });
    const send = (content: string, version: string) =>
      router.chat.completions.create(bodyOf(content), { query: { version } });
    expect(said(await send('as sent', '1'))).toBe('About changed');
    expect(use(await send('as sent', '1'))).toBe('hit');
    expect(use(await send('changed', '1'))).toBe('miss');
    expect(use(await send('as sent', '2'))).toBe('miss');
  });
});
