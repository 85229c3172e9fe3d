import { callOptions, ModelRouter, type RouterSettings } from 'model-router';
import { answer } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { errorOf, sendChat } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

const clients = { default: { apiKey: 'sk-a', baseURL: 'https://a.test/v1' } };
const store = { get: () => undefined, set: () => undefined, delete: () => undefined, clear: () => undefined };

describe('options of the cache', () => {
  it.each<[string, object]>([
    ['cache', { cache: 'all' }],
    ['cache.mode', { cache: { mode: 'some' } }],
    ['cache.ttlMs', { cache: { ttlMs: -1 } }],
    ['cache.staleMs', { cache: { staleMs: '5' } }],
    ['cache.staleIfErrorMs', { cache: { staleIfErrorMs: Number.NaN } }],
    ['cache.toolCalls', { cache: { toolCalls: 1 } }],
    ['cache.maxEntries', { cache: { maxEntries: 0 } }],
    ['cache.maxBytes', { cache: { maxBytes: 1.5 } }],
    ['cache.ttl', { cache: { ttl: 5 } }],
    ['tenant', { tenant: '' }],
    ['cacheStore.clear', { cacheStore: { ...store, clear: undefined } }],
    ['cache.maxBytes', { cacheStore: store, cache: { maxBytes: 5 } }],
  ])('%s is checked', (option, settings) => {
    expect(() => new ModelRouter({ clients, ...(settings as RouterSettings) })).toThrow(
      expect.objectContaining({ code: 'invalid_option', option }),
    );
  });

  it('the size belongs to the store, so a call or a view cannot set it', async () => {
    const { router } = build({ a: answer() });
    const cache = { mode: 'all', maxEntries: 5 } as const;
    expect(await errorOf(sendChat(router, 'standard', callOptions({ cache })))).toMatchObject({
      option: 'cache.maxEntries',
    });
    expect(() => router.withOptions({ cache })).toThrow(expect.objectContaining({ option: 'cache.maxEntries' }));
  });

  it('a route may set the size, and the largest counts', async () => {
    const { router } = build(
      { a: answer() },
      {
        cache: { mode: 'all', maxEntries: 1 },
        routes: { standard: ['a'], b: { deployments: ['a'], cache: { mode: 'all', maxEntries: 2 } } },
        deployments: { a: {} },
      },
    );
    for (const query of ['1', '2', '3']) await sendChat(router, 'standard', { query: { query } });
    expect(router.snapshot().cache.entries).toBe(2);
  });
});
