import { callOptions, callRecord } from 'model-router';
import { answer, hang, type Script } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { build } from '../helpers/routers.js';

/** Threat: one tenant's calls affect others through shared state: breakers and the cache. */
useFakeTime();

const messages = [{ role: 'user' as const, content: 'Hi' }];

describe('one tenant', () => {
  it('with slow calls and short deadlines by header opens no breaker while others are answered', async () => {
    const script: Script = ({ headers }) => (headers['x-slow'] === '1' ? hang() : answer({ latencyMs: 60 }));
    const { router } = build({ a: script }, { routes: { chat: ['a'] }, maxAttempts: 1 });
    const body = { model: 'chat', messages };
    for (let round = 0; round < 12; round += 1) {
      const slow = Array.from({ length: 5 }, () =>
        watch(router.chat.completions.create(body, { headers: { 'X-Router-Deadline-Ms': '400', 'x-slow': '1' } })),
      );
      const others = Array.from({ length: 6 }, () => watch(router.chat.completions.create(body)));
      await pass(700);
      expect(slow.every(({ state }) => state === 'rejected')).toBe(true);
      expect(others.every(({ state }) => state === 'fulfilled')).toBe(true);
    }
    expect(router.snapshot().deployments.a).toMatchObject({ state: 'closed' });
  });

  it.each<[string, number, object, object, object]>([
    ['a time that its header shortened', 0, {}, {}, { headers: { 'X-Router-Deadline-Ms': '2000' } }],
    ['a time that code set', 6, {}, callOptions({ deadlineMs: 2000 }), {}],
    [
      'a time that code set below its header',
      6,
      { attemptTimeoutMs: 1500 },
      {},
      { headers: { 'X-Router-Deadline-Ms': '60000' } },
    ],
    ['a header and a known p95', 6, { known: true }, {}, { headers: { 'X-Router-Deadline-Ms': '2000' } }],
  ])(
    'that waits in vain for %s counts %i times of 6 against the deployment',
    async (_, failures, { known, ...settings }: { known?: boolean }, own, given) => {
      let isSlow = known !== true;
      const { router } = build(
        { a: () => (isSlow ? hang() : answer({ latencyMs: 60 })) },
        { routes: { chat: ['a'] }, maxAttempts: 1, ...settings },
      );
      const body = { model: 'chat', messages };
      if (known) for (let i = 0; i < 20; i += 1) await settled(router.chat.completions.create(body));
      isSlow = true;
      for (let i = 0; i < 6; i += 1) await settled(router.chat.completions.create(body, { ...own, ...given }));
      expect(router.snapshot().deployments.a).toMatchObject({ state: failures === 0 ? 'closed' : 'open', failures });
    },
  );

  it('that fills the cache evicts its own answers, not those of others', async () => {
    const { router, fake } = build(
      { a: answer() },
      { routes: { chat: ['a'] }, cache: { mode: 'all', maxEntries: 100 } },
    );
    const call = (tenant: string, content: string) =>
      settled(
        router.chat.completions.create(
          { model: 'chat', messages: [{ role: 'user', content }] },
          callOptions({ tenant }),
        ),
      );
    for (let i = 0; i < 10; i += 1) await call('quiet', `question ${i}`);
    for (let i = 0; i < 500; i += 1) await call('loud', `question ${i}`);
    const before = fake.requests.length;
    for (let i = 0; i < 10; i += 1) expect(callRecord((await call('quiet', `question ${i}`)).value)?.cache).toBe('hit');
    expect(fake.requests).toHaveLength(before);
  });

  it('with one large batch of embeddings evicts no others’ answers', async () => {
    const { router } = build({ a: answer() }, { routes: { vectors: ['a'] }, cache: { mode: 'all', maxEntries: 400 } });
    const embed = (tenant: string, input: string | string[]) =>
      settled(router.embeddings.create({ model: 'vectors', input }, callOptions({ tenant })));
    await embed('quiet', 'mine');
    await embed(
      'loud',
      Array.from({ length: 1000 }, (_, i) => `input ${i}`),
    );
    expect(callRecord((await embed('quiet', 'mine')).value)?.cache).toBe('hit');
  });

  it('with a body of a hundred thousand values gets an answer that is neither cached nor joined', async () => {
    const { router, fake } = build({ a: answer({ latencyMs: 100 }) }, { routes: { chat: ['a'] }, cache: true });
    const metadata = Object.fromEntries(Array.from({ length: 100_001 }, (_, i) => [`k${i}`, i]));
    const body = { model: 'chat', messages, extra: metadata };
    const calls = [1, 2].map(() => watch(router.chat.completions.create(body)));
    await pass(500);
    expect(calls.map(({ value }) => callRecord(value)?.cache)).toEqual(['bypass', 'bypass']);
    expect(fake.requests).toHaveLength(2);
  });
});
