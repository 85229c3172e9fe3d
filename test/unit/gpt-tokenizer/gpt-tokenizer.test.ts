import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import { gptTokenizer } from 'model-router/gpt-tokenizer';
import { describe, expect, it } from 'vitest';

const model = 'gpt-4o';
const text = 'The ferry was late again; die Fähre kam später. 今天天气很好。 const x = 1;\n';

describe('gptTokenizer', () => {
  it('returns undefined until it is loaded, then counts as gpt-tokenizer does', async () => {
    const count = gptTokenizer();
    expect(count({ text, model })).toBeUndefined();
    await count.ready;
    expect(count({ text, model })).toBe(o200k(text));
    const older = gptTokenizer({ encoding: 'cl100k_base' });
    await older.ready;
    expect(older({ text, model })).toBe(cl100k(text));
    expect(cl100k(text)).not.toBe(o200k(text));
  });

  it('treats what looks like a special token as text', async () => {
    const count = gptTokenizer();
    await count.ready;
    expect(count({ text: 'a <|endoftext|> b', model })).toBeGreaterThan(5);
  });

  it('leaves texts longer than maxChars to the estimate', async () => {
    const count = gptTokenizer({ maxChars: text.length });
    await count.ready;
    expect(count({ text, model })).toBe(o200k(text));
    expect(count({ text: `${text}.`, model })).toBeUndefined();
  });

  it.each(['a', 'é', '中', '😀', '-', ' ', '\n'])('leaves long runs of %j to the estimate', async (unit) => {
    const count = gptTokenizer();
    await count.ready;
    const run = unit.repeat(200 / unit.length);
    expect(count({ text: `1${run}1`, model })).toBe(o200k(`1${run}1`));
    expect(count({ text: `1${run}${unit}1`, model })).toBeUndefined();
  });

  it.each(['’', '。', '\u00a0', '\u0001'])(
    'leaves runs of %j among similar characters to the estimate',
    async (unit) => {
      const count = gptTokenizer();
      await count.ready;
      const mixed = unit === '\u00a0' ? ` ${unit}` : `!${unit}`;
      expect(count({ text: `1${mixed.repeat(100)}1`, model })).toBe(o200k(`1${mixed.repeat(100)}1`));
      expect(count({ text: `1${mixed.repeat(101)}1`, model })).toBeUndefined();
    },
  );

  it.each([
    ['blanks', 'слово и ещё слово '],
    ['ASCII', '中文，abc def '],
  ])('counts long texts of another script with %s in them', async (_, part) => {
    const count = gptTokenizer();
    await count.ready;
    expect(count({ text: part.repeat(100), model })).toBe(o200k(part.repeat(100)));
  });

  it('counts long numbers', async () => {
    const count = gptTokenizer();
    await count.ready;
    expect(count({ text: '7'.repeat(900), model })).toBe(300);
  });

  it.each<[string, object]>([
    ['gptTokenizer.encoding', { encoding: 'p50k' }],
    ['gptTokenizer.maxChars', { maxChars: 0 }],
    ['gptTokenizer.max', { max: 5 }],
  ])('%s is checked', (option, options) => {
    expect(() => gptTokenizer(options)).toThrow(expect.objectContaining({ code: 'invalid_option', option }));
  });
});
