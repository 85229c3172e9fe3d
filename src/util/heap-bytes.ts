/**
 * A character that does not fit one byte. The engine skips this search for strings that it stores with one byte each.
 */
const IS_WIDE = /[\u0100-\uffff]/;

/** The memory of a string: one byte per character, or two as soon as one character needs it. */
export function textBytes(text: string): number {
  return 24 + (IS_WIDE.test(text) ? 2 * text.length : text.length);
}
