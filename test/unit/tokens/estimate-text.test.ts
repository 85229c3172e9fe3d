import { readdirSync, readFileSync } from 'node:fs';
import { countTokens as cl100k } from 'gpt-tokenizer/encoding/cl100k_base';
import { countTokens as o200k } from 'gpt-tokenizer/encoding/o200k_base';
import { describe, expect, it } from 'vitest';
import fc from '../../helpers/property.js';
import { estimateInputTokens } from '../../helpers/token-estimate.js';

/** A model of each tokenizer. */
const MODELS = {
  o200k: 'gpt-4o-mini',
  cl100k: 'gpt-4-turbo',
  deepseek: 'deepseek-ai/DeepSeek-V4-Flash',
  qwen: 'qwen/Qwen3-32B',
};
type Tokenizer = keyof typeof MODELS;
const tokenizers = Object.keys(MODELS) as Tokenizer[];

interface Counted {
  readonly name: string;
  readonly text: string;
  readonly tokens: Record<Tokenizer, number>;
}

const folder = new URL('../../fixtures/tokens/', import.meta.url);
const fixture = readdirSync(folder).flatMap((file) => {
  const texts: Counted[] = JSON.parse(readFileSync(new URL(file, folder), 'utf8'));
  return texts.map((text) => ({ ...text, name: `${file.replace('.json', '')}: ${text.name}` }));
});

const estimate = (prompt: string, model?: string) =>
  estimateInputTokens({ body: { prompt }, protocol: 'completions', model });

describe('the estimate against real tokenizers', () => {
  it('covers texts of many kinds and sizes', () => {
    expect(fixture.length).toBeGreaterThanOrEqual(45);
    const sizes = fixture.map(({ text }) => Buffer.byteLength(text));
    expect(Math.min(...sizes)).toBeGreaterThan(200);
    expect(Math.max(...sizes)).toBeGreaterThanOrEqual(20_000);
  });

  it.each(fixture)('$name: at most 5 % under and 60 % over, with each of them', ({ text, tokens }) => {
    for (const tokenizer of tokenizers) {
      const ratio = estimate(text, MODELS[tokenizer]) / tokens[tokenizer];
      expect(ratio, tokenizer).toBeGreaterThanOrEqual(0.95);
      expect(ratio, tokenizer).toBeLessThanOrEqual(1.6);
    }
  });

  it.each(fixture)('$name: for an unknown model, the same against the tokenizer that counts most', (counted) => {
    const ratio = estimate(counted.text, 'some/model') / Math.max(...Object.values(counted.tokens));
    expect(ratio).toBeGreaterThanOrEqual(0.95);
    expect(ratio).toBeLessThanOrEqual(1.6);
  });

  it('the counts of the fixture match gpt-tokenizer', () => {
    const asText = { disallowedSpecial: new Set<string>() };
    for (const { text, tokens } of fixture) {
      expect([o200k(text, asText), cl100k(text, asText)]).toEqual([tokens.o200k, tokens.cl100k]);
    }
  });

  it('holds for random mixes of the texts, which it was not made with', () => {
    const part = fc.tuple(fc.constantFrom(...fixture), fc.nat(), fc.integer({ min: 300, max: 1500 }));
    fc.assert(
      fc.property(fc.array(part, { minLength: 3, maxLength: 6 }), (parts) => {
        const text = parts
          .map(([each, at, size]) => {
            const from = at % Math.max(1, each.text.length - size);
            return each.text.slice(from, from + size).toWellFormed();
          })
          .join('\n\n');
        const ratio = estimate(text, 'gpt-4o') / o200k(text, { disallowedSpecial: new Set<string>() });
        expect(ratio).toBeGreaterThanOrEqual(0.95);
        expect(ratio).toBeLessThanOrEqual(1.6);
      }),
      { numRuns: 60, seed: 5 },
    );
  });
});

const texts = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: 'grapheme', maxLength: 60 }),
  fc.constantFrom(...fixture).map(({ text }) => text.slice(0, 400)),
  fc
    .tuple(fc.constantFrom('a', 'Q', '-', '"', ' ', '\n', '\t', '\r', '7', 'я', '中', 'é', '😀', '\u0000'), fc.nat(300))
    .map(([c, n]) => c.repeat(n)),
);

describe('the estimate of any text', () => {
  it('is a whole number from 0', () => {
    fc.assert(
      fc.property(texts, (text) => {
        const tokens = estimate(text);
        expect(Number.isSafeInteger(tokens) && tokens >= 0).toBe(true);
      }),
    );
    expect(estimate('')).toBe(0);
  });

  it('does not fall when text is added', () => {
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        expect(estimate(one + other)).toBeGreaterThanOrEqual(estimate(one));
      }),
    );
  });

  it('of two texts together is about the sum of both', () => {
    fc.assert(
      fc.property(texts, texts, (one, other) => {
        const sum = estimate(one, 'gpt-4o') + estimate(other, 'gpt-4o');
        expect(Math.abs(estimate(`${one}${other}`, 'gpt-4o') - sum)).toBeLessThanOrEqual(12);
      }),
    );
  });

  // `npm run bench -- estimate` measures the time. This test would not end if time grew with the square.
  it.each(['a', 'z', 'Q', '7', '"', ' ', '-', '\n', '\t', '(', 'я', '中', 'é', '😀', '\u0000', 'aB', 'a1', 'х\u0301'])(
    'takes linear time: 4 MB of %j',
    (unit) => {
      const once = estimate(unit.repeat(40_000), 'gpt-4o');
      const share = estimate(unit.repeat(Math.ceil(4_000_000 / unit.length)), 'gpt-4o') / (4_000_000 / unit.length);
      expect(share).toBeCloseTo(once / 40_000, 2);
    },
  );

  it.each(['a', 'q', 'Z', '(', '"', ' ', '7', '\u0000', '\n', '中'])(
    'of 1000 times %j is not under the real count',
    (unit) => {
      const text = unit.repeat(1000);
      expect(estimate(text, 'gpt-4o')).toBeGreaterThanOrEqual(0.95 * o200k(text));
      expect(estimate(text, 'gpt-4')).toBeGreaterThanOrEqual(0.95 * cl100k(text));
    },
  );
});
