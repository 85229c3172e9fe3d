/** On one piece of text between two boundaries a tokenizer takes time that grows with the square of its length. */
const LONGEST = 200;

/** Whether a text has more than 200 letters, marks or blanks in a row: no prose has, and such a piece may take seconds. */
export function hasLongRun(text: string): boolean {
  let before = '';
  let run = 0;
  for (let i = 0; i < text.length; i++) {
    const kind = kindOf(text.charCodeAt(i));
    run = kind === before ? run + 1 : 1;
    before = kind;
    // Numbers are cut into groups of three.
    if (run > LONGEST && kind !== 'digit') return true;
  }
  return false;
}

function kindOf(code: number): 'blank' | 'digit' | 'letter' | 'mark' {
  if (code <= 32) return 'blank';
  if (code >= 48 && code <= 57) return 'digit';
  // What is not ASCII is nearly all letters, and emoji are as slow.
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) || code > 127 ? 'letter' : 'mark';
}
