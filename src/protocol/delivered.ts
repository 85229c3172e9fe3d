import { textOfChunk, writtenLength, writtenText } from './output-text.js';

/** How much text of a long stream `partial` contains. */
const MAX_TEXT = 256 * 1024;
/** The limit for everything stored of a stream. */
const MAX_KEPT = 2 * MAX_TEXT;
const MAX_PIECES = 8;
const BLOCK = 4096;
/** Does not occur in any JSON text. */
const SEPARATOR = '\n';
const NUMBER = '\u0001';

/** Consecutive chunks whose JSON differs in one place only. */
interface Run {
  readonly prefix: string;
  readonly suffix: string;
  /** The differing parts, in order. */
  readonly blocks: Block[];
  pieces: string[];
  piecesText: number;
  /** The `sequence_number` of the first chunk, if any. */
  sequence: number | undefined;
  count: number;
}

interface Block {
  readonly text: string;
  readonly chunks: number;
  /** The length of the answer's text in it. */
  readonly textLength: number;
}

/** The text that a stream delivered, for an estimate if the provider reports no usage. */
export interface DeliveredText {
  /** All that the model wrote, or the end of it. */
  readonly text: string;
  /** The number of characters in all. */
  readonly length: number;
}

/**
 * The delivered chunks of a stream, in about the memory of their text: of consecutive chunks only the difference is
 * stored, and of a long stream only the end.
 */
export class Delivered {
  #runs: Run[] = [];
  #last = '';
  #nextSequence: number | undefined;
  #textLength = 0;
  #keptLength = 0;
  #writtenLength = 0;

  add(chunk: unknown): void {
    const sequence = sequenceOf(chunk);
    const json = jsonOf(chunk, sequence);
    if (json === undefined) return;
    this.#writtenLength += writtenLength(chunk);
    // A whole image: even its end is not text.
    if (json.length > MAX_KEPT) return;
    const run = this.#runFor(json, sequence);
    const piece = json.slice(run.prefix.length, json.length - run.suffix.length);
    const textLength = textOfChunk(chunk).length;
    run.pieces.push(piece);
    run.count++;
    run.piecesText += textLength;
    this.#last = json;
    this.#nextSequence = sequence === undefined ? undefined : sequence + 1;
    this.#textLength += textLength;
    this.#keptLength += piece.length + 1;
    if (run.pieces.length >= MAX_PIECES) pack(run);
    if (this.#textLength > MAX_TEXT || this.#keptLength > MAX_KEPT) this.#trim();
  }

  /** The delivered chunks; of a long stream, the last ones. */
  chunks(): unknown[] {
    const chunks: unknown[] = [];
    for (const run of this.#runs) {
      pack(run);
      let { sequence } = run;
      for (const { text } of run.blocks) {
        for (const piece of text.split(SEPARATOR)) {
          const json = run.prefix + piece + run.suffix;
          chunks.push(JSON.parse(sequence === undefined ? json : json.replace(NUMBER, String(sequence))));
          if (sequence !== undefined) sequence++;
        }
      }
    }
    return chunks;
  }

  /** The delivered text, for an estimate of its tokens. */
  written(): DeliveredText {
    const chunks = () => this.chunks();
    return {
      // Lazy, because most readers need only the length.
      get text() {
        return writtenText(chunks());
      },
      length: this.#writtenLength,
    };
  }

  /** The characters that it stores. */
  get size(): number {
    return this.#keptLength;
  }

  clear(): void {
    this.#runs = [];
    this.#last = '';
    this.#keptLength = 0;
  }

  #runFor(json: string, sequence: number | undefined): Run {
    const current = this.#runs.at(-1);
    if (current === undefined) return this.#open('', '', sequence);
    const { prefix, suffix } = current;
    const isNext = sequence === this.#nextSequence;
    const inner = json.length - prefix.length - suffix.length;
    if (isNext && inner >= 0 && json.startsWith(prefix) && json.endsWith(suffix)) {
      // The first chunk of a run was compared to one of another kind, so the next may have more in common with it.
      if (current.count > 1 && inner * 2 <= json.length) return current;
      const [begin, rest] = this.#sharedWithLast(json);
      if (begin + rest <= prefix.length + suffix.length + (current.count > 1 ? inner / 2 : 0)) return current;
      return this.#open(json.slice(0, begin), end(json, rest), sequence);
    }
    // What all chunks so far have in common, or else this one and the last.
    const shared = commonPrefix(prefix, json);
    const sharedEnd = commonSuffix(suffix, json, shared);
    if (shared + sharedEnd > json.length / 2) return this.#open(json.slice(0, shared), end(json, sharedEnd), sequence);
    const [begin, rest] = this.#sharedWithLast(json);
    return this.#open(json.slice(0, begin), end(json, rest), sequence);
  }

