import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, embed, fail } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it, onTestFinished } from 'vitest';
import { pass, useFakeTime } from '../../helpers/clock.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const embedIt = (router: OpenAI, input: string | string[] | number[], more: object = {}, options: object = {}) =>
  router.embeddings.create({ model: 'standard', input, ...more }, options);
const use = (holder: unknown) => callRecord(holder)?.cache;
const vectors = (result: OpenAI.CreateEmbeddingResponse) => result.data.map(({ embedding }) => embedding);

describe('embeddings', () => {
  it('are stored per input: a batch requests only the missing ones, in order', async () => {
    const { router, fake } = build({ a: answer() }, { cache: 'idempotent' });
    await embedIt(router, ['x', 'y']);
    const mixed = await embedIt(router, ['z', 'y', 'w', 'x', 'z']);
    expect(fake.requests.map(({ body }) => (body as { input: unknown }).input)).toEqual([
      ['x', 'y'],
      ['z', 'w'],
    ]);
    expect(vectors(mixed)).toEqual(['z', 'y', 'w', 'x', 'z'].map((each) => embed('a', each)));
    expect(mixed.data.map(({ index }) => index)).toEqual([0, 1, 2, 3, 4]);
    expect(use(mixed)).toBe('miss');
    const all = await embedIt(router, 'w');
    expect(use(all)).toBe('hit');
    expect(vectors(all)).toEqual([embed('a', 'w')]);
    expect(fake.requests).toHaveLength(2);
  });

  it('report the usage of the whole batch', async () => {
    const { router } = build({ a: answer() }, { cache: 'idempotent' });
    const batch = await embedIt(router, ['some words', 'other words, more']);
    const again = await embedIt(router, ['some words', 'other words, more']);
    expect(again.usage).toEqual(batch.usage);
    expect(router.snapshot().cache.savedTokens).toBe(batch.usage.prompt_tokens);
  });

  it('are the same entry as floats and as base64', async () => {
    const { router, fake } = build({ a: answer() }, { cache: 'idempotent' });
    const floats = await embedIt(router, 'x', { encoding_format: 'float' });
    const base64 = await embedIt(router, 'x', { encoding_format: 'base64' });
    expect(use(base64)).toBe('hit');
    const text: unknown = base64.data[0]?.embedding;
    const bytes = new Uint8Array(Buffer.from(String(text), 'base64'));
    expect([...new Float32Array(bytes.buffer)]).toEqual([...Float32Array.from(floats.data[0]?.embedding ?? [])]);
    expect(vectors(await embedIt(router, 'x'))[0]).toHaveLength(floats.data[0]?.embedding.length ?? 0);
    expect(fake.requests).toHaveLength(1);
  });

  it('differ for tokens and text, for sizes and for tenants', async () => {
    const { router, fake } = build({ a: answer() }, { cache: 'idempotent' });
    await embedIt(router, [1, 2]);
    await embedIt(router, '[1,2]');
    await embedIt(router, 'x', { dimensions: 8 });
    await embedIt(router, 'x');
    await embedIt(router, 'x', {}, callOptions({ tenant: 'b' }));
    expect(fake.requests).toHaveLength(5);
    expect(use(await embedIt(router, [1, 2]))).toBe('hit');
  });

  it('are joined in flight, refreshed in the background, and served stale when everything fails', async () => {
    const { router, fake } = build(
      { a: [answer({ latencyMs: 10 }), answer({ latencyMs: 10 }), fail(500)] },
      { cache: { ttlMs: 1000, staleMs: 100, staleIfErrorMs: 500 }, maxAttempts: 1 },
    );
    const calls = [embedIt(router, ['x', 'y']), embedIt(router, ['x', 'y'])];
    await pass(10);
    expect((await Promise.all(calls)).map(use)).toEqual(['miss', 'joined']);
    await pass(1000);
    expect(use(await embedIt(router, ['y', 'x']))).toBe('stale');
    await pass(10);
    expect(use(await embedIt(router, 'x'))).toBe('hit');
    expect(fake.requests).toHaveLength(2);
    await pass(1499);
    expect(use(await embedIt(router, ['x', 'y']))).toBe('stale-if-error');
    await pass(1);
    await expect(embedIt(router, ['x', 'y'])).rejects.toMatchObject({ status: 500 });
  });
});

