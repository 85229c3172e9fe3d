import { callOptions, callRecord } from 'model-router';
import { answer, embed, fail } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, useFakeTime } from '../../helpers/clock.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const embedIt = (router: OpenAI, input: string | string[] | number[], more: object = {}, options: object = {}) =>
  router.embeddings.create({ model: 'standard', input, ...more }, options);
const use = (holder: unknown) => callRecord(holder)?.cache;
const vectors = (result: OpenAI.CreateEmbeddingResponse) => result.data.map(({ embedding }) => embedding);

describe('embeddings', () => {
  it('are kept by single input: a batch asks only for what is missing, in order', async () => {
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

  it('have the usage that the whole batch would have had', async () => {
    const { router } = build({ a: answer() }, { cache: 'idempotent' });
    const batch = await embedIt(router, ['some words', 'other words, more']);
    const again = await embedIt(router, ['some words', 'other words, more']);
    expect(again.usage).toEqual(batch.usage);
    expect(router.snapshot().cache.savedTokens).toBe(batch.usage.prompt_tokens);
  });

  it('are the same as floats and as base64', async () => {
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

  it('tell tokens from text, and one size and tenant from another', async () => {
    const { router, fake } = build({ a: answer() }, { cache: 'idempotent' });
    await embedIt(router, [1, 2]);
    await embedIt(router, '[1,2]');
    await embedIt(router, 'x', { dimensions: 8 });
    await embedIt(router, 'x');
    await embedIt(router, 'x', {}, callOptions({ tenant: 'b' }));
    expect(fake.requests).toHaveLength(5);
    expect(use(await embedIt(router, [1, 2]))).toBe('hit');
  });

  it('are joined in flight, asked anew behind, and given stale when all fails', async () => {
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
