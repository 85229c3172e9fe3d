import { describe, expect, it } from 'vitest';
import { entryBytes, ResponseStore } from '../../../src/state/memory-store.js';
import { cachedAnswer } from '../../helpers/cached-answers.js';
import fc from '../../helpers/property.js';

const answerOf = (length = 1) => cachedAnswer('x'.repeat(length));
const HOUR = 3_600_000;

function storeOf(maxEntries: number, maxBytes = 1e9) {
  const store = new ResponseStore({ maxEntries, maxBytes });
  const set = (tenant: string | undefined, name: string, length?: number) =>
    store.set(`${tenant}/${name}`, answerOf(length), HOUR, tenant);
  const names = (tenant: string | undefined, candidates: readonly string[]) =>
    candidates.filter((name) => store.get(`${tenant}/${name}`) !== undefined);
  return { store, set, names };
}
const numbers = (length: number) => Array.from({ length }, (_, i) => String(i));

describe('tenants in one store', () => {
  it('evict their own oldest first if they have more than an equal part', () => {
    const { store, set, names } = storeOf(10);
    for (const name of numbers(3)) set('small', name);
    for (const name of numbers(1000)) set('large', name);
    expect(store.entries).toBe(10);
    expect(names('small', numbers(3))).toEqual(['0', '1', '2']);
    expect(names('large', numbers(1000))).toEqual(['993', '994', '995', '996', '997', '998', '999']);
  });

  it('get their part back from a larger tenant', () => {
    const { set, names } = storeOf(10);
    for (const name of numbers(10)) set('large', name);
    for (const name of numbers(5)) set('small', name);
    expect(names('small', numbers(5))).toHaveLength(5);
    expect(names('large', numbers(10))).toEqual(['5', '6', '7', '8', '9']);
  });

  it('share bytes like entries', () => {
    const { store, set, names } = storeOf(1000, 20 * entryBytes('small/0', answerOf(1000)));
    for (const name of numbers(5)) set('small', name, 1000);
    for (const name of numbers(3)) set('large', name, 12_000);
    expect(names('small', numbers(5))).toHaveLength(5);
    expect(names('large', numbers(3))).toEqual(['2']);
    expect(store.bytes).toBeLessThanOrEqual(20 * entryBytes('small/0', answerOf(1000)));
  });

  it('are one if no tenant is named: the least recently used entry goes first', () => {
    const { set, names } = storeOf(3);
    for (const name of ['a', 'b', 'c']) set(undefined, name);
    expect(names(undefined, ['a'])).toEqual(['a']);
    set(undefined, 'd');
    expect(names(undefined, ['a', 'b', 'c', 'd'])).toEqual(['a', 'c', 'd']);
  });

  it('may be many: a store of one answer each evicts in a few steps', () => {
    const { store } = storeOf(10_000);
    for (let i = 0; i < 50_000; i++) store.set(`${i}`, answerOf(), HOUR, `tenant ${i}`);
    expect(store.entries).toBe(10_000);
  });
});

describe('the store', () => {
  it('matches its model, whatever is set, read and deleted', () => {
    const step = fc.record({
      type: fc.constantFrom('set', 'set', 'set', 'get', 'delete'),
      tenant: fc.constantFrom(undefined, 'a', 'b', '__proto__'),
      name: fc.constantFrom('0', '1', '2', '3', '4', '5', '6'),
      length: fc.constantFrom(1, 100, 700, 5000),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const size = { maxEntries: 8, maxBytes: 6000 };
        const store = new ResponseStore(size);
        const lengths = new Map<string, number>();
        for (const { type, tenant, name, length } of steps) {
          const key = `${tenant}/${name}`;
          if (type === 'set') {
            store.set(key, answerOf(length), HOUR, tenant);
            lengths.set(key, length);
          } else if (type === 'delete') {
            store.delete(key);
            lengths.delete(key);
          } else {
            const found = store.get(key);
            // It may have been evicted, but is never a different or an older entry.
            if (found !== undefined) expect(found.text).toHaveLength(lengths.get(key) ?? -1);
          }
          const there = [...lengths].filter(([each]) => store.get(each) !== undefined);
          const bytes = there.reduce((sum, [each, long]) => sum + entryBytes(each, answerOf(long)), 0);
          expect([store.entries, store.bytes]).toEqual([there.length, bytes]);
          expect(store.bytes).toBeLessThanOrEqual(size.maxBytes);
          expect(store.entries).toBeLessThanOrEqual(size.maxEntries);
        }
        store.clear();
        expect([store.entries, store.bytes]).toEqual([0, 0]);
      }),
      { numRuns: 500 },
    );
  });
});
