import { callRecord, type ModelRouter } from 'model-router';
import { answer } from 'model-router/testing';
import type { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { sleep } from '../../../src/util/sleep.js';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { collect, messages, sendChat, streamChat } from '../../helpers/messages.js';
import { build, type Setup } from '../../helpers/routers.js';

useFakeTime();

type Store = NonNullable<Setup['cacheStore']>;
type Kept = Awaited<ReturnType<Store['get']>>;
const use = (holder: unknown) => callRecord(holder)?.cache;
const embedIt = (router: OpenAI, input: string[]) =>
  router.embeddings.create({ model: 'standard', input, encoding_format: 'float' });
const about = (router: ModelRouter, content: string) =>
  router.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content }] });

/** A store that answers after 5 ms. */
function farStore(): Store {
  const kept = new Map<string, Kept>();
  return {
    get: async (key) => {
      await sleep(5, undefined);
      return kept.get(key);
    },
    set: (key, value) => kept.set(key, value),
    delete: (key) => kept.delete(key),
    clear: () => kept.clear(),
  };
}

describe('the same input is keyed, sent and stored', () => {
  it('if the inputs change while the store is read', async () => {
    const { router, fake } = build({ a: answer() }, { cache: 'idempotent', cacheStore: farStore() });
    await settled(embedIt(router, ['a']));
    const input = ['a', 'b'];
    const call = embedIt(router, input);
    await pass(1);
    input.splice(0, 2, 'c', 'd');
    await settled(call);
    expect(fake.requests.map(({ body }) => (body as { input: unknown }).input)).toEqual([['a'], ['b']]);
  });

  it('if the query changes while the store is read', async () => {
    const { router, fake } = build({ a: answer() }, { cache: true, cacheStore: farStore() });
    const query = { version: '1' };
    const call = sendChat(router, 'standard', { query });
    await pass(1);
    query.version = '2';
    await settled(call);
    expect(fake.requests[0]?.query).toEqual({ version: '1' });
  });

  it('where a body returns another value each time it is read', async () => {
    const { router, fake } = build({ a: answer() }, { cache: true });
    let reads = 0;
    const changing = {
      model: 'standard',
      get messages() {
        return [{ role: 'user' as const, content: `read ${reads++}` }];
      },
    };
    await router.chat.completions.create(changing);
    const { messages: calledModels } = (fake.requests[0]?.body ?? {}) as { messages?: { content: string }[] };
    const sent = calledModels?.[0]?.content;
    const most = reads + 2;
    const uses = new Map<string, string | undefined>();
    for (let i = 0; i < most; i++) uses.set(`read ${i}`, use(await about(router, `read ${i}`)));
    expect([...uses].filter(([, each]) => each === 'hit')).toEqual([[sent, 'hit']]);
  });

  it('if the query has what a URL distinguishes and JSON does not: nothing is stored', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    for (const x of [Number.NaN, Number.POSITIVE_INFINITY, new Map(), () => 1, [Number.NaN], { y: Number.NaN }]) {
      expect(use(await sendChat(router, 'standard', { query: { x } }))).toBe('bypass');
    }
    const usual = { x: [1, 'a', null, true], y: { z: undefined } };
    expect(use(await sendChat(router, 'standard', { query: usual }))).toBe('miss');
    expect(use(await sendChat(router, 'standard', { query: usual }))).toBe('hit');
  });

  it('if a call goes to its own server: nothing is stored', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    expect(use(await sendChat(router, 'standard', { defaultBaseURL: 'https://other.test/v1' }))).toBe('bypass');
  });
});

describe('a cached answer', () => {
  it('returns a separate vector for a repeated input', async () => {
    const { router } = build({ a: answer() }, { cache: 'idempotent' });
    for (let i = 0; i < 2; i++) {
      const [one, two] = (await embedIt(router, ['x', 'x'])).data;
      expect(one?.embedding).toEqual(two?.embedding);
      expect(one?.embedding).not.toBe(two?.embedding);
    }
  });

  it('has the usage that the provider reported: an entry with estimated usage does not answer a plain call', async () => {
    const { router } = build(
      { a: answer() },
      {
        cache: true,
        deployments: { a: { price: { input: 1, output: 1 }, streamUsage: false } },
        routes: { standard: ['a'] },
      },
    );
    const first = await streamChat(router);
    await collect(first);
    expect(callRecord(first)).toMatchObject({ estimated: true, usage: { inputTokens: expect.any(Number) } });
    const streamed = await router.chat.completions.create({
      model: 'standard',
      messages,
      stream: true,
      stream_options: { include_usage: true },
    });
    expect((await collect(streamed)).chunks.at(-1)?.usage?.total_tokens).toBeGreaterThan(0);
    const other = build(
      { a: answer() },
      {
        cache: true,
        deployments: { a: { price: { input: 1, output: 1 }, streamUsage: false } },
        routes: { standard: ['a'] },
      },
    );
    await collect(await streamChat(other.router));
    const again = await streamChat(other.router);
    await collect(again);
    expect(use(again)).toBe('hit');
    const whole = await sendChat(other.router);
    expect([use(whole), whole.usage?.total_tokens]).toEqual(['miss', expect.any(Number)]);
    expect(router.snapshot().cache.savedTokens).toBe(0);
  });
});
