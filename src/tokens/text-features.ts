/**
 * What is counted in texts, so that each tokenizer can put its own price on it. Tokenizers first cut a text into words,
 * numbers, runs of punctuation and of blanks, and then look these up piece by piece.
 */
export interface TextFeatures {
  /** Runs of Latin letters; `camelCase` is two. */
  words: number;
  /** Letters of a word after its fourth, and after its eighth. */
  after4: number;
  after8: number;
  /** Capitals after another one. */
  capitals: number;
  /** Neighbours that hardly occur in words: keys, hashes, base64. */
  rarePairs: number;
  /** Characters that are the same as the two before them. */
  repeats: number;
  digits: number;
  /** Groups of up to three digits. */
  digitGroups: number;
  /** Changes from letter to digit and back. */
  letterDigits: number;
  /** Runs of ASCII punctuation, what else is in them, and what repeats in them. */
  marks: number;
  marksAfter: number;
  markRepeats: number;
  /** Two blanks or more, and what else is in these runs. */
  blankRuns: number;
  blanksAfter: number;
  blankDigits: number;
  newlineRuns: number;
  newlinesAfterMark: number;
  latinExtended: number;
  greek: number;
  cyrillicWords: number;
  cyrillic: number;
  hebrewArabic: number;
  indicThai: number;
  kana: number;
  hangul: number;
  han: number;
  cjkMarks: number;
  typography: number;
  symbols: number;
  /** Characters of two code units: emoji, rare ideographs. */
  astral: number;
  other: number;
}

export function newFeatures(): TextFeatures {
  return {
    words: 0,
    after4: 0,
    after8: 0,
    capitals: 0,
    rarePairs: 0,
    repeats: 0,
    digits: 0,
    digitGroups: 0,
    letterDigits: 0,
    marks: 0,
    marksAfter: 0,
    markRepeats: 0,
    blankRuns: 0,
    blanksAfter: 0,
    blankDigits: 0,
    newlineRuns: 0,
    newlinesAfterMark: 0,
    latinExtended: 0,
    greek: 0,
    cyrillicWords: 0,
    cyrillic: 0,
    hebrewArabic: 0,
    indicThai: 0,
    kana: 0,
    hangul: 0,
    han: 0,
    cjkMarks: 0,
    typography: 0,
    symbols: 0,
    astral: 0,
    other: 0,
  };
}

const START = 0;
const BLANK = 1;
const NEWLINE = 2;
const LETTER = 3;
const DIGIT = 4;
const MARK = 5;
const CYRILLIC = 6;
const OTHER = 7;

/** The kind of each ASCII character. */
const KINDS = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code === 10 || code === 13) return NEWLINE;
  if (code <= 32) return BLANK;
  if (code >= 48 && code <= 57) return DIGIT;
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ? LETTER : MARK;
});

/** For each letter, a bit for each one that hardly follows it. */
const RARE_PAIRS = new Int32Array(26);

/** Adds what is in a text: one pass, and nothing is made for a character. */
export function addText(features: TextFeatures, text: string): void {
  const f = features;
  const { length } = text;
  let kind = START;
  /** Length of the word, the number or the run of blanks that the character before belongs to. */
  let run = 0;
  let previous = -1;
  let beforePrevious = -1;
  for (let i = 0; i < length; i++) {
    const code = text.charCodeAt(i);
    const now = code < 128 ? (KINDS[code] ?? OTHER) : OTHER;
    const repeated = code === previous && code === beforePrevious;
    beforePrevious = previous;
    if (now === LETTER) {
      const isCapital = code < 97;
      if (kind !== LETTER || (isCapital && previous >= 97)) {
        if (kind === DIGIT) f.letterDigits++;
        f.words++;
        run = 1;
      } else if (repeated) {
        f.repeats++;
      } else {
        run++;
        if (run > 4) f.after4++;
        if (run > 8) f.after8++;
        if (isCapital) f.capitals++;
        if (((RARE_PAIRS[(previous | 32) - 97] ?? 0) >> ((code | 32) - 97)) & 1) f.rarePairs++;
      }
      kind = LETTER;
    } else if (now === BLANK) {
      if (kind !== BLANK) run = 0;
      run++;
      if (run === 2) f.blankRuns++;
      else if (run > 2) f.blanksAfter++;
      kind = BLANK;
    } else if (now === MARK) {
      if (kind !== MARK) f.marks++;
      else if (code === previous) f.markRepeats++;
      else f.marksAfter++;
      kind = MARK;
    } else if (now === DIGIT) {
      if (kind !== DIGIT) {
        run = 0;
        if (kind === LETTER) f.letterDigits++;
        else if (kind === BLANK) f.blankDigits++;
      }
      if (run % 3 === 0) f.digitGroups++;
      run++;
      f.digits++;
      kind = DIGIT;
    } else if (now === NEWLINE) {
      if (kind === MARK) f.newlinesAfterMark++;
      else if (kind !== NEWLINE) f.newlineRuns++;
      else f.blanksAfter++;
      kind = NEWLINE;
    } else if (code >= 0x400 && code < 0x530) {
      if (kind !== CYRILLIC) f.cyrillicWords++;
      if (repeated) f.repeats++;
      else f.cyrillic++;
      kind = CYRILLIC;
    } else if (code >= 0xc0 && code < 0x250) {
      f.latinExtended++;
      if (kind !== LETTER) {
        f.words++;
        run = 0;
      }
      run++;
      kind = LETTER;
    } else {
      addOther(f, code);
      kind = OTHER;
    }
    previous = code;
  }
}

/** What is neither ASCII nor of the alphabets above, by its block. */
function addOther(f: TextFeatures, code: number): void {
  if (code >= 0x4e00 && code < 0xa000) f.han++;
  else if (code >= 0xac00 && code < 0xd7b0) f.hangul++;
  else if (code >= 0x3040 && code < 0x3100) f.kana++;
  else if ((code >= 0x3000 && code < 0x3040) || (code >= 0xff00 && code < 0xfff0)) f.cjkMarks++;
  else if (code >= 0x2000 && code < 0x2070) f.typography++;
  else if (code >= 0xd800 && code < 0xdc00) f.astral++;
  else if (code >= 0xdc00 && code < 0xe000) return;
  else if (code >= 0x370 && code < 0x400) f.greek++;
  else if (code >= 0x590 && code < 0x780) f.hebrewArabic++;
  else if (code >= 0x900 && code < 0xf00) f.indicThai++;
  else if ((code >= 0x2070 && code < 0x2c00) || (code >= 0x80 && code < 0xc0)) f.symbols++;
  else f.other++;
}
