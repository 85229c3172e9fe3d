import { Redis } from 'ioredis';
import { type RedisClient, redisCache, tieredCache } from 'model-router/redis';
import { cacheStoreContract, fleetStoreContract } from 'model-router/testing';
import { createClient } from 'redis';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { commandsOf } from '../../src/redis/commands.js';
import { redisFleetStore } from '../../src/redis/redis-store.js';
import { hasRedis, useRedisServer, wait } from '../helpers/redis.js';

describe.skipIf(!hasRedis)('on a real server', () => {
  const redis = useRedisServer();
  const clients: Record<string, RedisClient> = {};
  const ends: (() => void)[] = [];
  let names = 0;

  beforeAll(async () => {
    const node = createClient({ url: redis.server.url });
    node.on('error', () => undefined);
    await node.connect();
    const io = new Redis(redis.server.url);
    await new Promise((resolve) => io.once('ready', resolve));
    clients.redis = node;
    clients.ioredis = io;
    // Any object with these two methods, in ioredis's form.
    clients.own = {
      eval: (...args: [string, number, ...string[]]) => io.eval(...args),
      evalsha: (...args: [string, number, ...string[]]) => io.evalsha(...args),
    };
    ends.push(
      () => node.destroy(),
      () => io.disconnect(),
    );
  });
  afterAll(() => {
    for (const end of ends) end();
  });

  for (const library of ['redis', 'ioredis', 'own']) {
    const clientOf = () => clients[library] as RedisClient;
    fleetStoreContract(
      { describe, it },
      `the ledger over ${library}`,
      () => redisFleetStore(commandsOf('client', clientOf())),
      wait,
    );
  }
  for (const library of ['redis', 'ioredis']) {
    const clientOf = () => clients[library] as RedisClient;
    const fresh = () => redisCache(clientOf(), { name: `cache-${names++}` });
    cacheStoreContract({ describe, it }, `redisCache over ${library}`, fresh, wait);
    cacheStoreContract({ describe, it }, `tieredCache over ${library}`, () => tieredCache(fresh()), wait);
  }

  it('reports whether a server evicts', async () => {
    const store = redisFleetStore(commandsOf('client', clients.redis));
    expect(await store.warnings?.()).toEqual([]);
    redis.server.cli('CONFIG', 'SET', 'maxmemory', '100mb');
    redis.server.cli('CONFIG', 'SET', 'maxmemory-policy', 'allkeys-lru');
    expect(await store.warnings?.()).toEqual([expect.stringMatching(/allkeys-lru.*noeviction/)]);
    redis.server.cli('CONFIG', 'SET', 'maxmemory', '0');
    redis.server.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction');
  });

  it('gives every key a time to live, and puts no readable content into keys', () => {
    const keys = redis.server.cli('KEYS', '*').split('\n');
    expect(keys.length).toBeGreaterThan(20);
    for (const key of keys) {
      expect(Number(redis.server.cli('PTTL', key)), key).toBeGreaterThan(0);
      expect(key).toMatch(
        /^mr1:(\{[\w.-]+\}:(workers|pauses|(spend|rate):[\w-]+)|[\w.-]+:c1:(generation|\w+:[\w-]{43}))$/,
      );
    }
  });
});
