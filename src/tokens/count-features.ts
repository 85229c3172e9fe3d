import { addText, newFeatures } from './text-features.js';

/** Texts up to this length are read fully, longer ones by samples. */
const MAX_WHOLE = 2048;
const WINDOW = 128;
/** The minimum sample of a long text, then the share of the rest, up to the maximum. */
const MIN_SAMPLE = 1792;
const SAMPLE_SHARE = 1 / 48;
const MAX_SAMPLE = 256 * 1024;
/** Up to this total, texts are sampled separately; beyond it they are sampled as one long text. */
const MAX_READ = 512 * 1024;

/**
 * Counts the features of all texts together. A long text is counted by windows spread evenly over it, at varying
 * places: `seed` (0 up to 1) moves them, so that a text cannot be cheap only in the sampled places.
 */
export function countFeatures(texts: readonly string[], seed: () => number): number[] {
  let read = 0;
  let length = 0;
  for (const text of texts) {
    read += text.length <= MAX_WHOLE ? text.length : sampleSize(text.length);
    length += text.length;
  }
  if (read > MAX_READ) return sample(texts, length, seed());
  const features = newFeatures();
  const samples: number[][] = [];
  for (const text of texts) {
    if (text.length <= MAX_WHOLE) addText(features, text);
    else samples.push(sample([text], text.length, seed()));
  }
  const counts = Object.values(features);
  for (const sampled of samples) for (const [i, count] of sampled.entries()) counts[i] = (counts[i] ?? 0) + count;
  return counts;
}

function sampleSize(length: number): number {
  return Math.min(MAX_SAMPLE, MIN_SAMPLE + (length - MAX_WHOLE) * SAMPLE_SHARE);
}

/** Estimates the counts of consecutive texts, `length` in all, by samples, without a copy. */
function sample(texts: readonly string[], length: number, seed: number): number[] {
  const windows = Math.ceil(sampleSize(length) / WINDOW);
  const stride = length / windows;
  const sampled = newFeatures();
  // A simple generator: each place follows from the one before.
  let state = Math.floor(seed * 0x7fffffff) ^ length;
  let read = 0;
  let index = 0;
  let start = 0;
  for (let i = 0; i < windows; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const at = Math.floor(i * stride + (state / 0x80000000) * (stride - WINDOW));
    const end = at + WINDOW;
    for (; index < texts.length; start += (texts[index++] as string).length) {
      const text = texts[index] as string;
      const from = wordStart(text, Math.max(0, at - start));
      const to = wordStart(text, Math.min(text.length, end - start));
      if (from < to) addText(sampled, text, from, to);
      read += Math.max(0, to - from);
      // The next window may start in the same text.
      if (end - start < text.length) break;
    }
  }
  const factor = length / read;
  return Object.values(sampled).map((count) => count * factor);
}

const LONGEST_WORD = 24;

/** The next start of a word, because half a word counts as a whole one; the place itself if none is near. */
function wordStart(text: string, at: number): number {
  if (at === 0) return at;
  for (let i = at; i < Math.min(text.length, at + LONGEST_WORD); i++) {
    const code = text.charCodeAt(i);
    if (code === 32 || code === 10) return i;
  }
  return at;
}
