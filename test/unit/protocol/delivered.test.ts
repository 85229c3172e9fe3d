import { describe, expect, it } from 'vitest';
import { mulberry32 } from '../../../drills/chance.ts';
import { Delivered, textOf } from '../../../src/protocol/delivered.js';

const chunk = (content: string, more: object = {}) => ({
  id: 'chatcmpl-1',
  object: 'chat.completion.chunk',
  choices: [{ index: 0, delta: { content }, finish_reason: null }],
  ...more,
});

function deliver(chunks: readonly unknown[]): Delivered {
  const delivered = new Delivered();
  for (const each of chunks) delivered.add(each);
  return delivered;
}

describe('delivered chunks', () => {
  it('are restored chunk by chunk', () => {
    const chunks = [
      { ...chunk(''), choices: [{ index: 0, delta: { role: 'assistant', content: '' } }] },
      chunk('One '),
      chunk('One '),
      chunk('two\n"three" \u0001 \u2028 日本語 😀'),
      chunk('two', { usage: null }),
      { type: 'response.created', sequence_number: 0, response: { id: 'resp_1' } },
      { type: 'response.output_text.delta', sequence_number: 1, delta: 'a' },
      { type: 'response.output_text.delta', sequence_number: 2, delta: 'b' },
      { type: 'response.output_text.delta', sequence_number: 20, delta: 'c' },
      { type: 'response.output_text.delta', delta: 'd' },
      { choices: [] },
      'text',
      null,
      7,
    ];
    expect(deliver(chunks).chunks()).toEqual(chunks);
    expect(deliver([]).chunks()).toEqual([]);
  });

  it('are restored for any chunks', () => {
    const random = mulberry32(7);
    const pick = <T>(...from: T[]) => from[Math.floor(random() * from.length)];
    for (let round = 0; round < 200; round += 1) {
      let number = 0;
      const chunks = Array.from({ length: Math.floor(random() * 40) }, () => {
        number += pick(1, 1, 1, 2, 0) ?? 1;
        return pick<unknown>(
          chunk(pick('a', 'ab', 'b', '', '"', '\n', '}]', 'aaa') ?? ''),
          { type: 'x', sequence_number: number, delta: pick('1', '11', '2') },
          { sequence_number: number, delta: pick('1', '11', '2'), deep: { sequence_number: number } },
          { id: pick(1, 11, 111), a: pick(null, [], {}) },
        );
      });
      expect(deliver(chunks).chunks()).toEqual(chunks);
    }
  });

  it('are restored where another library has extended the prototype of objects', () => {
    const chunks = [chunk('a'), chunk('b'), chunk('b'), { choices: [] }];
    Object.assign(Object.prototype, { inherited: () => 1 });
    let texts: string[];
    try {
      texts = deliver(chunks)
        .chunks()
        .map((each) => JSON.stringify(each));
    } finally {
      Reflect.deleteProperty(Object.prototype, 'inherited');
    }
    expect(texts).toEqual(chunks.map((each) => JSON.stringify(each)));
  });

  it('leave out what cannot be written as JSON', () => {
    let deep: unknown = 1;
    for (let depth = 0; depth < 20_000; depth += 1) deep = [deep];
    expect(deliver([chunk('a'), deep, undefined, chunk('b')]).chunks()).toEqual([chunk('a'), chunk('b')]);
  });

  it('take less than twice the memory of their text with any other fields', () => {
    const words = Array.from({ length: 5000 }, (_, i) => `word ${i} `);
    const text = words.join('').length;
    expect(deliver(words.map((word) => chunk(word))).size).toBeLessThan(1.5 * text);
    const events = words.map((delta, i) => ({
      type: 'response.output_text.delta',
      item_id: 'msg_0123456789abcdef0123456789abcdef',
      output_index: 0,
      delta,
      sequence_number: i,
    }));
    expect(deliver(events).size).toBeLessThan(1.5 * text);
  });

  it('take less than twice the memory of their text with padding and a counter', () => {
    const words = Array.from({ length: 5000 }, (_, i) => `word ${i} `);
    const padding = (i: number) => 'abcdefgh'.slice(i % 8);
    const events = words.map((word, i) => chunk(word, { sequence_number: 7 + i, obfuscation: padding(i) }));
    const text = words.join('').length + words.map((_, i) => padding(i)).join('').length;
    const delivered = deliver(events);
    expect(delivered.size).toBeLessThan(1.5 * text);
    expect(delivered.chunks()).toEqual(events);
  });

  it('are restored with log probabilities and tool calls', () => {
    const logprobs = (i: number) => ({
      content: [
        { token: `t${i}`, logprob: -0.1 - i / 7, bytes: Array.from({ length: i % 4 }, () => i), top_logprobs: [] },
      ],
    });
    const call = (i: number) => ({ index: i % 2, ...(i < 2 && { id: `call_${i}` }), function: { arguments: `${i}` } });
    const chunks = [
      ...Array.from({ length: 200 }, (_, i) => ({ choices: [{ delta: { content: `${i}` }, logprobs: logprobs(i) }] })),
      ...Array.from({ length: 200 }, (_, i) => ({ choices: [{ delta: { tool_calls: [call(i)] } }] })),
    ];
    expect(deliver(chunks).chunks()).toEqual(chunks);
  });

  it('are restored unchanged even if their reader modifies them', () => {
    const delivered = new Delivered();
    for (const content of ['a', 'b', 'c', 'd']) {
      const read = chunk(content);
      delivered.add(read);
      read.id = 'changed';
      for (const choice of read.choices) choice.delta = { content: 'changed' };
    }
    expect(delivered.chunks()).toEqual(['a', 'b', 'c', 'd'].map((content) => chunk(content)));
  });

  it('take about the memory of their text if the first chunk looks different', () => {
    const first = { id: 'another', choices: [{ index: 0, delta: { role: 'assistant', content: '' } }], model: 'm' };
    const words = Array.from({ length: 2000 }, (_, i) => `word ${i} `);
    const text = words.join('').length;
    expect(deliver([first, ...words.map((word) => chunk(word))]).size).toBeLessThan(1.2 * text);
    // If all chunks are equal, there is no difference to store.
    expect(deliver([first, ...words.map(() => chunk('same'))]).size).toBeLessThan(5000);
  });

  it('keep only the last 256 KiB of text of a long stream', () => {
    const delivered = new Delivered();
    const words = Array.from({ length: 60_000 }, (_, i) => `word ${i} `);
    for (const [i, word] of words.entries()) {
      delivered.add(chunk(word));
      if (i % 5000 === 0) expect(delivered.size).toBeLessThan(2.1 * 256 * 1024);
    }
    const text = textOf(delivered.chunks());
    expect(text).toHaveLength(256 * 1024);
    expect(words.join('').endsWith(text)).toBe(true);
    expect(delivered.chunks().at(-1)).toEqual(chunk('word 59999 '));
    const { text: end, length } = delivered.written();
    expect(length).toBe(words.join('').length);
    expect(end.length).toBeGreaterThanOrEqual(256 * 1024);
  });

  it('keep only the last 256 KiB of text also if all chunks are equal', () => {
    const word = 'the same '.repeat(100);
    for (const more of [() => ({}), (i: number) => ({ sequence_number: i })]) {
      const kept = deliver(Array.from({ length: 1000 }, (_, i) => chunk(word, more(i)))).chunks();
      expect(kept.length * word.length).toBeGreaterThanOrEqual(256 * 1024);
      expect(kept.length * word.length).toBeLessThan(300 * 1024);
    }
  });

  it('are limited also if they contain hardly any text', () => {
    const delivered = new Delivered();
    const random = mulberry32(3);
    const noise = () => String(random()).repeat(20);
    for (let i = 0; i < 10_000; i += 1) delivered.add({ [noise()]: noise() });
    expect(delivered.size).toBeLessThan(3 * 256 * 1024);
    delivered.add({ b64_json: 'A'.repeat(1_000_000) });
    expect(delivered.size).toBeLessThan(3 * 256 * 1024);
  });

  it('are removed by clear', () => {
    const delivered = deliver([chunk('a'), chunk('b')]);
    delivered.clear();
    expect([delivered.chunks(), delivered.size]).toEqual([[], 0]);
  });
});

describe('textOf', () => {
  it('counts in bytes, and cuts no character in two', () => {
    const text = textOf([chunk('😀'.repeat(100_000))]);
    expect(new TextEncoder().encode(text).length).toBeLessThanOrEqual(256 * 1024);
    expect(text).toBe('😀'.repeat(65_536));
    expect(textOf([chunk(`a${'😀'.repeat(65_536)}`)])).toBe('😀'.repeat(65_536));
    expect(textOf([chunk(`${'😀'.repeat(65_536)}ab`)])).toBe(`${'😀'.repeat(65_535)}ab`);
  });
});
