import { InvalidOptionError, ModelRouter } from 'model-router';
import { type FleetReply, memoryFleetStore, redisCache, redisFleet, storeFleet, tieredCache } from 'model-router/redis';
import { describe, expect, it } from 'vitest';
import { pass, settled, useFakeTime } from '../../helpers/clock.js';
import { fleetOf, type Member } from '../../helpers/fleets.js';
import { sendChat } from '../../helpers/messages.js';

useFakeTime();

const client = { eval: () => Promise.reject(new Error('down')), evalsha: () => Promise.reject(new Error('down')) };
const messageOf = (run: () => unknown): string => {
  try {
    run();
  } catch (error) {
    expect(error).toBeInstanceOf(InvalidOptionError);
    return (error as Error).message;
  }
  throw new Error('It was allowed.');
};

describe('invalid options of a fleet', () => {
  it.each<[string, unknown, RegExp]>([
    ['no options', undefined, /fleet\.name.*required.*checkout-prod/],
    ['no name', {}, /fleet\.name.*required/],
    ['a name that cannot be a key', { name: 'a{b}' }, /fleet\.name.*a\{b\}/],
    ['an empty name', { name: '' }, /fleet\.name/],
    ['a heartbeat of 0', { name: 'a', heartbeatMs: 0 }, /fleet\.heartbeatMs.*0/],
    ['an outage share of all', { name: 'a', outageShare: 1 }, /fleet\.outageShare.*1/],
    ['an unknown whenDown', { name: 'a', whenDown: 'open' }, /fleet\.whenDown.*"open".*"share", "refuse", "allow"/],
    ['an unknown lost', { name: 'a', lost: 'forget' }, /fleet\.lost.*"forget"/],
    ['breakers as facts', { name: 'a', share: { breakers: true } }, /fleet\.share\.breakers.*true/],
    ['an unknown share', { name: 'a', share: { pause: true } }, /fleet\.share\.pause.*pauses/],
    ['a misspelt option', { name: 'a', heartBeatMs: 1 }, /heartBeatMs.*heartbeatMs/],
  ])('%s', (_, options, message) => {
    expect(messageOf(() => redisFleet(client, options as never))).toMatch(message);
  });

  it.each<[string, unknown, RegExp]>([
    ['a URL', 'redis://:secret@127.0.0.1', /redisFleet.*string.*connected client/],
    ['nothing', undefined, /redisFleet/],
    ['a promise', Promise.resolve(client), /promise.*await/],
    ['an object without commands', {}, /eval and evalsha/],
  ])('refuses a client that is %s', (_, given, message) => {
    const text = messageOf(() => redisFleet(given as never, { name: 'a' }));
    expect(text).toMatch(message);
    expect(text).not.toContain('secret');
    expect(() => redisCache(given as never, { name: 'a' })).toThrow(InvalidOptionError);
  });

  it('are refused by the cache', () => {
    expect(messageOf(() => redisCache(client, {} as never))).toMatch(/redisCache\.name.*required/);
    expect(messageOf(() => redisCache(client, { name: 'a', timeoutMs: 0 }))).toMatch(/redisCache\.timeoutMs/);
    expect(messageOf(() => tieredCache({} as never))).toMatch(/tieredCache/);
    expect(messageOf(() => tieredCache(redisCache(client, { name: 'a' }), { localMs: -1 }))).toMatch(/localMs/);
  });

  it('are refused by the router', () => {
    const clients = { default: { apiKey: 'sk-test', baseURL: 'https://a.test/v1' } };
    expect(messageOf(() => new ModelRouter({ clients, fleet: 'redis' as never }))).toMatch(/fleet.*redisFleet/);
  });
});

describe('one warning, and no error', () => {
  it('is not written if a call is only explained: the fleet gets no command', async () => {
    const commands: string[] = [];
    const store = { ...memoryFleetStore(), isReady: () => commands.push('isReady') > 0 };
    const [member] = fleetOf(1, store);
    (member as Member).router.explain({ model: 'chat', messages: [] });
    await pass(1000);
    expect(commands).toEqual([]);
    await settled(sendChat((member as Member).router));
    expect(commands).not.toEqual([]);
  });

  it('is written where the client is not connected', async () => {
    const store = { ...memoryFleetStore(), isReady: () => false };
    const [member] = fleetOf(1, store);
    expect((await settled(sendChat((member as Member).router))).state).toBe('fulfilled');
    await settled(sendChat((member as Member).router));
    await pass(2000);
    const lines = member?.warnings.filter((line) => line.includes('not connected'));
    expect(lines).toEqual([expect.stringMatching(/call `await client\.connect\(\)`/)]);
  });

  it('is written where the server evicts, or other processes are newer', async () => {
    const inner = memoryFleetStore();
    const store = {
      exchange: async (message: never): Promise<FleetReply> => ({ ...(await inner.exchange(message)), version: 99 }),
      warnings: () => Promise.resolve(['the Redis server evicts keys']),
    };
    const [member] = fleetOf(1, store as never);
    for (let i = 0; i < 3; i++) await settled(sendChat((member as Member).router));
    await pass(5000);
    expect(member?.warnings).toEqual([
      'model-router fleet test: the Redis server evicts keys',
      expect.stringMatching(/script version 99.*update model-router/),
    ]);
  });

  it('a store of your own connects in the same way', () => {
    expect(storeFleet(memoryFleetStore(), { name: 'a' })).toHaveProperty('connect');
  });
});
