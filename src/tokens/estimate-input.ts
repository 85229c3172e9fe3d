import type { Protocol } from '../types.js';
import { imageTokens } from './image-tokens.js';
import { type Input, readInput } from './read-input.js';
import { addText, newFeatures } from './text-features.js';
import { FRAMES, MOST_FRAMING, type Tokenizer, tokenizersOf, weigh } from './tokenizers.js';

/**
 * Counts the tokens of a text for a model, where it can; `undefined` leaves it to the router's estimate. It runs on the
 * event loop of the call.
 */
export type CountTokens = (input: { text: string; model: string | undefined }) => number | undefined;

export interface InputRequest {
  readonly body: unknown;
  readonly protocol: Protocol;
  /** The upstream's name of the model; where it is not known, the estimate is that of the tokenizer that counts most. */
  readonly model: string | undefined;
}

/** How many tokens a request's input may have: seldom too few, as a limit needs it. */
export function estimateInputTokens(
  { body, protocol, model }: InputRequest,
  countTokens: CountTokens | undefined,
): number {
  return tokensOf(readInput(body, protocol), model, countTokens);
}

/** The same for an input that was read already. */
export function tokensOf(input: Input, model: string | undefined, countTokens: CountTokens | undefined): number {
  const images = input.images.reduce((sum, image) => sum + imageTokens(image, model), 0);
  return Math.ceil(textTokens(input, model, countTokens) + input.flat + images);
}

/** No text has more for a code unit, by any tokenizer: a short word of rare letters comes to 5.1. */
const MOST_PER_UNIT = 6;

/** What no estimate of this input is above, for any model, without a look at its texts. `undefined` where images must be looked at. */
export function boundOf({ texts, images, messages, flat }: Input): number | undefined {
  if (images.length > 0) return undefined;
  let units = 0;
  for (const { length } of texts) units += length;
  return Math.ceil(MOST_PER_UNIT * units + flat + (messages === 0 ? 0 : MOST_FRAMING * (1 + messages)));
}

function textTokens(input: Input, model: string | undefined, countTokens: CountTokens | undefined): number {
  const counted = countTokens && readCount(countTokens, input, model);
  if (counted === undefined) {
    input.counts ??= countsOf(input.texts);
    const { counts } = input;
    return mostOf(tokenizersOf(model), (tokenizer) => weigh(counts, tokenizer) + framing(input, tokenizer));
  }
  return mostOf(tokenizersOf(model), (tokenizer) => counted + framing(input, tokenizer));
}

function countsOf(texts: readonly string[]): number[] {
  const features = newFeatures();
  for (const text of texts) addText(features, text);
  return Object.values(features);
}

/** What the application makes of it; `undefined` where that is nothing that could be a count. */
function readCount(countTokens: CountTokens, { texts }: Input, model: string | undefined): number | undefined {
  try {
    const count: unknown = countTokens({ text: texts.join('\n'), model });
    return typeof count === 'number' && count >= 0 && count < Number.POSITIVE_INFINITY ? count : undefined;
  } catch {
    return undefined;
  }
}

/** The marks around messages. */
function framing({ messages }: Input, tokenizer: Tokenizer): number {
  const { first, each } = FRAMES[tokenizer];
  return messages === 0 ? 0 : first + each * messages;
}

function mostOf(tokenizers: readonly Tokenizer[], tokens: (tokenizer: Tokenizer) => number): number {
  return tokenizers.reduce((most, tokenizer) => Math.max(most, tokens(tokenizer)), 0);
}
