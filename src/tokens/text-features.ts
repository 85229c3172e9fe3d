/**
 * Features of texts, so that each tokenizer can weigh them. Tokenizers first split a text into words, numbers, runs of
 * punctuation and of blanks, and then look these up piece by piece.
 */
export interface TextFeatures {
  /** Runs of Latin letters; `camelCase` is two. */
  words: number;
  /** Letters of a word after its fourth, and after its eighth. */
  after4: number;
  after8: number;
  /** Capitals after another capital. */
  capitals: number;
  /** Pairs of letters that hardly occur in words: keys, hashes, base64. */
  rarePairs: number;
  /** Repeated ASCII characters after the second, in tokens. */
  repeats: number;
  digits: number;
  /** Groups of up to three digits. */
  digitGroups: number;
  /** Changes between letters and digits. */
  letterDigits: number;
  /** Runs of ASCII punctuation, the other characters in them, and repetitions in them. */
  marks: number;
  marksAfter: number;
  markRepeats: number;
  /** Runs of two or more blanks: at the start of a line, elsewhere, and the other characters in them. */
  indents: number;
  blankRuns: number;
  blanksAfter: number;
  blankDigits: number;
  newlineRuns: number;
  newlinesAfterMark: number;
  carriageReturns: number;
  latinExtended: number;
  latinAdditional: number;
  greek: number;
  cyrillicWords: number;
  cyrillic: number;
  /** Cyrillic letters beyond those of Russian. */
  cyrillicExtended: number;
  hebrewArabic: number;
  indic: number;
  thai: number;
  kana: number;
  hangul: number;
  han: number;
  cjkMarks: number;
  typography: number;
  symbols: number;
  /** Characters of two code units: emoji, rare ideographs. */
  astral: number;
  /** Armenian, Georgian, Khmer. */
  otherAlphabets: number;
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
    indents: 0,
    blankRuns: 0,
    blanksAfter: 0,
    blankDigits: 0,
    newlineRuns: 0,
    newlinesAfterMark: 0,
    carriageReturns: 0,
    latinExtended: 0,
    latinAdditional: 0,
    greek: 0,
    cyrillicWords: 0,
    cyrillic: 0,
    cyrillicExtended: 0,
    hebrewArabic: 0,
    indic: 0,
    thai: 0,
    kana: 0,
    hangul: 0,
    han: 0,
    cjkMarks: 0,
    typography: 0,
    symbols: 0,
    astral: 0,
    otherAlphabets: 0,
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
/** A non-ASCII Latin letter. */
const EXTENDED = 7;
const OTHER = 8;

/** The kind of each ASCII character. */
const KINDS = Uint8Array.from({ length: 128 }, (_, code) => {
  if (code === 10 || code === 13) return NEWLINE;
  if (code === 32 || code === 9) return BLANK;
  if (code >= 48 && code <= 57) return DIGIT;
  return (code >= 65 && code <= 90) || (code >= 97 && code <= 122) ? LETTER : MARK;
});

/** Tokens for each further character of a long run of one ASCII character: lines are cheap, quotes are not. */
const REPEATED = Float32Array.from({ length: 128 }, (_, code) => {
  const character = String.fromCharCode(code);
  if ('-=_.#*~+/%'.includes(character)) return 0.02;
  if (code === 10) return 0.06;
  if ('axAFX!:;\t'.includes(character)) return 0.125;
  if ('ceyLY)|'.includes(character)) return 0.25;
  return code <= 32 || code === 127 ? 1 : 0.5;
});

/** For each letter, one bit for each letter that hardly ever follows it. */
const RARE_PAIRS = [
  0x2814291, 0x2e9b46e, 0x3e1b26a, 0x3e1b2e6, 0x2100480, 0x3e5b6ce, 0x3c1966e, 0x3e5beee, 0x1510380, 0x3fbbeef,
  0x3fbfeee, 0x2e332e6, 0x3eb2ce4, 0x2c31282, 0x3810090, 0x2e126e6, 0x3efffff, 0x2818282, 0x2e12662, 0x2a1266a,
  0x3f146a0, 0x3ffbeee, 0x3b99e6e, 0x3f77fee, 0x3f913fe, 0x3ffbeef,
];
const RARE = 1;
const SAME = 2;
/** The kind of a pair of letters, by the low five bits of both. */
const PAIRS = Uint8Array.from({ length: 1024 }, (_, pair) => {
  const first = pair >> 5;
  const second = pair & 31;
  const rare = ((RARE_PAIRS[first - 1] ?? 0) >> (second - 1)) & 1 ? RARE : 0;
  return first === second ? rare | SAME : rare;
});

/** Adds the features of a text, or of a part of it: one pass, without an allocation per character. */
export function addText(f: TextFeatures, text: string, from = 0, length = text.length): void {
  let words = 0;
  let after4 = 0;
  let after8 = 0;
  let capitals = 0;
  let rarePairs = 0;
  let repeats = 0;
  let marks = 0;
  let marksAfter = 0;
  let markRepeats = 0;
  let kind = START;
  /** The length of the word or of the run of blanks that the previous character belongs to. */
  let run = 0;
  let isIndent = false;
  let previous = -1;
  let beforePrevious = -1;
  let i = from;
  while (i < length) {
    let code = text.charCodeAt(i);
    const now = code < 128 ? (KINDS[code] ?? OTHER) : OTHER;
    if (now === LETTER) {
      if (kind !== EXTENDED) {
        words++;
        run = 0;
      }
      if (kind === DIGIT) f.letterDigits++;
      const before = run;
      const first = i;
      let low = 0;
      // Most characters are read in these two loops, so they do little else.
      while (code >= 65 && code <= 90) {
        const pair = PAIRS[low | (code & 31)];
        if (pair !== undefined && pair !== 0) {
          if (isThird(text, i, first, pair)) {
            repeats += REPEATED[code] ?? 1;
            run--;
          } else rarePairs += pair & RARE;
        }
        low = (code & 31) << 5;
        code = ++i < length ? text.charCodeAt(i) : 0;
      }
      if (i > first + 1) capitals += i - first - 1;
      while (code >= 97 && code <= 122) {
        const pair = PAIRS[low | (code & 31)];
        if (pair !== undefined && pair !== 0) {
          if (isThird(text, i, first, pair)) {
            repeats += REPEATED[code] ?? 1;
            run--;
          } else rarePairs += pair & RARE;
        }
        low = (code & 31) << 5;
        code = ++i < length ? text.charCodeAt(i) : 0;
      }
      run += i - first;
      if (run > 4) {
        after4 += run - Math.max(4, before);
        if (run > 8) after8 += run - Math.max(8, before);
      }
      previous = 0;
      kind = LETTER;
      continue;
    }
    const repeated = code === previous && code === beforePrevious;
    if (now === BLANK) {
      if (kind !== BLANK) {
        isIndent = kind === NEWLINE;
        run = 0;
      }
      run++;
      if (run > 1) {
        if (repeated && code === 9) repeats += REPEATED[code] ?? 1;
        else if (run > 2) f.blanksAfter++;
        else if (isIndent) f.indents++;
        else f.blankRuns++;
      }
      kind = BLANK;
    } else if (now === MARK) {
      if (kind !== MARK) marks++;
      else if (repeated) repeats += REPEATED[code] ?? 1;
      else if (code === previous) markRepeats++;
      else marksAfter++;
      kind = MARK;
    } else if (now === DIGIT) {
      if (kind === LETTER || kind === EXTENDED) f.letterDigits++;
      else if (kind === BLANK) f.blankDigits++;
      const first = i;
      do code = ++i < length ? text.charCodeAt(i) : 0;
      while (code >= 48 && code <= 57);
      f.digits += i - first;
      f.digitGroups += Math.ceil((i - first) / 3);
      previous = 0;
      kind = DIGIT;
      continue;
    } else if (now === NEWLINE) {
      if (code === 13) f.carriageReturns++;
      else if (kind === MARK) f.newlinesAfterMark++;
      else if (kind !== NEWLINE) f.newlineRuns++;
      else repeats += REPEATED[code] ?? 1;
      kind = NEWLINE;
    } else if (code >= 0x400 && code < 0x530) {
      if (kind !== CYRILLIC) f.cyrillicWords++;
      if (repeated) repeats++;
      else if (code < 0x450) f.cyrillic++;
      else f.cyrillicExtended++;
      kind = CYRILLIC;
    } else if ((code >= 0xc0 && code < 0x250) || (code >= 0x1e00 && code < 0x1f00)) {
      if (code < 0x1e00) f.latinExtended++;
      else f.latinAdditional++;
      if (kind !== LETTER && kind !== EXTENDED) {
        words++;
        run = 0;
      }
      run++;
      kind = EXTENDED;
    } else {
      addOther(f, code);
      kind = OTHER;
    }
    beforePrevious = previous;
    previous = code;
    i++;
  }
  f.words += words;
  f.after4 += after4;
  f.after8 += after8;
  f.capitals += capitals;
  f.rarePairs += rarePairs;
  f.repeats += repeats;
  f.marks += marks;
  f.marksAfter += marksAfter;
  f.markRepeats += markRepeats;
}

/** Whether a letter equals the two before it. */
function isThird(text: string, at: number, first: number, pair: number): boolean {
  if (pair < SAME || at < first + 2) return false;
  const code = text.charCodeAt(at);
  return code === text.charCodeAt(at - 1) && code === text.charCodeAt(at - 2);
}

/** Characters that are neither ASCII nor of the alphabets above, by Unicode block. */
function addOther(f: TextFeatures, code: number): void {
  if (code >= 0x4e00 && code < 0xa000) f.han++;
  else if (code >= 0xac00 && code < 0xd7b0) f.hangul++;
  else if (code >= 0x3040 && code < 0x3100) f.kana++;
  else if ((code >= 0x3000 && code < 0x3040) || (code >= 0xff00 && code < 0xfff0)) f.cjkMarks++;
  else if (code >= 0x2000 && code < 0x2070) f.typography++;
  else if (code >= 0xd83c && code < 0xd83f) f.astral++;
  else if (code >= 0xd800 && code < 0xdc00) f.other += 1.3;
  else if (code >= 0xdc00 && code < 0xe000) return;
  else if (code >= 0x370 && code < 0x400) f.greek++;
  else if (code >= 0x590 && code < 0x780) f.hebrewArabic++;
  else if (code >= 0x900 && code < 0xe00) f.indic++;
  else if (code >= 0xe00 && code < 0xf00) f.thai++;
  else if ((code >= 0x2070 && code < 0x2c00) || (code >= 0x80 && code < 0xc0) || code === 0xfe0f) f.symbols++;
  else if ((code >= 0x530 && code < 0x590) || (code >= 0x10a0 && code < 0x1100) || (code >= 0x1780 && code < 0x1800))
    f.otherAlphabets++;
  else f.other++;
}
