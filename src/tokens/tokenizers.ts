import type { TextFeatures } from './text-features.js';

/** The tokenizers that are told apart: by their counts for one text they differ up to twofold. */
export type Tokenizer = 'o200k' | 'cl100k' | 'deepseek' | 'qwen';

type Weights = Readonly<Record<keyof TextFeatures, number>>;

export const TOKENIZERS: readonly Tokenizer[] = ['o200k', 'cl100k', 'deepseek', 'qwen'];

const OPENAI: readonly Tokenizer[] = ['o200k'];
const OPENAI_OLD: readonly Tokenizer[] = ['cl100k'];
const DEEPSEEK: readonly Tokenizer[] = ['deepseek'];
const QWEN: readonly Tokenizer[] = ['qwen'];
/** A model that was distilled into another one's shape has that one's tokenizer, which its name does not always say. */
const DEEPSEEK_OR_QWEN: readonly Tokenizer[] = ['deepseek', 'qwen'];

/** Those that a model of this name may have: all, where the name says nothing. */
export function tokenizersOf(model: string | undefined): readonly Tokenizer[] {
  if (model === undefined) return TOKENIZERS;
  const isQwen = /qwen|qwq|qvq/i.test(model);
  if (/deepseek/i.test(model)) return isQwen ? DEEPSEEK_OR_QWEN : DEEPSEEK;
  if (isQwen) return QWEN;
  if (/(?:^|\/)(?:gpt-4o|gpt-4\.[1-9]|gpt-[5-9]|gpt-oss|chatgpt|o[1-9](?:$|-))/i.test(model)) return OPENAI;
  if (/(?:^|\/)(?:gpt-4|gpt-3\.?5|text-embedding)/i.test(model)) return OPENAI_OLD;
  return TOKENIZERS;
}

const WEIGHTS: Readonly<Record<Tokenizer, Weights>> = {
  o200k: rough(),
  cl100k: rough(),
  deepseek: rough(),
  qwen: rough(),
};

function rough(): Weights {
  return {
    words: 1,
    after4: 0.08,
    after8: 0.1,
    capitals: 0.3,
    rarePairs: 0.5,
    repeats: 0.3,
    digits: 0,
    digitGroups: 1,
    letterDigits: 0,
    marks: 0.8,
    marksAfter: 0.5,
    markRepeats: 0.2,
    blankRuns: 1,
    blanksAfter: 0.02,
    blankDigits: 1,
    newlineRuns: 1,
    newlinesAfterMark: 0.3,
    latinExtended: 0.6,
    greek: 0.6,
    cyrillicWords: 0.6,
    cyrillic: 0.3,
    hebrewArabic: 0.5,
    indicThai: 0.7,
    kana: 0.9,
    hangul: 0.8,
    han: 0.9,
    cjkMarks: 1,
    typography: 1,
    symbols: 1.5,
    astral: 2.5,
    other: 2.5,
  };
}

/** How many tokens a tokenizer may make of a text: the estimate with its margin. */
export function weigh(features: TextFeatures, tokenizer: Tokenizer): number {
  const weights = WEIGHTS[tokenizer];
  let sum = 0;
  for (const name of NAMES) sum += features[name] * weights[name];
  return sum;
}

const NAMES = Object.keys(WEIGHTS.o200k) as (keyof TextFeatures)[];

/** Tokens of the marks around each message, and around all of them together with the beginning of the answer. */
export const FRAMES: Readonly<Record<Tokenizer, { readonly first: number; readonly each: number }>> = {
  o200k: { first: 3, each: 4 },
  cl100k: { first: 3, each: 4 },
  deepseek: { first: 2, each: 2 },
  qwen: { first: 3, each: 5 },
};