describe('a batch with ambiguous vectors', () => {
  /** Gives every vector the index 0, or drops one. */
  function odd(change: (data: { index: number; embedding: number[] }[]) => unknown) {
    const inputs: unknown[] = [];
    const fetch = async (_: unknown, init?: RequestInit) => {
      const { input } = JSON.parse(String(init?.body)) as { input: string | string[] };
      inputs.push(input);
      const data = [input]
        .flat()
        .map((text, index) => ({ object: 'embedding', index, embedding: [text.length, index] }));
      const usage = { prompt_tokens: 1, total_tokens: 1 };
      return Response.json({ object: 'list', model: 'm', data: data.length === 1 ? data : change(data), usage });
    };
    const router = new ModelRouter({
      clients: { default: { apiKey: 'k', baseURL: 'https://a.test/v1', fetch } },
      deployments: { a: { price: { input: 1e6, output: 0 } } },
      routes: { standard: ['a'] },
      cache: 'idempotent',
    });
    onTestFinished(() => {
      void router.close();
    });
    const embedFloats = (input: string | string[]) => embedIt(router, input, { encoding_format: 'float' });
    return { router, inputs, embedFloats };
  }

  it.each<[string, Parameters<typeof odd>[0]]>([
    ['every index is 0', (data) => data.map((each) => ({ ...each, index: 0 }))],
    ['indexes are missing', (data) => data.map(({ index: _, ...each }) => each)],
    ['indexes begin at 1', (data) => data.map((each) => ({ ...each, index: each.index + 1 }))],
    ['one is missing', (data) => data.slice(1)],
    ['there is an extra one', (data) => [...data, { index: data.length, embedding: [9, data.length] }]],
  ])('is sent whole, and returned unchanged: %s', async (_, change) => {
    const { inputs, embedFloats } = odd(change);
    await embedFloats('a');
    const batch = await embedFloats(['a', 'bb', 'ccc']);
    const expected = change(['a', 'bb', 'ccc'].map((text, index) => ({ index, embedding: [text.length, index] })));
    expect(batch.data).toMatchObject(expected as object[]);
    expect(batch.data).toHaveLength((expected as object[]).length);
    expect(inputs).toEqual(['a', ['bb', 'ccc'], ['a', 'bb', 'ccc']]);
    // Both upstream calls are in the record, and what they cost.
    expect(callRecord(batch)).toMatchObject({ attempts: [{ number: 1 }, { number: 2 }], costUsd: 2 });
    await embedFloats(['a', 'bb', 'ccc']);
    await embedFloats('a');
    expect(inputs.slice(3)).toEqual([
      ['bb', 'ccc'],
      ['a', 'bb', 'ccc'],
    ]);
  });

  it('is ordered by its indexes, in any order', async () => {
    const { inputs, embedFloats } = odd((data) => data.toReversed());
    await embedFloats('a');
    expect(vectors(await embedFloats(['bb', 'a', 'ccc'])).map(([length]) => length)).toEqual([2, 1, 3]);
    expect(inputs).toEqual(['a', ['bb', 'ccc']]);
  });
});

describe('a large batch', () => {
  it('takes a quarter of the store at most', async () => {
    const { router } = build({ a: answer() }, { cache: { maxEntries: 100 } });
    await embedIt(router, 'before');
    await embedIt(
      router,
      Array.from({ length: 300 }, (_, i) => `text ${i}`),
    );
    expect(router.snapshot().cache.entries).toBe(26);
    expect(use(await embedIt(router, 'before'))).toBe('hit');
    expect(use(await embedIt(router, 'text 24'))).toBe('hit');
    expect(use(await embedIt(router, 'text 25'))).toBe('miss');
  });

  it('may have more inputs than a function has arguments', async () => {
    const { router } = build(
      { a: answer() },
      { cache: { ttlMs: 1000, staleMs: 1000, maxEntries: 1_000_000, maxBytes: 1e9 } },
    );
    const input = Array.from({ length: 150_000 }, (_, i) => (i % 2 === 0 ? 'x' : 'y'));
    // More than 100,000 values in one body: no cache.
    expect(use(await embedIt(router, input))).toBe('bypass');
    const most = input.slice(0, 99_000);
    await embedIt(router, most);
    expect(use(await embedIt(router, most))).toBe('hit');
  });
});
