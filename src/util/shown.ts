/** Names from outside are shortened to this many characters when they are stored or logged. */
export const MAX_NAME = 256;
const MAX_ID = 512;

/**
 * Control characters, line and paragraph separators, invisible format characters (including those that change the
 * writing direction) and lone surrogates: they could forge, hide or reorder a line.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

/** Makes a text safe for a log line: characters that could forge or hide part of it become `\u{..}`. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (character) => `\\u{${character.codePointAt(0)?.toString(16)}}`);
}

/** A provider's id, if it can be stored: a longer one is dropped. */
export function storableId(id: unknown): string | undefined {
  return typeof id === 'string' && id !== '' && id.length <= MAX_ID ? id : undefined;
}

/** Shortens a text from outside, but never in the middle of a surrogate pair. */
export function cut(text: string, max = MAX_NAME): string {
  if (text.length <= max) return text;
  const end = /[\ud800-\udbff]/.test(text.charAt(max - 1)) ? max - 1 : max;
  // A copy, because a slice would retain the whole text in memory. Not by `structuredClone`, which jsdom lacks.
  return JSON.parse(JSON.stringify(text.slice(0, end)));
}

/** A name from outside for a log line: plain names unchanged, others quoted, shortened and escaped. */
export function shown(name: string, max = 128): string {
  if (name.length <= max && /^[\w./:@+*-]+$/.test(name)) return name;
  return escapeControls(JSON.stringify(cut(name, max)));
}
