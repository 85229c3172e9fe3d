import { redisCache, redisFleet } from 'model-router/redis';
import { answer, hang, type Script } from 'model-router/testing';
import { createClient, createCluster } from 'redis';
import { describe, expect, it, onTestFinished } from 'vitest';
import { startRedis } from '../../drills/processes/redis-server.js';
import { dollar, price } from '../helpers/fleets.js';
import { errorOf, sendChat, sendChatWith } from '../helpers/messages.js';
import { hasRedis, useRedis, wait } from '../helpers/redis.js';
import { build, type Setup } from '../helpers/routers.js';

/** Problems that users report of other routers, on a real server. */
describe.skipIf(!hasRedis)('problems that users report of other routers', { timeout: 60_000 }, () => {
  const redis = useRedis();
  let names = 0;

  const member = (name: string, script: Script = dollar, more: Setup = {}, client: object = redis.client) =>
    build(
      { a: script },
      {
        deployments: { a: { price, maxOutputTokens: 1000 } },
        routes: { standard: ['a'] },
        maxAttempts: 1,
        budgets: [{ usd: 10.5, window: 'month' }],
        // Only an unreachable Redis is to cost time here, not a busy machine.
        fleet: redisFleet(client, { name, heartbeatMs: 200, timeoutMs: 1000 }),
        ...more,
      },
    );

  it('N replicas spend one budget, not N (litellm PR#24682, bifrost#3547)', async () => {
    const name = `fleet-${names++}`;
    const members = Array.from({ length: 4 }, () => member(name));
    for (let i = 0; i < 40; i++) {
      await sendChat(members[i % 4]?.router as never).catch(() => undefined);
      if (i % 4 === 3) await wait(50);
    }
    const sent = members.reduce((sum, { fake }) => sum + fake.requests.length, 0);
    expect(sent).toBeLessThanOrEqual(10);
    expect(sent).toBeGreaterThanOrEqual(9);
  });

  it('concurrent calls do not pass before spend is recorded (litellm#34732)', async () => {
    const name = `fleet-${names++}`;
    const members = Array.from({ length: 4 }, () => member(name, hang()));
    for (const { router } of members) for (let i = 0; i < 20; i++) void sendChat(router).catch(() => undefined);
    await wait(500);
    const sent = members.reduce((sum, { fake }) => sum + fake.requests.length, 0);
    expect(sent).toBeLessThanOrEqual(10);
    expect(sent).toBeGreaterThan(0);
  });

  it('a reconnect counts nothing twice (litellm#28247)', async () => {
    const name = `fleet-${names++}`;
    const own = createClient({ url: redis.server.url, disableOfflineQueue: true, socket: { reconnectStrategy: 20 } });
    own.on('error', () => undefined);
    await own.connect();
    const one = member(name, dollar, {}, own);
    const other = member(name);
    for (let i = 0; i < 3; i++) {
      await sendChat(one.router);
      redis.server.cli('CLIENT', 'KILL', 'ID', String(await own.clientId()));
      await wait(300);
    }
    await sendChat(other.router);
    await wait(500);
    expect(other.router.snapshot().spend.budgets[0]?.spentUsd).toBeCloseTo(4, 2);
    own.destroy();
  });

  it('a cancelled stream releases its reservation (litellm PR#30522)', async () => {
    const name = `fleet-${names++}`;
    const budgets = [{ usd: 1.5, window: 'month' as const }];
    const one = member(name, hang(), { budgets });
    const other = member(name, dollar, { budgets });
    const controller = new AbortController();
    const body = { model: 'standard', messages: [{ role: 'user' as const, content: 'Hello.' }], max_tokens: 1000 };
    const stream = one.router.chat.completions.create({ ...body, stream: true }, { signal: controller.signal });
    stream.catch(() => undefined);
    await wait(300);
    await errorOf(sendChat(other.router));
    controller.abort();
    await errorOf(stream);
    await wait(300);
    // No caller waits for it, and its possible cost is booked: less than its whole reservation.
    expect(one.router.snapshot().spend.budgets[0]?.reservedUsd).toBe(0);
  });

  describe('an unreachable Redis', () => {
    const unreachable = (more: Setup = {}) => {
      const lines: string[] = [];
      // It queues commands until it is connected, as it does by default.
      const gone = createClient({ url: 'redis://127.0.0.1:1', socket: { reconnectStrategy: 50 } });
      gone.on('error', () => undefined);
      void gone.connect().catch(() => undefined);
      onTestFinished(() => gone.destroy());
      const log = { error: line, info() {}, debug() {}, warn: line };
      function line(text: string) {
        lines.push(text);
      }
      const cacheStore = redisCache(gone, { name: `cache-${names++}` });
      const cached = { cacheStore, cache: { mode: 'all' } as const };
      const built = member(`fleet-${names++}`, answer(), { ...cached, logger: log, logLevel: 'warn', ...more }, gone);
      return { ...built, lines };
    };

    it('blocks no request (litellm PR#35273)', async () => {
      const { router, fake } = unreachable({ budgets: [] });
      for (let i = 0; i < 50; i++) {
        const before = fake.requests.length;
        const call = sendChatWith(router, { tenant: `${i}` });
        // A call that waited for anything would not be sent within a turn of the event loop.
        await new Promise((resolve) => setImmediate(resolve));
        expect(fake.requests.length).toBe(before + 1);
        await call;
      }
    });

    it('logs two lines in all, not a traceback per request (litellm#40620)', async () => {
      const { router, lines } = unreachable({ budgets: [] });
      for (let i = 0; i < 50; i++) await sendChatWith(router, { tenant: `${i}` });
      await wait(1500);
      expect(lines.filter((line) => line.includes('not connected')).length).toBeGreaterThan(0);
      expect(lines.length).toBeLessThanOrEqual(2);
    });
  });

  it('gets no connection of the router’s own, against "Max number of clients reached" (litellm PR#34871)', async () => {
    const before = Number(/connected_clients:(\d+)/.exec(redis.server.cli('INFO', 'clients'))?.[1]);
    const members = Array.from({ length: 8 }, () => member(`fleet-${names++}`));
    for (const { router } of members) await sendChat(router);
    expect(Number(/connected_clients:(\d+)/.exec(redis.server.cli('INFO', 'clients'))?.[1])).toBe(before);
  });

  it('counters have a time to live (litellm#38987)', async () => {
    const name = `fleet-${names++}`;
    await sendChat(member(name).router);
    const keys = redis.server.cli('KEYS', `mr1:{${name}}:*`).split('\n');
    expect(keys.length).toBeGreaterThanOrEqual(2);
    for (const key of keys) expect(Number(redis.server.cli('PTTL', key)), key).toBeGreaterThan(0);
  });

  it('cached answers do not cross tenants (litellm#29955)', async () => {
    const cacheStore = redisCache(redis.client, { name: `cache-${names++}` });
    const members = [1, 2].map(() => member(`fleet-${names++}`, answer(), { cacheStore, cache: { mode: 'all' } }));
    for (const tenant of ['one', 'two', 'one'])
      for (const { router } of members) {
        await sendChatWith(router, { tenant });
        await wait(100);
      }
    expect(members.map(({ fake }) => fake.requests.length)).toEqual([2, 0]);
  });

  it('budgets of many tenants work on a cluster of three nodes, without CROSSSLOT (litellm#11961)', async () => {
    const nodes = await Promise.all(Array.from({ length: 3 }, () => startRedis('--cluster-enabled', 'yes')));
    try {
      const slots = [
        [0, 5460],
        [5461, 10_922],
        [10_923, 16_383],
      ];
      for (const [i, node] of nodes.entries()) node.cli('CLUSTER', 'ADDSLOTSRANGE', ...(slots[i] ?? []).map(String));
      for (const node of nodes.slice(1)) nodes[0]?.cli('CLUSTER', 'MEET', '127.0.0.1', String(node.port));
      for (let i = 0; i < 100 && !nodes.every((node) => node.cli('CLUSTER', 'INFO').includes('cluster_state:ok')); i++)
        await wait(100);
      const cluster = createCluster({ rootNodes: nodes.map(({ url }) => ({ url })) });
      cluster.on('error', () => undefined);
      await cluster.connect();
      const lines: string[] = [];
      const log = { error() {}, info() {}, debug() {}, warn: (line: string) => lines.push(line) };
      const { router, fake } = member(
        'clustered',
        dollar,
        { budgets: [{ usd: 1.5, window: 'month', per: 'tenant' }], logger: log, logLevel: 'warn' },
        cluster,
      );
      for (let i = 0; i < 20; i++) {
        await router.withOptions({ tenant: `t${i}` }).chat.completions.create({ model: 'standard', messages: [] });
      }
      await wait(500);
      expect(fake.requests).toHaveLength(20);
      expect(lines.filter((line) => line.includes('does not answer'))).toEqual([]);
      await router.close();
      cluster.destroy();
    } finally {
      for (const node of nodes) await node.stop();
    }
  });
});
