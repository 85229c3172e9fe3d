import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { KeptTree } from '../../../src/state/kept-tree.js';
import { ResponseStore } from '../../../src/state/memory-store.js';
import { circumstancesOf, printOf } from '../../../src/state/question.js';
import { heapBytes, textBytes } from '../../../src/util/heap-bytes.js';

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
const answerOf = (content: string, i: number): unknown =>
  JSON.parse(
    JSON.stringify({
      id: `chatcmpl-${i}`,
      object: 'chat.completion',
      created: 1_750_000_000 + i,
      choices: [{ index: 0, message: { role: 'assistant', content, refusal: null }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 2, total_tokens: 3 },
    }),
  );

describe('what is kept', () => {
  it('is counted by characters, two bytes each as soon as one needs them', () => {
    expect(textBytes('abc') - textBytes('')).toBe(3);
    expect(textBytes('é'.repeat(100)) - textBytes('')).toBe(100);
    expect(textBytes(`${'a'.repeat(100)}漢`) - textBytes('')).toBe(202);
    expect(heapBytes({ a: ['xyz'] })).toBeGreaterThan(heapBytes({ a: [] }) + 3);
  });

  it('is counted with long names, and with numbers that do not stand among numbers only', () => {
    expect(heapBytes({ ['x'.repeat(1000)]: 1 }) - heapBytes({ x: 1 })).toBe(textBytes('x'.repeat(1000)));
    expect(heapBytes([1.5, 2.5]) - heapBytes([])).toBe(16);
    expect(heapBytes(['', 1.5]) - heapBytes([''])).toBeGreaterThanOrEqual(24);
  });

  it.each([
    [
      'texts cut out of longer ones',
      (i: number) => ({ content: `${'x'.repeat(100_000)}${i}`.split('').join('').slice(-1000) }),
    ],
    ['long names', (i: number) => ({ [`${'x'.repeat(1000)}${i}`]: i })],
    [
      'weights of tokens',
      (i: number) => ({
        bias: Object.fromEntries(Array.from({ length: 200 }, (_, j) => [`${50_000 + 7 * j + i}`, j / 7])),
      }),
    ],
    [
      'names that no other has',
      (i: number) => ({
        names: Object.fromEntries(Array.from({ length: 100 }, (_, j) => [`${i} ${j} `.padEnd(24, 'x'), j])),
      }),
    ],
    [
      'numbers among other things',
      (i: number) => ({ list: ['', ...Array.from({ length: 500 }, (_, j) => i + j / 7)] }),
    ],
  ])('takes no more memory than is counted for questions: %s', (_, bodyOf) => {
    const store = new ResponseStore({ maxEntries: 10_000, maxBytes: 1e9 });
    const skip = new Set<string>();
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 500; i++) {
      const body = bodyOf(i);
      const rest = circumstancesOf([i], undefined);
      const print = printOf(rest, body, skip, store.largestQuestion) ?? 0;
      store.set({ rest, body, skip, print }, { ...facts, text: `"${i}"` }, 1e6);
    }
    gc();
    const grown = process.memoryUsage().heapUsed - before;
    expect(store.entries).toBe(500);
    expect(store.bytes).toBeGreaterThan(500 * 800);
    expect(grown).toBeLessThan(1.05 * store.bytes + 500_000);
  });

  it.each([
    ['short', (i: number) => `Answer ${i}.`],
    ['ASCII', (i: number) => `${i} `.padEnd(1000, 'plain text ')],
    ['ASCII with one letter that needs two bytes', (i: number) => `${i} 漢`.padEnd(1000, 'plain text ')],
    ['accents', (i: number) => `${i} `.padEnd(1000, 'déjà vu ')],
    ['Chinese', (i: number) => `${i} `.padEnd(600, '退款政策是什么')],
  ])('takes no more memory than is counted: %s', (_, contentOf) => {
    const store = new ResponseStore({ maxEntries: 10_000, maxBytes: 1e9 });
    gc();
    const before = process.memoryUsage().heapUsed;
    for (let i = 0; i < 5000; i++)
      store.set(`key of ${i}`.padEnd(43), new KeptTree(answerOf(contentOf(i), i), facts), 1e6);
    gc();
    const grown = process.memoryUsage().heapUsed - before;
    expect(store.entries).toBe(5000);
    expect(grown).toBeLessThan(1.05 * store.bytes);
    // Nor is it counted many times over.
    expect(store.bytes).toBeLessThan(2.5 * grown);
  });
});
