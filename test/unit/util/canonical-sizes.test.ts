import { afterEach, expect, it, vi } from 'vitest';
import { canonicalText } from '../../../src/util/canonical.js';
import { shuffled } from '../../helpers/json-like.js';
import fc from '../../helpers/property.js';

afterEach(() => void vi.restoreAllMocks());

const message = (i: number) =>
  i % 2 === 0 ? { role: 'user', content: `Message ${i}` } : { content: `Message ${i}`, role: 'assistant' };
const messages = (count: number) => Array.from({ length: count }, (_, i) => message(i));
const lengthOfStrings = (each: { role: string; content: string }) => each.role.length + each.content.length;

it('sorts keys once for each order in which objects have them', () => {
  const sort = vi.spyOn(Array.prototype, 'sort');
  canonicalText({ model: 'm', messages: messages(1000) });
  expect(sort).toHaveBeenCalledTimes(3);
});

it('reads each value once', () => {
  let reads = 0;
  const get = (value: unknown) => () => {
    reads += 1;
    return value;
  };
  const counted = ({ role, content }: ReturnType<typeof message>) =>
    Object.defineProperties(
      {},
      { role: { enumerable: true, get: get(role) }, content: { enumerable: true, get: get(content) } },
    );
  const list = messages(100);
  expect(canonicalText(list.map(counted))).toBe(canonicalText(list));
  expect(reads).toBe(200);
});

it('adds few characters to the strings of a long conversation: its keys are written once', () => {
  const list = messages(1000);
  const strings = list.reduce((sum, each) => sum + lengthOfStrings(each), 0);
  const text = canonicalText(list);
  expect(text.length - strings).toBeLessThan(6 * list.length);
  expect(text.split('content')).toHaveLength(2);
});

it('differs for lists of any two lengths, and is the same in any order of keys', () => {
  const texts = new Set<string>();
  for (let length = 0; length <= 1100; length += 1) {
    texts.add(canonicalText(Array.from({ length }, () => '')));
    texts.add(canonicalText(messages(length)));
    if (length % 100 === 0)
      expect(canonicalText(shuffled(messages(length), [3, 1, 2]))).toBe(canonicalText(messages(length)));
  }
  expect(texts.size).toBe(2201);
});

it('differs for any two ways to divide the same characters into strings, keys and numbers', () => {
  const lengths = fc.array(fc.oneof(fc.nat(9), fc.constantFrom(7, 8, 63, 64, 65, 511, 512, 513, 4096)), {
    maxLength: 9,
  });
  const parts = (each: readonly number[]) => each.map((length) => '1'.repeat(length));
  fc.assert(
    fc.property(lengths, lengths, (a, b) => {
      expect(canonicalText(parts(a)) === canonicalText(parts(b))).toBe(`${a}` === `${b}`);
    }),
  );
  const texts = Array.from({ length: 5000 }, (_, length) => '1'.repeat(length));
  expect(new Set(texts.map((text) => canonicalText(text + texts[4999 - text.length]))).size).toBe(1);
  expect(new Set(texts.map((text) => canonicalText([text, texts[4999 - text.length]]))).size).toBe(5000);
  expect(new Set(texts.map((text) => canonicalText({ [text]: texts[4999 - text.length] }))).size).toBe(5000);
  expect(
    new Set([canonicalText([1, 11]), canonicalText([11, 1]), canonicalText([111]), canonicalText([1, '11'])]).size,
  ).toBe(4);
});

it('numbers different keys apart, however many there are', () => {
  const records = (from: number) => Array.from({ length: 300 }, (_, i) => ({ [`key ${(from + i) % 300}`]: 1 }));
  const texts = new Set(Array.from({ length: 300 }, (_, from) => canonicalText(records(from))));
  expect(texts.size).toBe(300);
  const [a, b] = [{ x: 1, y: 2 }, { z: 1 }];
  expect(canonicalText([a, b, a, a])).not.toBe(canonicalText([a, b, a, b]));
  expect(canonicalText([a, b, { y: 2, x: 1 }])).toBe(canonicalText([{ y: 2, x: 1 }, b, a]));
});
