import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LruMap } from '../../../src/util/lru-map.js';

describe('a map of bounded size', () => {
  it('drops the entry that was used longest ago, and reports it', () => {
    const evicted: number[] = [];
    const map = new LruMap<number>(2, (value) => evicted.push(value));
    map.set('a', 1);
    map.set('b', 2);
    expect(map.get('a')).toBe(1);
    map.set('c', 3);
    expect(evicted).toEqual([2]);
    expect([map.has('a'), map.has('b'), map.has('c')]).toEqual([true, false, true]);
  });

  it('reports neither what is replaced nor what is deleted', () => {
    const evicted: number[] = [];
    const map = new LruMap<number>(1, (value) => evicted.push(value));
    map.set('a', 1);
    map.set('a', 2);
    map.delete('a');
    map.set('b', 3);
    expect(evicted).toEqual([]);
    expect([map.get('a'), map.get('b')]).toEqual([undefined, 3]);
  });

  it('holds the last used, whatever the order of uses', () => {
    const uses = fc.array(fc.tuple(fc.constantFrom('get', 'set', 'delete'), fc.constantFrom('a', 'b', 'c', 'd', 'e')));
    fc.assert(
      fc.property(uses, fc.integer({ min: 1, max: 4 }), (all, max) => {
        const map = new LruMap<number>(max);
        /** Most recently used last. */
        let model: [key: string, value: number][] = [];
        for (const [at, [use, key]] of all.entries()) {
          const known = model.find(([each]) => each === key)?.[1];
          const others = model.filter(([each]) => each !== key);
          if (use === 'set') map.set(key, at);
          if (use === 'delete') map.delete(key);
          if (use === 'get') expect(map.get(key)).toBe(known);
          if (use === 'set') model = [...others, [key, at] as [string, number]].slice(-max);
          else if (use === 'delete' || known === undefined) model = others;
          else model = [...others, [key, known]];
        }
        expect(['a', 'b', 'c', 'd', 'e'].filter((key) => map.has(key))).toEqual(model.map(([key]) => key).sort());
      }),
    );
  });
});
