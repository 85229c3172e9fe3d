import type { CachedAnswer, CacheStore } from 'model-router';
import { callRecord } from 'model-router';
import { answer, cacheStoreContract } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { ResponseStore } from '../../src/state/memory-store.js';
import { cachedAnswer } from '../helpers/cached-answers.js';
import { pass, useFakeTime, watch } from '../helpers/clock.js';
import { sendChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

/** Behaves like a store in another process: everything takes time, and goes through text. */
class FarStore implements CacheStore {
  readonly #kept = new Map<string, { text: string; until: number }>();
  async get(key: string): Promise<CachedAnswer | undefined> {
    await Promise.resolve();
    const found = this.#kept.get(key);
    return found === undefined || found.until <= performance.now() ? undefined : JSON.parse(found.text);
  }
  async set(key: string, kept: CachedAnswer, keepMs: number): Promise<void> {
    this.#kept.set(key, { text: JSON.stringify(kept), until: performance.now() + keepMs });
  }
  async delete(key: string): Promise<void> {
    this.#kept.delete(key);
  }
  async clear(): Promise<void> {
    this.#kept.clear();
  }
}

const size = { maxEntries: 1000, maxBytes: 1024 * 1024 };
cacheStoreContract({ describe, it }, 'the store in memory', () => new ResponseStore(size), pass);
cacheStoreContract({ describe, it }, 'a store that answers with promises', () => new FarStore(), pass);

describe('an application’s store', () => {
  it('is used by the router', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true, cacheStore: new FarStore() });
    await sendChat(router);
    expect(callRecord(await sendChat(router))?.cache).toBe('hit');
    expect(calledModels()).toHaveLength(1);
    expect(router.snapshot().cache).toMatchObject({ hits: 1, entries: null, bytes: null });
  });

  it.each<[string, Partial<CacheStore>]>([
    ['throws', { get: () => raise(), set: () => raise() }],
    ['rejects', { get: () => Promise.reject(new Error('down')), set: () => Promise.reject(new Error('down')) }],
    ['returns nonsense', { get: () => JSON.parse('{"kind":"json","text":"{","storedAt":0}') }],
  ])('harms no call when it %s', async (_, broken) => {
    const none = { get: () => undefined, set: () => undefined, delete: () => undefined, clear: () => undefined };
    const { router } = build({ a: answer() }, { cache: true, cacheStore: { ...none, ...broken } });
    expect(callRecord(await sendChat(router))?.cache).toBe('miss');
    await pass(0);
  });

  it('has 100 ms to answer', async () => {
    const store = new FarStore();
    store.get = () => new Promise(() => undefined);
    const { router } = build({ a: answer() }, { cache: true, cacheStore: store });
    const call = watch(sendChat(router));
    await pass(99);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });
});

describe('the store in memory', () => {
  it('deletes expired entries, and does not count a look as a use', async () => {
    const store = new ResponseStore({ maxEntries: 2, maxBytes: 100_000 });
    const kept = { kind: 'json', text: '1', storedAt: 0, requestId: null, deployment: null } as const;
    const answer: CachedAnswer = { ...kept, servedModel: null, region: null, costUsd: null, tokens: null };
    store.set('a', answer, 10);
    store.set('b', answer, 1000);
    await pass(10);
    expect(store.get('a')).toBeUndefined();
    expect(store.entries).toBe(1);
    store.set('c', answer, 1000);
    expect([store.get('b'), store.get('c')]).toEqual([answer, answer]);
  });

  it('stays within its bytes over very many prompts, and fails no call by eviction', () => {
    const store = new ResponseStore({ maxEntries: 100_000, maxBytes: 200_000 });
    let most = 0;
    for (let i = 0; i < 1_000_000; i++) {
      store.set(`key ${i}`, cachedAnswer('"An answer."'), 60_000);
      most = Math.max(most, store.bytes);
    }
    expect(most).toBeLessThanOrEqual(200_000);
    expect(store.entries).toBeGreaterThan(100);
    expect(store.get('key 999999')).toBeDefined();
    expect(store.get('key 0')).toBeUndefined();
    store.set('large', cachedAnswer('x'.repeat(300_000)), 60_000);
    expect(store.get('large')).toBeUndefined();
  });
});

function raise(): never {
  throw new Error('The store is down.');
}
