import { describe, expect, it, vi } from 'vitest';
import type { CountTokens } from '../../../src/tokens/estimate-input.js';
import type { Protocol } from '../../../src/types.js';
import { estimateInputTokens } from '../../helpers/token-estimate.js';

const model = 'gpt-4o';
const tokens = (
  body: unknown,
  protocol: Protocol = 'chat',
  countTokens?: CountTokens,
  of: string | undefined = model,
) => estimateInputTokens({ body, protocol, model: of }, countTokens);
const user = (content: unknown) => ({ messages: [{ role: 'user', content }] });
/** The tokens that a part adds to a message. */
const part = (each: object, of = model) =>
  tokens(user([each]), 'chat', undefined, of) - tokens(user([]), 'chat', undefined, of);
const image = (url: string, detail?: string) => ({ type: 'image_url', image_url: { url, ...(detail && { detail }) } });
const dataUrl = (type: string, bytes: Uint8Array) =>
  `data:image/${type};base64,${Buffer.from(bytes).toString('base64')}`;

function png(width: number, height: number): string {
  const bytes = Buffer.alloc(60);
  bytes.write('\x89PNG\r\n\x1a\n', 'latin1');
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return dataUrl('png', bytes);
}

function jpeg(width: number, height: number): string {
  const app = Buffer.alloc(2 + 5000);
  app.writeUInt16BE(0xffe1, 0);
  app.writeUInt16BE(5000, 2);
  const frame = Buffer.alloc(20);
  frame.writeUInt16BE(0xffc2, 0);
  frame.writeUInt16BE(17, 2);
  frame.writeUInt16BE(height, 5);
  frame.writeUInt16BE(width, 7);
  return dataUrl('jpeg', Buffer.concat([Buffer.of(0xff, 0xd8), app, frame]));
}

