import { InvalidOptionError } from '../errors.js';
import type { CountTokens } from '../tokens/estimate-input.js';
import { checkKeys, checkNumber, checkOneOf } from '../util/check.js';
import { hasLongRun } from './has-long-run.js';

export type { CountTokens };

/** An OpenAI vocabulary: `o200k_base` is used by gpt-4o and later. */
export type Encoding = 'o200k_base' | 'cl100k_base';

/** Options of `gptTokenizer`. */
export interface GptTokenizerOptions {
  /** The encoding of your models. @default 'o200k_base' */
  encoding?: Encoding | undefined;
  /** Texts with more UTF-16 code units are left to the router's estimate. @default 10_000 */
  maxChars?: number | undefined;
}

/** A function for `countTokens`. */
export interface GptTokenizer extends CountTokens {
  /** Fulfilled when texts are counted. Until then, or if it rejects, the router's estimate is used. */
  readonly ready: Promise<void>;
}

/**
 * Counts with `gpt-tokenizer`, an optional peer dependency, exactly for OpenAI's models: `countTokens: gptTokenizer()`.
 * It loads in the background, which takes about 200 ms and 90 MB. Texts that would keep the event loop busy are left to
 * the router's estimate: long ones, and those with a run of more than 200 letters, marks or blanks, where its time is
 * quadratic.
 *
 * @throws InvalidOptionError
 */
export function gptTokenizer(options: GptTokenizerOptions = {}): GptTokenizer {
  if (typeof options !== 'object' || options === null) throw new InvalidOptionError('gptTokenizer', 'give an object.');
  checkKeys('gptTokenizer', options, ['encoding', 'maxChars']);
  const { encoding = 'o200k_base', maxChars = 10_000 } = options;
  checkOneOf('gptTokenizer.encoding', encoding, ['o200k_base', 'cl100k_base']);
  const what = 'a whole number, 1 to 1000000';
  checkNumber('gptTokenizer.maxChars', maxChars, { least: 1, most: 1_000_000, whole: true, what });
  let count: ((text: string) => number) | undefined;
  const ready = load(encoding).then((loaded) => {
    count = loaded;
  });
  // Without waiting for it, calls use the estimate.
  ready.catch(() => undefined);
  const countTokens: CountTokens = ({ text }) => {
    if (count === undefined || text.length > maxChars || hasLongRun(text)) return undefined;
    return count(text);
  };
  return Object.assign(countTokens, { ready });
}

/** By their full names, so that a bundler finds them. */
async function load(encoding: Encoding): Promise<(text: string) => number> {
  const { countTokens } =
    encoding === 'o200k_base'
      ? await import('gpt-tokenizer/encoding/o200k_base')
      : await import('gpt-tokenizer/encoding/cl100k_base');
  // A special token in a prompt counts as text.
  const asText = { disallowedSpecial: new Set<string>() };
  return (text) => countTokens(text, asText);
}
