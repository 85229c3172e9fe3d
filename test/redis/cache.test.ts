import { redisCache, tieredCache } from 'model-router/redis';
import { answer } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { cachedAnswer } from '../helpers/cached-answers.js';
import { sendChat, sendChatWith } from '../helpers/messages.js';
import { hasRedis, useRedis, wait } from '../helpers/redis.js';
import { build } from '../helpers/routers.js';

describe.skipIf(!hasRedis)('a cache that processes share', () => {
  const redis = useRedis();
  let names = 0;
  const name = () => `cache-${names++}`;
  const routers = (
    count: number,
    store: () => ReturnType<typeof redisCache>,
    cache: object = { mode: 'all' },
    script = answer(),
  ) => Array.from({ length: count }, () => build({ a: script }, { cacheStore: store(), cache }));
  /** Answers are stored after the call: waits for one, and returns its key. */
  const storedKey = (shared: string) =>
    vi.waitFor(() => {
      const key = redis.server.cli('KEYS', `mr1:${shared}:c1:0:*`).split('\n')[0] ?? '';
      expect(key).not.toBe('');
      return key;
    });

  it('answers one process with another’s stored answer', async () => {
    const shared = name();
    const [one, two] = routers(2, () => redisCache(redis.client, { name: shared }));
    await sendChat(one?.router as never);
    await storedKey(shared);
    await sendChat(two?.router as never);
    expect(two?.fake.requests).toEqual([]);
  });

  it('shares nothing across tenants or names', async () => {
    const shared = name();
    const [one, two] = routers(2, () => redisCache(redis.client, { name: shared }));
    await sendChatWith(one?.router as never, { tenant: 'one' });
    await storedKey(shared);
    await sendChatWith(two?.router as never, { tenant: 'two' });
    expect(two?.fake.requests).toHaveLength(1);
    const [other] = routers(1, () => redisCache(redis.client, { name: name() }));
    await sendChatWith(other?.router as never, { tenant: 'one' });
    expect(other?.fake.requests).toHaveLength(1);
  });

  it('compresses long answers only', async () => {
    const shared = name();
    const text = 'Once upon a time. '.repeat(2000);
    const [long] = routers(1, () => redisCache(redis.client, { name: shared }), { mode: 'all' }, answer(text));
    await sendChat(long?.router as never);
    expect(Number(redis.server.cli('STRLEN', await storedKey(shared)))).toBeLessThan(4000);
    const [reader] = routers(1, () => redisCache(redis.client, { name: shared }));
    const completion = await sendChat(reader?.router as never);
    expect((completion as { choices: { message: { content: string } }[] }).choices[0]?.message.content).toBe(text);
  });

  it('forgets all entries in all processes within a second of clear(), and deletes no key', async () => {
    const shared = name();
    const stores = [redisCache(redis.client, { name: shared }), redisCache(redis.client, { name: shared })];
    const sample = cachedAnswer('1', 1);
    await stores[0]?.set('a', sample, 60_000);
    expect(await stores[1]?.get('a')).toEqual(sample);
    await stores[0]?.clear();
    expect(await stores[0]?.get('a')).toBeUndefined();
    await wait(1050);
    expect(await stores[1]?.get('a')).toBeUndefined();
  });

  it('lets one process refresh a stale answer', async () => {
    const shared = name();
    const cache = { mode: 'all', ttlMs: 100, staleMs: 60_000 };
    const members = routers(4, () => redisCache(redis.client, { name: shared }), cache);
    await sendChat(members[0]?.router as never);
    await wait(200);
    for (const { router } of members) await sendChat(router);
    await wait(100);
    const refreshes = members.reduce((sum, { fake }) => sum + fake.requests.length, 0) - 1;
    expect(refreshes).toBe(1);
  });

  it('serves from its own memory first, with tieredCache', async () => {
    const shared = name();
    const far = redisCache(redis.client, { name: shared });
    const get = vi.spyOn(far, 'get');
    const [near] = routers(1, () => tieredCache(far));
    for (let i = 0; i < 5; i++) await sendChat(near?.router as never);
    expect(near?.fake.requests).toHaveLength(1);
    expect(get).toHaveBeenCalledTimes(1);
  });

  it('misses where Redis hangs or is down; after five failures no call waits for it', async () => {
    const shared = name();
    const send = vi.spyOn(redis.client, 'sendCommand');
    const [member] = routers(1, () => redisCache(redis.client, { name: shared, timeoutMs: 50 }));
    redis.server.signal('SIGSTOP');
    for (let i = 0; i < 8; i++) await sendChatWith(member?.router as never, { tenant: `${i}` });
    redis.server.signal('SIGCONT');
    expect(member?.fake.requests).toHaveLength(8);
    // For the generation and the answer; the last three calls did not wait.
    expect(send).toHaveBeenCalledTimes(5);
    await wait(1100);
    await sendChat(member?.router as never);
    await storedKey(shared);
    await sendChat(member?.router as never);
    expect(member?.fake.requests).toHaveLength(9);
  });
});
