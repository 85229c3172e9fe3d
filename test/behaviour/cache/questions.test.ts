import { callRecord, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';
import { type APIPromise, OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { circumstancesOf, printOf } from '../../../src/state/question.js';
import { build } from '../../helpers/routers.js';

const bodyOf = (content: string) => ({ model: 'standard', messages: [{ role: 'user' as const, content }] });
const about = (router: OpenAI, content: string) => router.chat.completions.create(bodyOf(content));
const use = (holder: unknown) => callRecord(holder)?.cache;
const said = (completion: OpenAI.ChatCompletion) => completion.choices[0]?.message.content;
/** Answers with what was asked. */
const echo = (request: { readonly body: unknown }) => {
  const { messages } = request.body as ReturnType<typeof bodyOf>;
  return answer({ content: `About ${messages[0]?.content}` });
};

const NONE = circumstancesOf([], undefined);

/** Two prompts whose questions have one print. */
function twins(): [string, string] {
  const seen = new Map<number | undefined, string>();
  for (let i = 0; ; i++) {
    const content = `Where is my order ${i}?`;
    const print = printOf(NONE, bodyOf(content), new Set(), 1000);
    const other = seen.get(print);
    if (other !== undefined) return [other, content];
    seen.set(print, content);
  }
}

describe('a question in memory', () => {
  it('is not another one that has the same print, neither kept nor in flight', async () => {
    const [a, b] = twins();
    const { router } = build({ a: echo }, { cache: true });
    const atOnce = await Promise.all([a, b, a, b].map((content) => about(router, content)));
    expect(atOnce.map(said)).toEqual([a, b, a, b].map((content) => `About ${content}`));
    expect(atOnce.map(use)).toEqual(['miss', 'miss', 'joined', 'joined']);
    // They have one place: the later one is kept.
    const later = await about(router, b);
    expect([said(later), use(later)]).toEqual([`About ${b}`, 'hit']);
    const earlier = await about(router, a);
    expect([said(earlier), use(earlier)]).toEqual([`About ${a}`, 'miss']);
    expect(router.snapshot().cache.entries).toBe(1);
  });

  it('may be too long to be kept itself: then by its digest', async () => {
    const { router, asked } = build({ a: echo }, { cache: true });
    const long = 'A long document. '.repeat(5000);
    await about(router, `${long}1`);
    const before = router.snapshot().cache.bytes ?? 0;
    expect(before).toBeLessThan(1.3 * long.length);
    const { messages, model } = bodyOf(`${long}1`);
    expect(use(await router.chat.completions.create({ messages, model }))).toBe('hit');
    expect(use(await about(router, `${long}2`))).toBe('miss');
    expect(asked()).toHaveLength(2);
  });

  it('is in `maxBytes`, beside its answer', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    await about(router, 'x'.repeat(100));
    const one = router.snapshot().cache.bytes ?? 0;
    await about(router, 'x'.repeat(10_000));
    const both = router.snapshot().cache.bytes ?? 0;
    expect(both - 2 * one).toBeGreaterThan(9800);
    expect(both - 2 * one).toBeLessThan(10_000);
  });

  it('is answered again as a client of the application has changed the answer', async () => {
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

  it('is told from others by any of its numbers, however many there are', async () => {
    const { router } = build({ a: answer() }, { cache: { mode: 'all', maxBytes: 200_000 } });
    const prompt = Array.from({ length: 10_000 }, (_, i) => i);
    const complete = (last: number) =>
      router.completions.create({ model: 'standard', prompt: [...prompt, last] }).then(use);
    expect([await complete(1), await complete(2), await complete(1)]).toEqual(['miss', 'miss', 'hit']);
    expect(router.snapshot().cache.bytes).toBeLessThan(5000);
  });

  it('stays what was asked, whatever a client of the application makes of it', async () => {
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
    const ask = (content: string, version: string) =>
      router.chat.completions.create(bodyOf(content), { query: { version } });
    expect(said(await ask('as asked', '1'))).toBe('About changed');
    expect(use(await ask('as asked', '1'))).toBe('hit');
    expect(use(await ask('changed', '1'))).toBe('miss');
    expect(use(await ask('as asked', '2'))).toBe('miss');
  });
});
