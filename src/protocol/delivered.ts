import { ChunkShape, fillIn, type SlotKind } from './chunk-shape.js';
import { type Column, columnOf, joinedColumn, jsonColumnOf, sizeOf, valuesOf } from './column.js';
import { textOfChunk, writtenLength, writtenText } from './output-text.js';

/** How much text of a long stream `partial` contains. */
const MAX_TEXT = 256 * 1024;
/** The limit for everything stored of a stream. */
const MAX_KEPT = 2 * MAX_TEXT;
/** The chunks that are packed together. */
const ROWS = 16;
/** A block is full above this many characters. */
const BLOCK_SIZE = 4096;

/** Consecutive chunks with the same shape. */
interface Run {
  readonly template: string;
  readonly slots: readonly SlotKind[];
  /** Never pushed to: an array that grows reserves room for many blocks, and most runs have one. */
  blocks: readonly Block[];
}

interface Block {
  /** For each slot, the values of all chunks. */
  readonly columns: readonly Column[];
  readonly chunks: number;
  /** The length of the answer's text in this block. */
  readonly textLength: number;
  readonly size: number;
}

/** The text that a stream delivered, for an estimate if the provider reports no usage. */
export interface DeliveredText {
  /** The model's whole text, or its end. */
  readonly text: string;
  /** The number of characters of the whole text. */
  readonly length: number;
}

/**
 * Stores the delivered chunks of a stream in about the memory of their text: only the differences of consecutive
 * chunks, and only the end of a long stream.
 */
export class Delivered {
  #runs: Run[] = [];
  /** The shape of the last run. A run with one chunk has none; `#single` is that chunk's JSON. */
  #shape: ChunkShape | undefined;
  #single = '';
  /** For each slot, the values of the last chunks, which are not in a block yet. */
  #values: unknown[][] = [];
  #rows = 0;
  #rowsSize = 0;
  #rowsText = 0;
  /** The totals of all blocks. */
  #textLength = 0;
  #blocksSize = 0;
  #writtenLength = 0;

  add(chunk: unknown): void {
    this.#writtenLength += writtenLength(chunk);
    let row: readonly unknown[] | undefined;
    try {
      row = this.#shape?.valuesOf(chunk) ?? this.#begin(chunk);
    } catch {
      // It is nested too deeply for `JSON.stringify`.
      return;
    }
    if (row === undefined) return;
    const size = sizeOfRow(row);
    if (size > MAX_KEPT) return;
    if (this.#rows === 0) this.#values = row.map((value) => [value]);
    else for (const [i, value] of row.entries()) this.#values[i]?.push(value);
    this.#rows++;
    this.#rowsSize += size;
    this.#rowsText += textOfChunk(chunk).length;
    if (this.#rows >= ROWS || this.#rowsSize >= BLOCK_SIZE) this.#pack();
  }

  /** The delivered chunks; of a long stream, the last ones. */
  chunks(): unknown[] {
    this.#pack();
    return this.#runs.flatMap(chunksOf);
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

  /** The number of stored characters. */
  get size(): number {
    return this.#blocksSize + this.#rowsSize;
  }

  clear(): void {
    this.#runs = [];
    this.#shape = undefined;
    this.#single = '';
    this.#forgetRows();
    this.#blocksSize = 0;
  }

  #forgetRows(): void {
    this.#values = [];
    this.#rows = 0;
    this.#rowsSize = 0;
    this.#rowsText = 0;
  }

  /** Begins a run with a chunk that does not fit the last run. */
  #begin(chunk: unknown): readonly unknown[] | undefined {
    const json: string | undefined = JSON.stringify(chunk);
    // Such as an image: even its end is not text.
    if (json === undefined || json.length > MAX_KEPT) return undefined;
    this.#pack();
    const shape = this.#runs.length === 0 ? undefined : this.#nextShape(chunk);
    const row = shape?.valuesOf(chunk);
    this.#shape = row === undefined ? undefined : shape;
    this.#single = row === undefined ? json : '';
    const { template, slots } = this.#shape ?? { template: json, slots: [] };
    this.#runs.push({ template, slots, blocks: [] });
    this.#blocksSize += template.length;
    return row ?? [];
  }

  #nextShape(chunk: unknown): ChunkShape | undefined {
    return this.#shape === undefined ? ChunkShape.ofTwo(this.#single, chunk) : this.#shape.withSlotsFor(chunk);
  }