  /** How many characters this chunk's JSON shares with the last one's, at the beginning and at the end. */
  #sharedWithLast(json: string): [number, number] {
    const begin = commonPrefix(this.#last, json);
    return [begin, commonSuffix(this.#last, json, begin)];
  }

  #open(prefix: string, suffix: string, sequence: number | undefined): Run {
    const last = this.#runs.at(-1);
    if (last !== undefined) pack(last);
    const run: Run = { prefix, suffix, blocks: [], pieces: [], piecesText: 0, sequence, count: 0 };
    this.#runs.push(run);
    this.#keptLength += prefix.length + suffix.length;
    return run;
  }

  /** Drops the oldest blocks while the rest still reaches the limit. */
  #trim(): void {
    for (let [run] = this.#runs; run !== undefined; [run] = this.#runs) {
      const [block] = run.blocks;
      if (block === undefined) {
        if (this.#runs.length === 1) {
          if (this.#keptLength <= MAX_KEPT || run.pieces.length === 0) return;
          pack(run);
          continue;
        }
        this.#runs.shift();
        this.#keptLength -= run.prefix.length + run.suffix.length;
        continue;
      }
      const isNeeded = this.#textLength - block.textLength < MAX_TEXT;
      if (isNeeded && this.#keptLength <= MAX_KEPT) return;
      run.blocks.shift();
      if (run.sequence !== undefined) run.sequence += block.chunks;
      this.#textLength -= block.textLength;
      this.#keptLength -= block.text.length + 1;
    }
  }
}

/** The text of delivered chunks, at most the last 256 KiB. */
export function textOf(chunks: readonly unknown[]): string {
  const text = chunks.map(textOfChunk).join('');
  if (text.length <= MAX_TEXT / 3) return text;
  // Counted in bytes of UTF-8, and never starting with half a character.
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MAX_TEXT) return text;
  let start = bytes.length - MAX_TEXT;
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return new TextDecoder().decode(bytes.subarray(start));
}

/** Joins the blocks, because a slice of a chunk's JSON would retain the whole text. */
function pack(run: Run): void {
  if (run.pieces.length === 0) return;
  const last = run.blocks.at(-1);
  const isFull = last === undefined || last.text.length > BLOCK;
  const text = [...(isFull ? [] : [last.text]), ...run.pieces].join(SEPARATOR);
  const chunks = run.pieces.length + (isFull ? 0 : last.chunks);
  const textLength = run.piecesText + (isFull ? 0 : last.textLength);
  if (!isFull) run.blocks.pop();
  run.blocks.push({ text, chunks, textLength });
  run.pieces = [];
  run.piecesText = 0;
}

function sequenceOf(chunk: unknown): number | undefined {
  const number: unknown =
    typeof chunk === 'object' && chunk !== null ? Reflect.get(chunk, 'sequence_number') : undefined;
  return Number.isSafeInteger(number) ? (number as number) : undefined;
}

/** The sequence number is stored separately, because it would make each chunk of a response differ in two places. */
function jsonOf(chunk: unknown, sequence: number | undefined): string | undefined {
  try {
    const json: string | undefined = JSON.stringify(chunk);
    if (json === undefined || sequence === undefined) return json;
    return json.replace(`"sequence_number":${sequence}`, `"sequence_number":${NUMBER}`);
  } catch {
    // Nested too deeply to be written.
    return undefined;
  }
}

function commonPrefix(a: string, b: string): number {
  const most = Math.min(a.length, b.length);
  let length = 0;
  while (length < most && a.charCodeAt(length) === b.charCodeAt(length)) length++;
  return length;
}

/** Compares all but the first `taken` characters of either. */
function commonSuffix(a: string, b: string, taken: number): number {
  const most = Math.min(a.length, b.length - taken);
  let length = 0;
  while (length < most && a.charCodeAt(a.length - 1 - length) === b.charCodeAt(b.length - 1 - length)) length++;
  return length;
}

const end = (text: string, length: number) => text.slice(text.length - length);
