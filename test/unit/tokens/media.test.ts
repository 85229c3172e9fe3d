import { describe, expect, it } from 'vitest';
import { estimateInputTokens } from '../../helpers/token-estimate.js';

const bytes = (size: number) => {
  let state = 1;
  const all = Buffer.alloc(size);
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    all[i] = state >> 16;
  }
  return all;
};
const base64 = bytes(1_125_000).toString('base64');
const png = Buffer.concat([
  Buffer.from('89504e470d0a1a0a0000000d49484452000004000000040008060000', 'hex'),
  bytes(1_000_000),
]).toString('base64');
const responses = (item: unknown) =>
  estimateInputTokens({ body: { input: [item] }, protocol: 'responses', model: 'gpt-4o' });
const chat = (part: unknown) =>
  estimateInputTokens({ body: { messages: [{ role: 'user', content: [part] }] }, protocol: 'chat', model: 'gpt-4o' });

describe('encoded files', () => {
  it.each<[string, () => number]>([
    ['the result of image_generation_call', () => responses({ type: 'image_generation_call', id: 'ig', result: png })],
    ['video_url', () => chat({ type: 'video_url', video_url: { url: `data:video/mp4;base64,${base64}` } })],
    ['audio_url', () => chat({ type: 'audio_url', audio_url: { url: `data:audio/mpeg;base64,${base64}` } })],
    ['document_url', () => chat({ type: 'document_url', document_url: `data:application/msword;base64,${base64}` })],
    ['source.data', () => chat({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: png } })],
    [
      'outputs of a code interpreter',
      () =>
        responses({
          type: 'code_interpreter_call',
          code: 'plot()',
          outputs: [{ type: 'image', url: `data:image/png;base64,${png}` }],
        }),
    ],
    ['an unknown field', () => chat({ type: 'scan', payload: base64 })],
  ])('%s is its medium, not text', (_, tokens) => {
    expect(tokens()).toBeGreaterThan(80);
    expect(tokens()).toBeLessThan(12_000);
  });

  it('an image counts by its size, wherever it stands', () => {
    expect(responses({ type: 'image_generation_call', result: png })).toBe(
      responses({ type: 'input_image', image_url: `data:image/png;base64,${png}` }),
    );
  });

  it('text counts as text, also if it looks like base64: providers bill it so', () => {
    expect(chat({ type: 'text', text: base64.slice(0, 40_000) })).toBeGreaterThan(20_000);
    expect(chat({ type: 'scan', payload: 'x'.repeat(40_000) })).toBeGreaterThan(1000);
    expect(chat({ type: 'scan', payload: 'aWordAndAnother'.repeat(2000) })).toBeGreaterThan(5000);
  });
});

describe('texts of many megabytes', () => {
  it.each([1, 20])('are sampled: %d MB count as ten times a tenth of it', (mb) => {
    const text = 'The quick brown fox jumps over 13 lazy dogs; 犬は怠け者。 '.repeat((mb * 1e6) / 50);
    const whole = chat({ type: 'text', text });
    const tenth = chat({ type: 'text', text: text.slice(0, text.length / 10) });
    expect(whole / tenth).toBeGreaterThan(9);
    expect(whole / tenth).toBeLessThan(11);
  });

  const sentence = 'The quick brown fox jumps over 13 lazy dogs; 犬は怠け者。 ';
  const turns = (count: number, length: number) => ({
    messages: Array.from({ length: count }, () => ({ role: 'user', content: sentence.repeat(50).slice(0, length) })),
  });
  const tokensOf = (body: object) => estimateInputTokens({ body, protocol: 'chat', model: 'gpt-4o' });

  it.each([
    ['messages that are short', 50_000, 100],
    ['messages that are read whole', 5000, 2000],
    ['messages that are sampled', 5000, 2100],
    ['one message beside empty ones', 2, 0],
  ])('are sampled in many texts, too: %s', (_, count, length) => {
    const body = turns(count, length);
    if (length === 0) body.messages.push({ role: 'user', content: sentence.repeat(200_000) });
    let letters = 0;
    const { charCodeAt } = String.prototype;
    // A vitest mock would store every call.
    Reflect.set(String.prototype, 'charCodeAt', function (this: string, at: number) {
      letters++;
      return charCodeAt.call(this, at);
    });
    try {
      tokensOf(body);
    } finally {
      Reflect.set(String.prototype, 'charCodeAt', charCodeAt);
    }
    expect(letters).toBeGreaterThan(100_000);
    expect(letters).toBeLessThan(1_500_000);
  });

  it.each([
    [50_000, 100],
    [5000, 2000],
    [5000, 2100],
  ])('in %d texts of %d letters count like a hundredth of them', (count, length) => {
    const ratio = tokensOf(turns(count, length)) / tokensOf(turns(count / 100, length));
    expect(ratio).toBeGreaterThan(95);
    expect(ratio).toBeLessThan(105);
  });

  it('of different kinds are all in the estimate', () => {
    const english = turns(5000, 1000).messages;
    const chinese = english.map(() => ({ role: 'user', content: '犬は怠け者。'.repeat(150) }));
    const apart = tokensOf({ messages: english }) + tokensOf({ messages: chinese });
    const mixed = english.flatMap((message, i) => [message, chinese[i]]);
    for (const messages of [[...english, ...chinese], [...chinese, ...english], mixed]) {
      expect(tokensOf({ messages }) / apart).toBeGreaterThan(0.95);
      expect(tokensOf({ messages }) / apart).toBeLessThan(1.05);
    }
  });
});
