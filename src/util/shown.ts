/** Names from outside are cut to this many characters when they are stored or logged. */
export const MAX_NAME = 256;
const MAX_ID = 512;

/**
 * Control characters, line and paragraph separators, invisible format characters (those that turn the direction of
 * writing among them) and lone halves of surrogate pairs: they could forge, hide or reorder a line.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Makes a text safe in a line of a log: what could forge or hide part of it is written as `\u{..}`. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** An id that a provider gave, where it can be remembered: a longer one is no id. */
export function storableId(id: unknown): string | undefined {
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID ? id : undefined;
}

/** A text from outside, cut; never in the middle of a surrogate pair. */
export function cut(text: string, max = MAX_NAME): string {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]/.test(text.charAt(max - 1)) ? max - 1 : max;
  // A copy, because a slice would retain the whole text in memory. Not by `structuredClone`, which jsdom does not have.
  return JSON.parse(JSON.stringify(text.slice(0, end)));
}

/** A name from outside for a line: plain ones as they are, others quoted, cut and escaped. */
export function shown(name: string, max = 128): string {
  if (name.length <= max && /^[\w./:@+*-]+$/.test(name)) return name;
  return escapeControls(JSON.stringify(cut(name, max)));
}
