import { newFeatures, type TextFeatures } from './text-features.js';

/** The distinguished tokenizers. For the same text, one may count twice as many tokens as another. */
const TOKENIZERS = ['o200k', 'cl100k', 'deepseek', 'qwen'] as const;
export type Tokenizer = (typeof TOKENIZERS)[number];

const OPENAI: readonly Tokenizer[] = ['o200k'];
const OPENAI_OLD: readonly Tokenizer[] = ['cl100k'];
const DEEPSEEK: readonly Tokenizer[] = ['deepseek'];
const QWEN: readonly Tokenizer[] = ['qwen'];
/** DeepSeek models distilled into Qwen: the name contains both. */
const DEEPSEEK_OR_QWEN: readonly Tokenizer[] = ['deepseek', 'qwen'];

/** The possible tokenizers of a model name: all, if the name is unknown. */
export function tokenizersOf(model: string | undefined): readonly Tokenizer[] {
  if (model === undefined) return TOKENIZERS;
  const isQwen = /qwen|qwq|qvq/i.test(model);
  if (/deepseek/i.test(model)) return isQwen ? DEEPSEEK_OR_QWEN : DEEPSEEK;
  if (isQwen) return QWEN;
  if (/(?:^|\/)(?:gpt-4o|gpt-4\.[1-9]|gpt-[5-9]|gpt-oss|chatgpt|o[1-9](?:$|-))/i.test(model)) return OPENAI;
  if (/(?:^|\/)(?:gpt-4|gpt-3\.?5|text-embedding)/i.test(model)) return OPENAI_OLD;
  return TOKENIZERS;
}

/**
 * Tokens of each feature, by tokenizer in the order above. Fitted to the counts of the real ones over documentation,
 * code, JSON, logs, tables and prose in 40 languages.
 */
const WEIGHTS: Readonly<Record<keyof TextFeatures, readonly [number, number, number, number]>> = {
  words: [0.79, 0.82, 0.82, 0.74],
  after4: [0.12, 0.14, 0.16, 0.19],
  after8: [0.062, 0.086, 0.078, 0.077],
  capitals: [0.05, 0.04, 0.075, 0.045],
  rarePairs: [0.82, 0.97, 0.83, 0.98],
  repeats: [1, 1, 1, 1],
  digits: [0.028, 0.028, 0.029, 0.96],
  digitGroups: [0.91, 0.9, 0.91, 0.051],
  letterDigits: [0.09, 0.077, 0.086, 0.1],
  marks: [0.77, 0.74, 0.82, 0.71],
  marksAfter: [0.22, 0.18, 0.25, 0.2],
  markRepeats: [0.11, 0.1, 0.091, 0.11],
  indents: [1.05, 1.05, 1, 1.07],
  blankRuns: [2.19, 2.74, 2.37, 3.04],
  blanksAfter: [0.009, 0.009, 0.009, 0.009],
  blankDigits: [1.48, 1.66, 1.47, 1.85],
  newlineRuns: [1.36, 1.09, 1.14, 1.26],
  newlinesAfterMark: [0.24, 0.2, 0.16, 0.22],
  carriageReturns: [0.1, 0.1, 1.1, 0.1],
  latinExtended: [0.82, 1.63, 1.27, 1.26],
  latinAdditional: [0.28, 0.64, 0.52, 0.16],
  greek: [0.41, 1.05, 0.52, 0.99],
  cyrillicWords: [0.87, 1.25, 1.15, 1.04],
  cyrillic: [0.15, 0.27, 0.14, 0.2],
  cyrillicExtended: [1.22, 2.71, 1.87, 2.83],
  hebrewArabic: [0.46, 1.01, 0.55, 0.64],
  indic: [0.37, 1.49, 0.68, 1.31],
  thai: [0.38, 0.9, 0.37, 0.59],
  kana: [0.62, 0.91, 0.62, 0.59],
  hangul: [0.7, 1.07, 0.79, 0.8],
  han: [0.84, 1.18, 0.64, 0.72],
  cjkMarks: [0.95, 1.28, 0.99, 0.86],
  typography: [0.42, 0.41, 0.46, 0.48],
  symbols: [0.95, 0.86, 1.14, 1.11],
  astral: [1.86, 3.22, 2.12, 1.73],
  otherAlphabets: [0.48, 1.95, 0.97, 1.16],
  other: [2.4, 2.4, 2.4, 2.4],
};

/** Single texts deviate by up to a fifth. With this margin, hardly any is counted too low. */
const MARGIN = 1.25;

/** By tokenizer, in the order of the features. */
const ROWS = TOKENIZERS.map((_, column) =>
  Object.keys(newFeatures()).map((name) => (WEIGHTS[name as keyof TextFeatures][column] ?? 1) * MARGIN),
);

/** The tokens of a tokenizer for these counts: the estimate with its margin. */
export function weigh(counts: readonly number[], tokenizer: Tokenizer): number {
  const row = ROWS[TOKENIZERS.indexOf(tokenizer)] ?? [];
  let sum = 0;
  for (let i = 0; i < row.length; i++) sum += (counts[i] ?? 0) * (row[i] ?? 1);
  return sum;
}

/** Tokens of the marks around each message, and around all messages together with the start of the answer. */
export const FRAMES: Readonly<Record<Tokenizer, { readonly first: number; readonly each: number }>> = {
  o200k: { first: 3, each: 4 },
  cl100k: { first: 3, each: 4 },
  deepseek: { first: 2, each: 2 },
  qwen: { first: 3, each: 5 },
};
