import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { ResponseStore } from '../../../src/state/memory-store.js';
import { textBytes } from '../../../src/util/heap-bytes.js';
import { sha256 } from '../../../src/util/sha256.js';

setFlagsFromString('--expose-gc');
const gc: () => void = runInNewContext('gc');
const facts = {
  kind: 'json',
  storedAt: 0,
  requestId: 'req_1',
  deployment: 'a',
  servedModel: 'a',
  region: null,
  costUsd: 0.1,
  tokens: 3,
} as const;

describe('textBytes', () => {
  it('is one byte for each character, two as soon as one needs them', () => {
    expect(textBytes('abc') - textBytes('')).toBe(3);
    expect(textBytes('é'.repeat(100)) - textBytes('')).toBe(100);
    expect(textBytes(`${'a'.repeat(100)}漢`) - textBytes('')).toBe(202);
  });
});

describe('the store', () => {
  it.each([
    ['short texts', (i: number) => `Text ${i}.`],
    ['ASCII', (i: number) => `${i} `.padEnd(1000, 'plain text ')],
    ['ASCII with one letter that needs two bytes', (i: number) => `${i} 漢`.padEnd(1000, 'plain text ')],
    ['accents', (i: number) => `${i} `.padEnd(1000, 'déjà vu ')],
    ['Chinese', (i: number) => `${i} `.padEnd(600, '退款政策是什么')],
    ['texts cut out of longer ones', (i: number) => `${'x'.repeat(50_000)}${i}`.split('').join('').slice(-1000)],
  ])('takes no more memory than it counts, for answers and for their keys: %s', (_, contentOf) => {
    const store = new ResponseStore({ maxEntries: 10_000, maxBytes: 1e9 });
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 2000; i++) {
      const content = contentOf(i);
      const key = sha256(content);
      store.set(key, { ...facts, text: JSON.stringify({ id: `chatcmpl-${i}`, content }) }, 1e6);
    }
    gc();
    const grown = process.memoryUsage().heapUsed - before;
    expect(store.entries).toBe(2000);
    expect(grown).toBeLessThan(1.05 * store.bytes + 500_000);
    // It does not count memory many times over, either.
    expect(store.bytes).toBeLessThan(2.5 * grown);
  });
});
