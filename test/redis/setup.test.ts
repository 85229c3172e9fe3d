import { readFileSync } from 'node:fs';
import { Redis } from 'ioredis';
import { type RedisClient, redisCache, redisFleet, tieredCache } from 'model-router/redis';
import { answer, fail, type Script } from 'model-router/testing';
import { createClient, createCluster } from 'redis';
import { describe, expect, it, onTestFinished, vi } from 'vitest';
import { startRedis } from '../../drills/processes/redis-server.js';
import { dollar, price } from '../helpers/fleets.js';
import { sendChat } from '../helpers/messages.js';
import { hasRedis, useRedisServer, wait } from '../helpers/redis.js';
import { build, type Setup } from '../helpers/routers.js';

const page = readFileSync(new URL('../../docs/fleet.md', import.meta.url), 'utf8');
/** The permissions of the Redis user in the page on fleets. */
const aclRules = () => /^ACL SETUSER router (.+)$/m.exec(page)?.[1]?.split(' ') ?? [];

describe.skipIf(!hasRedis)('the setup of a fleet, on a real server', { timeout: 60_000 }, () => {
  // With a flush per second, recent answers would be lost when the server is killed.
  const redis = useRedisServer('--appendonly', 'yes', '--appendfsync', 'always');

  /** A router in the fleet, and its lines at `warn`. */
  function member(name: string, client: RedisClient, more: Setup = {}, script: Script = dollar) {
    const lines: string[] = [];
    const built = build(
      { a: script },
      {
        deployments: { a: { price, maxOutputTokens: 1000, rpm: 600 } },
        routes: { standard: ['a'] },
        maxAttempts: 1,
        budgets: [{ usd: 400, window: 'month' }],
        // A busy machine is slow: what counts here is which lines and commands there are.
        fleet: redisFleet(client, { name, heartbeatMs: 100, timeoutMs: 2000 }),
        logger: { error() {}, info() {}, debug() {}, warn: (line: string) => lines.push(line) },
        logLevel: 'warn',
        ...more,
      },
    );
    return { ...built, lines: () => lines.filter((line) => line.startsWith('model-router fleet')) };
  }

  const nodeRedis = (more: object = {}) => {
    const client = createClient({
      url: redis.server.url,
      disableOfflineQueue: true,
      socket: { reconnectStrategy: 20 },
      ...more,
    });
    client.on('error', () => undefined);
    onTestFinished(() => client.destroy());
    return client;
  };
  const ioredis = (more: object = {}) => {
    const client = new Redis({ port: redis.server.port, enableOfflineQueue: false, retryStrategy: () => 20, ...more });
    client.on('error', () => undefined);
    onTestFinished(() => client.disconnect());
    return client;
  };

  /** The same for a client of either library, connected as a Redis user. */
  const libraries: [string, (user: { username: string; password: string }) => Promise<RedisClient>][] = [
    ['redis', (user) => nodeRedis(user).connect()],
    [
      'ioredis',
      async (user) => {
        const client = ioredis(user);
        await vi.waitFor(() => expect(client.status).toBe('ready'), { timeout: 10_000 });
        return client;
      },
    ],
  ];

  it.each(libraries)('needs only the commands that the page on fleets names: %s', async (library, connect) => {
    const rules = aclRules();
    const allowed = rules.filter((rule) => rule.startsWith('+')).map((rule) => rule.slice(1));
    expect(allowed.length).toBeGreaterThan(10);
    redis.server.cli('ACL', 'SETUSER', `router-${library}`, 'reset', ...rules);
    redis.server.cli('ACL', 'LOG', 'RESET');
    redis.server.cli('SCRIPT', 'FLUSH');
    redis.server.cli('CONFIG', 'RESETSTAT');
    const client = await connect({ username: `router-${library}`, password: 'password' });

    // Budgets, rates, and a pause that comes, is extended, and ends.
    let isBusy = true;
    const busy = () => (isBusy ? fail(429, { headers: { 'retry-after': '1' } }) : answer());
    const name = `acl-${library}`;
    // A busy machine may answer late, which is not what this test is about.
    const far = redisCache(client, { name, timeoutMs: 5000 });
    const cache = { cacheStore: tieredCache(far, { localMs: 50 }), cache: { mode: 'all', ttlMs: 50, staleMs: 60_000 } };
    const one = member(name, client, {}, busy as never);
    const two = member(name, client, cache as never);
    await sendChat(one.router).catch(() => undefined);
    await wait(300);
    isBusy = false;
    await wait(1000);
    await sendChat(one.router);
    for (let i = 0; i < 3; i++) {
      await sendChat(two.router);
      await wait(150);
    }
    await far.delete('an answer');
    await far.clear();
    await one.router.close();
    await two.router.close();

    const lines = redis.server.cli('ACL', 'LOG').split('\n');
    const denied = lines.filter((_, i) => lines[i - 1] === 'object');
    // Commands that the libraries send when they connect, and can do without.
    expect(denied.filter((command) => !/^(client|hello)\b/.test(command))).toEqual([]);
    expect([...one.lines(), ...two.lines()]).toEqual([]);
    const stats = redis.server.cli('INFO', 'commandstats').matchAll(/cmdstat_(\S+?):calls=(\d+)/g);
    const used = new Set([...stats].flatMap(([, command = '']) => command));
    for (const command of allowed) expect(used, command).toContain(command);
  });

  it('needs `cluster|slots` too on a cluster, and does without `info`', async () => {
    const node = await startRedis('--cluster-enabled', 'yes');
    onTestFinished(() => node.stop());
    node.cli('CLUSTER', 'ADDSLOTSRANGE', '0', '16383');
    await vi.waitFor(() => expect(node.cli('CLUSTER', 'INFO')).toContain('cluster_state:ok'), { timeout: 10_000 });
    node.cli('ACL', 'SETUSER', 'router', ...aclRules(), '-info', '+cluster|slots');
    const defaults = { username: 'router', password: 'password' };
    const cluster = createCluster({ rootNodes: [{ url: node.url }], defaults });
    cluster.on('error', () => undefined);
    await cluster.connect();
    onTestFinished(() => cluster.destroy());
    const cacheStore = redisCache(cluster, { name: 'clustered' });
    const { router, lines, fake } = member('clustered', cluster, { cacheStore, cache: { mode: 'all' } });
    for (let i = 0; i < 2; i++) {
      await sendChat(router);
      await wait(300);
    }
    expect(fake.requests).toHaveLength(1);
    expect(lines()).toEqual([]);
    expect(node.cli('KEYS', 'mr1:*').split('\n').length).toBeGreaterThanOrEqual(3);
  });

  it.each<[string, () => RedisClient]>([
    ['redis', () => nodeRedis()],
    ['ioredis', () => ioredis({ lazyConnect: true })],
  ])('warns once and throws nothing for a client that is not connected: %s', async (library, clientOf) => {
    const { router, lines } = member(`unconnected-${library}`, clientOf(), { budgets: [] });
    for (let i = 0; i < 3; i++) await sendChat(router);
    await wait(1000);
    const warned = lines().filter((line) => line.includes('not connected: call'));
    expect(warned).toEqual([expect.stringMatching(/`await client\.connect\(\)` before the first request/)]);
  });

  it('warns once about a server that evicts', async () => {
    redis.server.cli('CONFIG', 'SET', 'maxmemory', '100mb');
    redis.server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    const { router, lines } = member('evicting', await nodeRedis().connect());
    for (let i = 0; i < 3; i++) await sendChat(router);
    await wait(400);
    expect(lines()).toEqual([expect.stringMatching(/evicts keys.*allkeys-lru.*noeviction/)]);
    redis.server.cli('CONFIG', 'SET', 'maxmemory', '0');
    redis.server.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  });

  it('warns once about a newer version of the script in the fleet', async () => {
    redis.server.cli('HSET', 'mr1:{newer}:workers', 'v', '99');
    const { router, lines } = member('newer', await nodeRedis().connect());
    for (let i = 0; i < 3; i++) await sendChat(router);
    await wait(400);
    expect(lines()).toEqual([expect.stringMatching(/script version 99, this one \d+: update model-router here too/)]);
  });

  it('logs one line when Redis goes and one when it is back, and fails no call', async () => {
    const { router, lines } = member('gone', await nodeRedis().connect());
    await sendChat(router);
    for (let round = 1; round <= 2; round++) {
      await redis.server.kill();
      await vi.waitFor(() => expect(lines()).toHaveLength(2 * round - 1), { timeout: 10_000 });
      for (let i = 0; i < 5; i++) await sendChat(router);
      await redis.server.restart();
      await vi.waitFor(() => expect(lines()).toHaveLength(2 * round), { timeout: 10_000 });
      for (let i = 0; i < 5; i++) await sendChat(router);
    }
    for (const [i, line] of lines().entries())
      expect(line).toMatch(
        i % 2 === 0 ? /Redis does not answer \(.+\); this process uses its outage share$/ : /Redis answers again$/,
      );
    expect(lines().join(' ')).not.toContain('127.0.0.1');
  });
});
