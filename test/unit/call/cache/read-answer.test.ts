import { afterEach, expect, it, vi } from 'vitest';
import { isLong, readAnswer, readInSlices } from '../../../../src/call/cache/read-answer.js';
import { fromChunks, JoinedChunks } from '../../../../src/protocol/join-chunks.js';
import type { CachedAnswer } from '../../../../src/state/cache-store.js';
import type { Call } from '../../../../src/types.js';
import { cachedAnswer } from '../../../helpers/cached-answers.js';

const COUNT = 20_000;

function storedStream(deltaOf: (i: number) => object): { chunks: object[]; answer: CachedAnswer } {
  const chunk = (delta: object, finish_reason: string | null = null) => ({
    id: 'c',
    object: 'chat.completion.chunk',
    choices: [{ index: 0, delta, finish_reason, logprobs: null }],
  });
  const chunks = [
    chunk({ role: 'assistant', content: '' }),
    ...Array.from({ length: COUNT }, (_, i) => chunk(deltaOf(i))),
    chunk({}, 'stop'),
  ];
  const text = `[${chunks.map((each) => JSON.stringify(each)).join(',\n')}]`;
  return { chunks, answer: { ...cachedAnswer(text), kind: 'chunks', tokens: 9 } };
}

const callOf = (stream: boolean) => ({ protocol: 'chat', stream, record: {}, wantsUsage: true }) as unknown as Call;

/** What `read` gives, and how often `count` was called in each turn of the event loop. */
async function byTurns<T>(read: () => Promise<T>, watch: (count: () => void) => void): Promise<[T, number[]]> {
  const turns = [0];
  let isOver = false;
  watch(() => {
    turns[turns.length - 1] = (turns.at(-1) ?? 0) + 1;
  });
  const next = () => {
    turns.push(0);
    if (!isOver) setImmediate(next);
  };
  setImmediate(next);
  const value = await read();
  isOver = true;
  return [value, turns];
}

afterEach(() => void vi.restoreAllMocks());

it('a long stream is put together in slices for a caller that wants the whole answer', async () => {
  const { chunks, answer } = storedStream((i) => ({ content: `word ${i} ` }));
  const expected = fromChunks('chat', chunks);
  expect(isLong(answer)).toBe(true);
  const { add } = JoinedChunks.prototype;
  const [whole, turns] = await byTurns(
    () => readInSlices(callOf(false), answer),
    (count) =>
      vi.spyOn(JoinedChunks.prototype, 'add').mockImplementation(function (this: JoinedChunks, chunk) {
        count();
        add.call(this, chunk);
      }),
  );
  expect(whole).toEqual(expected);
  expect(turns.reduce((sum, each) => sum + each, 0)).toBe(chunks.length);
  expect(Math.max(...turns)).toBeLessThan(chunks.length / 3);
});

it('a long stream that cannot be put together is not read again in one go', async () => {
  const { answer } = storedStream((i) => ({ content: 'a', reasoning_details: [{ index: i }] }));
  const parse = vi.spyOn(JSON, 'parse');
  const content = await readInSlices(callOf(false), answer);
  expect(readAnswer(callOf(false), answer, content)).toBeUndefined();
  for (const [text] of parse.mock.calls) expect(text.length).toBeLessThan(600_000);
});

it('the chunks of a long stream are those that were stored', async () => {
  const { chunks, answer } = storedStream((i) => ({ content: `word ${i} ` }));
  expect(await readInSlices(callOf(true), answer)).toEqual(chunks);
  expect(await readInSlices(callOf(true), { ...answer, text: `${answer.text.slice(0, -2)}` })).toBeNull();
});