  #pack(): void {
    const run = this.#runs.at(-1);
    if (run === undefined || this.#rows === 0) return;
    const columns = run.slots.map((kind, i) => {
      const values = this.#values[i] ?? [];
      return kind === 'json' ? jsonColumnOf(values) : columnOf(values);
    });
    const size = sizeOfAll(columns);
    const block = { columns, chunks: this.#rows, textLength: this.#rowsText, size };
    const last = run.blocks.at(-1);
    const joined = last === undefined || isFull(last) ? undefined : joinedBlock(last, block);
    run.blocks = joined === undefined ? run.blocks.concat(block) : run.blocks.with(-1, joined);
    this.#textLength += this.#rowsText;
    this.#blocksSize += joined === undefined || last === undefined ? size : joined.size - last.size;
    this.#forgetRows();
    this.#trim();
  }

  /** Removes the oldest blocks as long as the rest still reaches the limit. */
  #trim(): void {
    if (this.#textLength <= MAX_TEXT && this.#blocksSize <= MAX_KEPT) return;
    for (let [run] = this.#runs; run !== undefined; [run] = this.#runs) {
      const [block] = run.blocks;
      if (block !== undefined) {
        const isNeeded = this.#textLength - block.textLength < MAX_TEXT;
        if (isNeeded && this.#blocksSize <= MAX_KEPT) return;
        run.blocks = run.blocks.slice(1);
        this.#textLength -= block.textLength;
        this.#blocksSize -= block.size;
      } else if (this.#runs.length === 1) return;
      else {
        this.#runs.shift();
        this.#blocksSize -= run.template.length;
      }
    }
  }
}

/** The text in delivered chunks, at most its last 256 KiB. */
export function textOf(chunks: readonly unknown[]): string {
  const text = chunks.map(textOfChunk).join('');
  if (text.length <= MAX_TEXT / 3) return text;
  // The limit counts UTF-8 bytes. The text never starts with half a character.
  const bytes = new TextEncoder().encode(text);
  if (bytes.length <= MAX_TEXT) return text;
  let start = bytes.length - MAX_TEXT;
  while (((bytes[start] ?? 0) & 0xc0) === 0x80) start++;
  return new TextDecoder().decode(bytes.subarray(start));
}

function chunksOf({ template, blocks }: Run): unknown[] {
  return blocks.flatMap(({ columns, chunks }) => {
    const values = columns.map((column) => valuesOf(column, chunks));
    return Array.from({ length: chunks }, (_, row) =>
      fillIn(
        template,
        values.map((column) => JSON.stringify(column[row])),
      ),
    );
  });
}

/** By its text too, because equal chunks have no size: of a block that never ends, nothing could be removed. */
const isFull = ({ size, textLength }: Block) => Math.max(size, textLength) > BLOCK_SIZE;

function joinedBlock(first: Block, second: Block): Block | undefined {
  const columns: Column[] = [];
  for (const [i, column] of first.columns.entries()) {
    const next = second.columns[i];
    const joined = next && joinedColumn(column, first.chunks, next);
    if (joined === undefined) return undefined;
    columns.push(joined);
  }
  const textLength = first.textLength + second.textLength;
  return { columns, chunks: first.chunks + second.chunks, textLength, size: sizeOfAll(columns) };
}

const sizeOfAll = (columns: readonly Column[]) => columns.reduce((sum, column) => sum + sizeOf(column), 0);

function sizeOfRow(row: readonly unknown[]): number {
  let size = 1;
  for (const value of row) size += typeof value === 'string' ? value.length : 1;
  return size;
}