describe('counted parts of a chat', () => {
  it('each message with its marks, by tokenizer', () => {
    expect(tokens(user(''))).toBe(7);
    expect(tokens({ messages: [...user('').messages, ...user('').messages] })).toBe(11);
    expect(tokens(user(''), 'chat', undefined, 'qwen/Qwen3-32B')).toBe(8);
    expect(tokens(user(''), 'chat', undefined, 'deepseek-ai/DeepSeek-V3.2')).toBe(4);
    expect(tokens(user(''), 'chat', undefined, 'of/nobody')).toBe(8);
  });

  it.each<[string, object, object]>([
    ['text parts', user([{ type: 'text', text: 'one two three' }]), user([])],
    ['names', { messages: [{ role: 'user', name: 'Kasia the second', content: '' }] }, user('')],
    ['tools', { ...user(''), tools: [{ type: 'function', function: { name: 'find', parameters: {} } }] }, user('')],
    ['functions', { ...user(''), functions: [{ name: 'find', parameters: {} }] }, user('')],
    [
      'a JSON schema',
      { ...user(''), response_format: { type: 'json_schema', json_schema: { name: 'x', schema: { type: 'object' } } } },
      { ...user(''), response_format: { type: 'json_object' } },
    ],
    [
      'tool calls',
      {
        messages: [
          {
            role: 'assistant',
            content: '',
            tool_calls: [{ id: 'c', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
          },
        ],
      },
      { messages: [{ role: 'assistant', content: '' }] },
    ],
  ])('%s', (_, more, less) => {
    expect(tokens(more)).toBeGreaterThan(tokens(less) + 2);
  });

  it('not the fields that only the server reads', () => {
    const call = (id: string) => ({ messages: [{ role: 'tool', tool_call_id: 'c', content: 'x' }], user: id });
    expect(tokens(call('a-very-long-id-of-a-user'))).toBe(tokens(call('a')));
  });
});

describe('counted parts of other endpoints', () => {
  it('responses: strings, items, instructions, schemas, function outputs', () => {
    const text = 'Tell me about the harbour.';
    const item = { type: 'message', role: 'user', content: [{ type: 'input_text', text }] };
    expect(tokens({ input: [item] }, 'responses')).toBe(tokens({ input: text }, 'responses'));
    expect(tokens({ input: text, instructions: text }, 'responses')).toBeGreaterThan(
      1.5 * tokens({ input: text }, 'responses'),
    );
    expect(
      tokens({ input: [{ type: 'function_call_output', call_id: 'c', output: text }] }, 'responses'),
    ).toBeGreaterThan(9);
    const format = {
      type: 'json_schema',
      name: 'x',
      schema: { type: 'object', properties: { a: { type: 'string' } } },
    };
    expect(tokens({ input: '', text: { format } }, 'responses')).toBeGreaterThan(20);
  });

  it('embeddings and completions: strings, several, and tokens as numbers', () => {
    const one = tokens({ input: 'a red kite' }, 'embeddings');
    expect(tokens({ input: ['a red kite', 'a red kite'] }, 'embeddings')).toBeGreaterThanOrEqual(2 * one - 1);
    expect(tokens({ input: [1, 2, 3] }, 'embeddings')).toBe(3);
    expect(tokens({ input: [[1, 2, 3], [4]] }, 'embeddings')).toBe(4);
    expect(tokens({ prompt: [1, 2, 3] }, 'completions')).toBe(3);
    expect(tokens({ prompt: 'a red kite', suffix: 'a red kite' }, 'completions')).toBeGreaterThan(one);
  });

  it('forms: their text, not their files', () => {
    const form = new FormData();
    form.set('file', new Blob([Buffer.alloc(100_000)]), 'speech.mp3');
    expect(tokens(form, 'text')).toBe(0);
    form.set('prompt', 'Names: Kasia, Tomas.');
    expect(tokens(form, 'text')).toBeGreaterThan(4);
  });

  it.each<[string, unknown]>([
    ['nothing', undefined],
    ['null', null],
    ['invalid messages', { messages: 'hello' }],
    ['holes', { messages: [null, undefined, 5, { content: null }, { content: [null] }] }],
    ['a tool that cannot be written as JSON', { messages: [], tools: [{ a: 1n }] }],
  ])('%s does not throw', (_, body) => {
    expect(tokens(body)).toBeGreaterThanOrEqual(0);
  });

  it('a cycle ends', () => {
    const circle: Record<string, unknown> = { text: 'round' };
    circle.again = circle;
    expect(tokens(user([circle]))).toBeLessThan(100);
  });
});

describe('images', () => {
  it('by tiles: low, small, 1024 by 1024, tall, and of unknown size as a large one', () => {
    expect(part(image(png(1024, 1024), 'low'))).toBe(85);
    expect(part(image(png(100, 100)))).toBe(255);
    expect(part(image(png(1024, 1024)))).toBe(765);
    expect(part(image(png(2048, 4096)))).toBe(1105);
    expect(part(image('https://example.com/a.png'))).toBe(1445);
    expect(part({ type: 'input_image', file_id: 'file-1' })).toBe(1445);
    expect(part(image(png(100, 100)), 'gpt-4o-mini')).toBe(8500);
  });

  it('by patches for models that use those', () => {
    expect(part(image(png(320, 320)), 'gpt-4.1-mini')).toBe(162);
    expect(part(image(png(4000, 4000)), 'gpt-5-nano')).toBe(Math.ceil(1536 * 2.46));
    expect(part(image(png(560, 280)), 'Qwen/Qwen2.5-VL-72B')).toBe(202);
  });

  it.each<[string, string]>([
    ['PNG', png(320, 640)],
    ['JPEG, behind its metadata', jpeg(320, 640)],
    ['GIF', dataUrl('gif', Buffer.from([...Buffer.from('GIF89a'), 0x40, 1, 0x80, 2, 0, 0]))],
    [
      'WebP, extended',
      dataUrl(
        'webp',
        Buffer.from([...Buffer.from('RIFF\0\0\0\0WEBPVP8X'), 10, 0, 0, 0, 0, 0, 0, 0, 0x3f, 1, 0, 0x7f, 2, 0]),
      ),
    ],
    [
      'WebP, lossy',
      dataUrl(
        'webp',
        Buffer.from([...Buffer.from('RIFF\0\0\0\0WEBPVP8 '), 0, 0, 0, 0, 0, 0, 0, 0x9d, 1, 0x2a, 0x40, 1, 0x80, 2]),
      ),
    ],
    [
      'WebP, lossless',
      dataUrl(
        'webp',
        Buffer.from([...Buffer.from('RIFF\0\0\0\0WEBPVP8L'), 0, 0, 0, 0, 0x2f, 0x3f, 0xc1, 0x9f, 0, 0, 0, 0, 0, 0]),
      ),
    ],
  ])('reads the size of a %s', (_, url) => {
    expect(part(image(url), 'Qwen/Qwen3-VL')).toBe(12 * 23 + 2);
  });

  it.each([
    'data:image/png;base64,',
    'data:image/png;base64,iVBORw0KGgo=',
    'data:image/jpeg;base64,/9j/',
    'data:,x',
    png(0, 5),
  ])('treats one whose size cannot be read as a large one: %s', (url) => {
    expect(part(image(url))).toBe(1445);
  });
});

it('sound and files count by their bytes, or as a constant', () => {
  const data = 'A'.repeat(64_000 / 0.75);
  expect(part({ type: 'input_audio', input_audio: { data, format: 'wav' } })).toBe(100);
  expect(part({ type: 'input_audio', input_audio: { data, format: 'mp3' } })).toBe(400);
  expect(part({ type: 'file', file: { file_id: 'file-1' } })).toBe(1500);
  expect(part({ type: 'file', file: { file_data: 'data:application/pdf;base64,JVBERi0=' } })).toBe(1500);
  expect(part({ type: 'input_file', file_data: `data:application/pdf;base64,${data}` })).toBeGreaterThan(6000);
});

describe('countTokens', () => {
  it('gets all text of the request at once, and its model', () => {
    const count = vi.fn<CountTokens>(() => 40);
    const body = {
      messages: [{ role: 'system', content: 'Be brief.' }, ...user([{ type: 'text', text: 'Hi.' }]).messages],
    };
    expect(tokens(body, 'chat', count)).toBe(40 + 3 + 2 * 4);
    expect(count.mock.calls).toEqual([[{ text: 'Be brief.\nHi.', model }]]);
  });

  it.each<[string, CountTokens]>([
    ['undefined', () => undefined],
    ['NaN', () => Number.NaN],
    ['a negative number', () => -5],
    [
      'an exception',
      () => {
        throw new Error('no');
      },
    ],
  ])('%s falls back to the estimate', (_, count) => {
    expect(tokens(user('one two three'), 'chat', count)).toBe(tokens(user('one two three')));
  });
});

it('of lists within lists counts to a limited depth, and does not overflow', () => {
  const nested: unknown = JSON.parse(`${'['.repeat(50_000)}"deep"${']'.repeat(50_000)}`);
  expect(tokens(user(nested))).toBe(tokens(user([])));
  expect(tokens(user([[['deep']]]))).toBeGreaterThan(tokens(user([])));
});
