import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { describe, expect, it } from 'vitest';
import { KeptTree } from '../../../src/state/kept-tree.js';
import { ResponseStore } from '../../../src/state/response-store.js';
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
    expect(textBytes(`${'a'.repeat(100)}漢`) - textBytes('')).toBe(202);
    expect(heapBytes({ a: ['xyz'] })).toBeGreaterThan(heapBytes({ a: [] }) + 3);
  });

  it.each([
    ['short', (i: number) => `Answer ${i}.`],
    ['ASCII', (i: number) => `${i} `.padEnd(1000, 'plain text ')],
    ['ASCII with one letter that needs two bytes', (i: number) => `${i} 漢`.padEnd(1000, 'plain text ')],
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
