import { parseJson } from '../util/parse-json.js';

/**
 * The positions of the values of a JSON object or array in its text, without keys and punctuation. `undefined` if the
 * text is neither.
 */
export function valueRanges(text: string): (readonly [from: number, to: number])[] | undefined {
  if (!isJson(text)) return undefined;
  const ranges: (readonly [number, number])[] = [];
  let at = 0;
  while (at < text.length) {
    const char = text.charAt(at);
    if (char === '"') {
      const end = endOfString(text, at);
      // A string before a colon is a key.
      if (!/^\s*:/.test(text.slice(end, end + 32))) ranges.push([at + 1, end - 1]);
      at = end;
    } else if (/[-0-9a-z]/.test(char)) {
      let end = at;
      while (end < text.length && /[-+.0-9a-zA-Z]/.test(text.charAt(end))) end += 1;
      ranges.push([at, end]);
      at = end;
    } else at += 1;
  }
  return ranges;
}

const isJson = (text: string) => /^\s*[[{]/.test(text) && parseJson(text) !== undefined;

/** After the closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length && text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1;
  return at + 1;
}
