import assert from 'node:assert/strict';
import type { CachedAnswer, CacheStore } from '../state/cache-store.js';

/** The functions of a test runner: vitest's, node:test's, jest's. */
export interface TestRunner {
  describe: (name: string, body: () => void) => unknown;
  it: (name: string, body: () => Promise<void>) => unknown;
}

/**
 * Tests that any store of the response cache must pass: `cacheStoreContract({ describe, it }, 'my store', () => new
 * MyStore(), waitMs)`. `waitMs` lets that many milliseconds pass, on a fake clock or a real one.
 */
export function cacheStoreContract(
  { describe, it }: TestRunner,
  name: string,
  create: () => CacheStore | Promise<CacheStore>,
  waitMs: (ms: number) => Promise<unknown>,
): void {
  describe(name, () => {
    it('returns what was set, and nothing for another key', async () => {
      const store = await create();
      await store.set('a', sample('one'), 60_000);
      await store.set('b', sample('two'), 60_000);
      assert.deepEqual(await store.get('a'), sample('one'));
      assert.deepEqual(await store.get('b'), sample('two'));
      assert.equal((await store.get('c')) ?? undefined, undefined);
    });

    it('keeps the last answer that was set', async () => {
      const store = await create();
      await store.set('a', sample('one'), 60_000);
      await store.set('a', sample('two'), 60_000);
      assert.deepEqual(await store.get('a'), sample('two'));
    });

    it('stores any text unchanged', async () => {
      const store = await create();
      const text = JSON.stringify(['\u0000', '日本語', '😀', '"\\', '__proto__', 'x'.repeat(100_000)]);
      await store.set('a', sample(text), 60_000);
      assert.equal((await store.get('a'))?.text, text);
    });

    it('takes any key, also the names that every object has', async () => {
      const store = await create();
      for (const key of ['__proto__', 'constructor', 'toString', 'a b']) {
        assert.equal((await store.get(key)) ?? undefined, undefined);
        await store.set(key, sample(key), 60_000);
        assert.deepEqual(await store.get(key), sample(key));
      }
    });

    it('forgets what is deleted, and everything when it is cleared', async () => {
      const store = await create();
      for (const key of ['a', 'b', 'c']) await store.set(key, sample(key), 60_000);
      await store.delete('a');
      await store.delete('never set');
      assert.equal((await store.get('a')) ?? undefined, undefined);
      assert.deepEqual(await store.get('b'), sample('b'));
      await store.clear();
      assert.equal((await store.get('b')) ?? undefined, undefined);
      assert.equal((await store.get('c')) ?? undefined, undefined);
    });

    it('returns no answer after its time to live', async () => {
      const store = await create();
      await store.set('a', sample('one'), 200);
      assert.deepEqual(await store.get('a'), sample('one'));
      await waitMs(250);
      assert.equal((await store.get('a')) ?? undefined, undefined);
    });
  });
}

function sample(text: string): CachedAnswer {
  return {
    kind: 'json',
    text,
    storedAt: 1_900_000_000_000,
    requestId: null,
    deployment: 'a',
    servedModel: 'm',
    region: null,
    costUsd: 0.001,
    tokens: 10,
  };
}
