/** A character that does not fit one byte. The engine need not search a text that it stores with one byte for each. */
const IS_WIDE = /[\u0100-\uffff]/;

/** What a string takes in memory: one byte a character, or two as soon as one of them needs it. */
export function textBytes(text: string): number {
  return 24 + (IS_WIDE.test(text) ? 2 * text.length : text.length);
}
