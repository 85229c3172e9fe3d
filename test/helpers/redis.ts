import { createClient } from 'redis';
import { afterAll, beforeAll } from 'vitest';
import { type RedisServer, startRedis } from '../../drills/processes/redis-server.js';

export { setTimeout as wait } from 'node:timers/promises';
export { hasRedis } from '../../drills/processes/redis-server.js';

/** A real server for the tests of a `describe`, from their beginning to their end. */
export function useRedisServer(...options: string[]): { readonly server: RedisServer } {
  let server: RedisServer;
  beforeAll(async () => {
    server = await startRedis(...options);
  });
  afterAll(() => server.stop());
  return {
    get server() {
      return server;
    },
  };
}

/** The same, and a client that is connected to it. */
export function useRedis(): { readonly server: RedisServer; readonly client: ReturnType<typeof createClient> } {
  const redis = useRedisServer();
  let client: ReturnType<typeof createClient>;
  beforeAll(async () => {
    client = createClient({ url: redis.server.url, disableOfflineQueue: true });
    client.on('error', () => undefined);
    await client.connect();
  });
  afterAll(() => client.destroy());
  return {
    get server() {
      return redis.server;
    },
    get client() {
      return client;
    },
  };
}
