import { describe, expect, it } from 'vitest';
import { boundOf, tokensOf } from '../../../src/tokens/estimate-input.js';
import { readInput } from '../../../src/tokens/read-input.js';
import fc from '../../helpers/property.js';

const MODELS = ['gpt-4o', 'gpt-4', 'deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B', undefined];

/** Characters of all kinds that are counted apart: runs of the dearest ones, and changes between them. */
const characters = fc.constantFrom(
  ...'aZxq0 9\t\n\r.,-"\u00e9\u1ea1\u03b1\u0434\u0491\u05d0\u0905\u0e01\u3042\uac00\u4e2d\u3001\u2014\u2603\u0531\ua000',
  '\u{1f600}',
  '\u{20000}',
);
const texts = fc.oneof(
  fc.array(characters, { maxLength: 60 }).map((all) => all.join('')),
  fc.tuple(characters, characters, fc.integer({ min: 1, max: 40 })).map(([a, b, n]) => `${a}${b}`.repeat(n)),
  fc.string({ unit: 'binary', maxLength: 60 }),
);

describe('the bound of an input', () => {
  it('is never under an estimate, whatever the text and the model', () => {
    fc.assert(
      fc.property(fc.array(texts, { maxLength: 4 }), fc.constantFrom(...MODELS), (contents, model) => {
        const messages = contents.map((content) => ({ role: 'user', content }));
        const input = readInput({ messages, tools: [{ type: 'function', function: { name: 'a' } }] }, 'chat');
        expect(boundOf(input)).toBeGreaterThanOrEqual(tokensOf(input, model, undefined));
      }),
      { numRuns: 2000 },
    );
  });

  it('is not known where there are images', () => {
    const content = [{ type: 'image_url', image_url: { url: 'https://a.test/b.png' } }];
    expect(boundOf(readInput({ messages: [{ role: 'user', content }] }, 'chat'))).toBeUndefined();
  });
});
