import { countFeatures } from './count-features.js';
import { imageTokens } from './image-tokens.js';
import type { Input } from './read-input.js';
import { FRAMES, type Tokenizer, tokenizersOf, weigh } from './tokenizers.js';

/**
 * Counts the tokens of a text for a model. Return `undefined` to use the router's estimate. It runs on the call's event
 * loop.
 */
export type CountTokens = (input: { text: string; model: string | undefined }) => number | undefined;

/**
 * Estimates the tokens of an input. The result is seldom too low, because limits rely on it.
 *
 * @param model the upstream's name of it; without a known one, the tokenizer that counts most decides
 * @param seed 0 to 1, selects the samples of long texts
 */
export function tokensOf(
  input: Input,
  model: string | undefined,
  countTokens: CountTokens | undefined,
  seed: () => number,
): number {
  let images = 0;
  for (const image of input.images) images += imageTokens(image, model);
  return Math.ceil(textTokens(input, model, countTokens, seed) + input.flat + images);
}

function textTokens(
  input: Input,
  model: string | undefined,
  countTokens: CountTokens | undefined,
  seed: () => number,
): number {
  const counted = countTokens?.({ text: input.texts.join('\n'), model });
  if (counted === undefined) {
    input.counts ??= countFeatures(input.texts, seed);
    const { counts } = input;
    return maxOf(tokenizersOf(model), (tokenizer) => weigh(counts, tokenizer) + framing(input, tokenizer));
  }
  return maxOf(tokenizersOf(model), (tokenizer) => counted + framing(input, tokenizer));
}

/** Tokens of the marks around messages. */
function framing({ messages }: Input, tokenizer: Tokenizer): number {
  const { first, each } = FRAMES[tokenizer];
  return messages === 0 ? 0 : first + each * messages;
}

function maxOf(tokenizers: readonly Tokenizer[], tokens: (tokenizer: Tokenizer) => number): number {
  return tokenizers.reduce((most, tokenizer) => Math.max(most, tokens(tokenizer)), 0);
}
