import type { Protocol } from '../types.js';
import { countFeatures } from './count-features.js';
import { imageTokens } from './image-tokens.js';
import { type Input, readInput } from './read-input.js';
import { FRAMES, type Tokenizer, tokenizersOf, weigh } from './tokenizers.js';

/**
 * Counts the tokens of a text for a model. Return `undefined` to use the router's estimate. It runs on the call's event
 * loop.
 */
export type CountTokens = (input: { text: string; model: string | undefined }) => number | undefined;

const MIDDLE = () => 0.5;

export interface InputRequest {
  readonly body: unknown;
  readonly protocol: Protocol;
  /** The upstream's model name. If it is unknown, the estimate is that of the tokenizer that counts most. */
  readonly model: string | undefined;
}

/** Estimates a request's input tokens. The result is seldom too low, because limits rely on it. */
export function estimateInputTokens(
  { body, protocol, model }: InputRequest,
  countTokens: CountTokens | undefined,
): number {
  return tokensOf(readInput(body, protocol), model, countTokens);
}

/** The same for an input that was already read. `seed` selects the samples of long texts. */
export function tokensOf(
  input: Input,
  model: string | undefined,
  countTokens: CountTokens | undefined,
  seed: () => number = MIDDLE,
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
  const counted = countTokens && readCount(countTokens, input, model);
  if (counted === undefined) {
    input.counts ??= countFeatures(input.texts, seed);
    const { counts } = input;
    return maxOf(tokenizersOf(model), (tokenizer) => weigh(counts, tokenizer) + framing(input, tokenizer));
  }
  return maxOf(tokenizersOf(model), (tokenizer) => counted + framing(input, tokenizer));
}

/** The application's count; `undefined` if the result cannot be a count. */
function readCount(countTokens: CountTokens, { texts }: Input, model: string | undefined): number | undefined {
  try {
    const count: unknown = countTokens({ text: texts.join('\n'), model });
    return typeof count === 'number' && count >= 0 && count < Number.POSITIVE_INFINITY ? count : undefined;
  } catch {
    return undefined;
  }
}

/** Tokens of the marks around messages. */
function framing({ messages }: Input, tokenizer: Tokenizer): number {
  const { first, each } = FRAMES[tokenizer];
  return messages === 0 ? 0 : first + each * messages;
}

function maxOf(tokenizers: readonly Tokenizer[], tokens: (tokenizer: Tokenizer) => number): number {
  return tokenizers.reduce((most, tokenizer) => Math.max(most, tokens(tokenizer)), 0);
}
