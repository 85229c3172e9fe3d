import { afterEach, describe, expect, it, vi } from 'vitest';
import { answer, cut, embed, fakeFetch, hugeError, truncated } from '../../../src/testing/index.js';
import { sampleJson } from '../../../src/testing/sample-json.js';
import { page } from '../../../src/testing/store.js';
import { countTokens, piecesOf } from '../../../src/testing/tokens.js';
import { post } from './entry-points.js';

const url = 'https://provider.test/v1/chat/completions';

afterEach(() => {
  vi.useRealTimers();
});

describe('a text in chunks', () => {
  it.each([
    ['abcdefgh', 4, ['ab', 'cd', 'ef', 'gh']],
    ['abc', 4, ['a', 'b', 'c']],
    ['abcde', 2, ['abc', 'de']],
    ['', 3, []],
    ['abc', 0, ['abc']],
    ['👍🏽👍', 3, ['👍', '🏽', '👍']],
    ['whatever', ['its', ' own'], ['its', ' own']],
  ])('%j in %j', (text, chunks, pieces) => {
    expect(piecesOf(text, chunks)).toEqual(pieces);
  });

  it.each([
    ['', 0],
    ['a', 1],
    ['abcd', 1],
    ['abcde', 2],
  ])('%j has %d tokens', (text, tokens) => {
    expect(countTokens(text)).toBe(tokens);
  });
});

describe('a sample of a JSON schema', () => {
  it.each([
    [{ type: 'string' }, 'text'],
    [{ type: ['integer', 'null'] }, 1],
    [{ type: 'number', minimum: 7 }, 7],
    [{ type: 'boolean' }, true],
    [{ enum: ['red', 'blue'] }, 'red'],
    [{ const: 0 }, 0],
    [{ anyOf: [{ type: 'null' }, { type: 'string' }] }, null],
    [{ type: 'array', items: { type: 'string' } }, ['text']],
    [{ type: 'object', properties: { a: { $ref: '#/$defs/a' } }, $defs: { a: { type: 'integer' } } }, { a: 1 }],
    [undefined, null],
  ])('%j is %j', (schema, sample) => {
    expect(sampleJson(schema)).toEqual(sample);
  });

  it('of a schema that contains itself ends', () => {
    const tree = { type: 'object', properties: { children: { type: 'array', items: { $ref: '#' } } } };
    expect(JSON.stringify(sampleJson(tree)).length).toBeLessThan(200);
  });
});

describe('a page', () => {
  const items = ['a', 'b', 'c'].map((id) => ({ id }));

  it.each([
    [{}, ['c', 'b', 'a'], false],
    [{ order: 'asc', limit: '2' }, ['a', 'b'], true],
    [{ order: 'asc', limit: '2', after: 'b' }, ['c'], false],
    [{ after: 'c', limit: '1' }, ['b'], true],
  ])('%j', (query, ids, more) => {
    const { data, ...rest } = page(items, query);
    expect(data).toEqual(ids.map((id) => ({ id })));
    expect(rest).toEqual({ object: 'list', first_id: ids[0], last_id: ids.at(-1), has_more: more });
  });
});

it('cuts a stream at each of its bytes', async () => {
  vi.useFakeTimers({ toFake: ['Date'] });
  const init = post({ model: 'm', messages: [], stream: true });
  const options = { name: 'same', random: () => 0 };
  const whole = await read(await fakeFetch(answer('Hi'), options)(url, init));
  expect(whole.error).toBeUndefined();
  expect(whole.text.length).toBeGreaterThan(500);
  for (let atByte = 0; atByte < whole.text.length; atByte += 1) {
    const got = await read(await fakeFetch(cut({ atByte, content: 'Hi' }), options)(url, init));
    expect(got.text).toBe(whole.text.slice(0, atByte));
    expect(got.error).toMatchObject({ message: 'terminated' });
  }
});

it('truncates a stream within a line', async () => {
  // Half of the bytes end a line for one of these lengths.
  for (let length = 1; length < 100; length += 1) {
    const behaviour = truncated({ chunks: ['x', 'y'.repeat(length)] });
    const { text } = await read(await fakeFetch(behaviour)(url, post({ model: 'm', messages: [], stream: true })));
    expect(text).not.toMatch(/\n$/);
  }
});

it.each([100, 65_536, 1_000_000])('makes an error body of %d bytes of valid JSON', async (bytes) => {
  const response = await fakeFetch(hugeError({ bytes }))(url, post({ model: 'm', messages: [] }));
  const text = await response.text();
  expect(text.length).toBe(bytes);
  expect(JSON.parse(text)).toHaveProperty('error.message');
});

it('makes embeddings without a call', async () => {
  const init = post({ model: 'm', input: 'a', encoding_format: 'float' });
  const response = await fakeFetch(answer())('https://provider.test/v1/embeddings', init);
  expect(await response.json()).toMatchObject({ data: [{ embedding: embed('m', 'a') }] });
});

async function read(response: Response): Promise<{ text: string; error?: unknown }> {
  let text = '';
  try {
    for await (const bytes of response.body ?? []) text += Buffer.from(bytes).toString();
    return { text };
  } catch (error) {
    return { text, error };
  }
}
