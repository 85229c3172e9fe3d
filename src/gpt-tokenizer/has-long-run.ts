/** For one piece of text between two boundaries, a tokenizer's time grows with the square of its length. */
const LONGEST = 200;

/** Non-ASCII blanks. */
const BLANKS = /^[\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]$/;

/**
 * Whether a text has more than 200 letters, marks or blanks in a row, which does not occur in prose. Such a piece may
 * take seconds.
 */
export function hasLongRun(text: string): boolean {
  let letters = 0;
  let marks = 0;
  let blanks = 0;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    const isBlank = code === 32 || (code >= 9 && code <= 13) || (code > 127 && BLANKS.test(text.charAt(i)));
    // Numbers are split into groups of three.
    const isDigit = code >= 48 && code <= 57;
    const isLetter = (code >= 65 && code <= 90) || (code >= 97 && code <= 122);
    // A non-ASCII character may be a letter or a mark, and continues either run.
    blanks = isBlank ? blanks + 1 : 0;
    letters = isLetter || (code > 127 && !isBlank) ? letters + 1 : 0;
    marks = isBlank || isDigit || isLetter ? 0 : marks + 1;
    if (blanks > LONGEST || letters > LONGEST || marks > LONGEST) return true;
  }
  return false;
}
