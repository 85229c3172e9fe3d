import { addText, newFeatures, type TextFeatures } from './text-features.js';

/** Texts up to this length are read whole, longer ones by samples. */
const MAX_WHOLE = 3072;
const WINDOW = 256;
/** So much of a long text is read in any case, then this share of the rest, up to the most. */
const MIN_SAMPLE = 3072;
const SAMPLE_SHARE = 1 / 24;
const MAX_SAMPLE = 256 * 1024;

/**
 * What is in texts, all together. A long text is counted by windows spread evenly over it, each at a place of its own:
 * `seed` (0 up to 1) moves them, so nobody can write a text that is cheap only where it is looked at.
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
  let state = Math.floor(seed * 0x7fffffff) ^ length;
  for (let i = 0; i < windows; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff;
    const from = Math.floor(i * stride + (state / 0x80000000) * (stride - WINDOW));
    addText(sampled, text.slice(from, from + WINDOW));
  }
  const factor = length / (windows * WINDOW);
  for (const name of Object.keys(sampled) as (keyof TextFeatures)[]) features[name] += sampled[name] * factor;
}
