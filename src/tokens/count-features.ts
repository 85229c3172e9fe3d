import { addText, newFeatures, type TextFeatures } from './text-features.js';

/** Texts up to this length are read whole, longer ones by samples. */
const MAX_WHOLE = 2048;
const WINDOW = 128;
/** So much of a long text is read in any case, then this share of the rest, up to the most. */
const MIN_SAMPLE = 1792;
const SAMPLE_SHARE = 1 / 48;
const MAX_SAMPLE = 256 * 1024;

/**
 * What is in texts, all together. A long text is counted by windows spread evenly over it, each at a place of its own:
 * `seed` (0 up to 1) moves them, so that a text cannot be cheap only in the sampled places.
 */
export function countFeatures(texts: readonly string[], seed: () => number): number[] {
  const features = newFeatures();
  for (const text of texts) {
    if (text.length <= MAX_WHOLE) addText(features, text);
    else addSamples(features, text, seed());
  }
  return Object.values(features);
}

function addSamples(features: TextFeatures, text: string, seed: number): void {
  const { length } = text;
  const size = Math.min(MAX_SAMPLE, MIN_SAMPLE + (length - MAX_WHOLE) * SAMPLE_SHARE);
  const windows = Math.ceil(size / WINDOW);
  const stride = length / windows;
  const sampled = newFeatures();
  // A generator of one line: each place follows from the one before.
  let read = 0;
  let state = Math.floor(seed * 0x7fffffff) ^ length;
  for (let i = 0; i < windows; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const at = Math.floor(i * stride + (state / 0x80000000) * (stride - WINDOW));
    const from = wordStart(text, at);
    const to = wordStart(text, at + WINDOW);
    addText(sampled, text, from, to);
    read += to - from;
  }
  const factor = length / read;
  for (const name of Object.keys(sampled) as (keyof TextFeatures)[]) features[name] += sampled[name] * factor;
}

const LONGEST_WORD = 24;

/** The next beginning of a word, as half a word counts as a whole one; the place itself where none is near. */
function wordStart(text: string, at: number): number {
  if (at === 0) return at;
  for (let i = at; i < Math.min(text.length, at + LONGEST_WORD); i++) {
    const code = text.charCodeAt(i);
    if (code === 32 || code === 10) return i;
  }
  return at;
}
