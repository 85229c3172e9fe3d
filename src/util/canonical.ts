import {
  hasObjectPrototype,
  hasToJson,
  isConvertedFunction,
  isRawJson,
  jsonCopy,
  TooManyValuesError,
} from './json-copy.js';
import { KeyPath } from './key-path.js';

/**
 * One text for each value: two values have the same text exactly if their JSON is equal, except for the order of keys.
 * The text says where it ends, and is empty for values that JSON omits. `skip` names keys of `value` itself to leave out.
 * Throws for values that JSON cannot represent, and TooManyValuesError above `maxValues` values.
 */
export function canonicalText(value: unknown, skip = NOTHING, maxValues = Number.POSITIVE_INFINITY): string {
  const text = textOf(value, skip, maxValues) ?? textOf(jsonCopy(value, maxValues), skip, maxValues);
  if (text === undefined) throw new TypeError('JSON converts a value in a way of its own.');
  return text;
}

/** `undefined` for a value with something in it that JSON converts, such as an object with a `toJSON`. */
function textOf(value: unknown, skip: ReadonlySet<string>, maxValues: number): string | undefined {
  if (isOmitted(value)) return '';
  const writer = new Writer(maxValues);
  writer.write(value, skip);
  return writer.isPlain ? writer.text : undefined;
}

const NOTHING: ReadonlySet<string> = new Set();

/** The kind of a value. `CONSTANT` is `null`, `false` or `true`, `RAW` a number that only raw JSON can express. */
const CONSTANT = 0;
const NUMBER = 1;
const STRING = 2;
const LIST = 3;
const RECORD = 4;
const RAW = 5;
/** More than there are kinds. */
const KINDS = 8;
/** A number is written as characters below 128, with 6 bits each, and an additional one in all but its last. */
const MORE = 64;
/** How many characters to add to the shape at once. */
const BLOCK = 512;

/**
 * Writes the shape of the value, and after it all its strings, one after the other: a string is only copied, which takes
 * the engine less time than to write a mark before it.
 *
 * In the shape, each value has its kind and a number: the length of a string, of a list, or of the text of a number;
 * which constant it is; or which keys a record has. Of keys that are new, the count and the lengths follow there, and
 * their characters among the strings. The values of a record follow in the order of its sorted keys.
 */
class Writer {
  /** False after a value that JSON converts. */
  isPlain = true;
  #shape = '';
  #strings = '';
  /** What comes next in the shape: the first `#pending` of these. Used again and again, so that it stays small. */
  readonly #codes: number[] = [];
  #pending = 0;
  #left: number;
  /** Most objects of a body have the same keys as another one, so keys are sorted once. */
  readonly #noKeys = new KeyPath();
  /** How many different lists of keys have been written. */
  #known = 0;
  /** Values of records that are not yet written, up to `#end`. */
  readonly #values: unknown[] = [];
  #end = 0;
  readonly #mayInherit = Object.keys(Object.prototype).length > 0;

  constructor(maxValues: number) {
    this.#left = maxValues;
  }

  get text(): string {
    return this.#shape + String.fromCharCode(...this.#codes.slice(0, this.#pending)) + this.#strings;
  }

  write(value: unknown, skip = NOTHING): void {
    if (typeof value === 'string') this.#writeString(STRING, value);
    else if (typeof value === 'object' && value !== null) this.#writeObject(value, skip);
    else if (typeof value === 'number' && Number.isFinite(value)) this.#writeString(NUMBER, `${value}`);
    else if (typeof value === 'boolean') this.#writeCode(CONSTANT, value ? 2 : 1);
    else if (typeof value === 'bigint' || isConvertedFunction(value)) this.isPlain = false;
    else this.#writeCode(CONSTANT, 0);
  }

  #writeObject(value: object, skip: ReadonlySet<string>): void {
    if (hasToJson(value)) this.isPlain = false;
    else if (Array.isArray(value)) this.#writeList(value);
    else if (hasObjectPrototype(value)) this.#writeRecord(value, skip);
    else if (isRawJson(value)) this.#writeRaw(value.rawJSON);
    else this.isPlain = false;
  }

  #writeList(list: readonly unknown[]): void {
    const { length } = list;
    this.#count(length);
    this.#writeCode(LIST, length);
    for (let i = 0; i < length; i += 1) this.write(list[i]);
  }

  #writeRecord(record: Record<string, unknown>, skip: ReadonlySet<string>): void {
    const from = this.#end;
    let keys = this.#noKeys;
    for (const name in record) {
      if (this.#mayInherit && !Object.hasOwn(record, name)) continue;
      this.#count(1);
      const value = record[name];
      if (isOmitted(value) || (skip !== NOTHING && skip.has(name))) continue;
      keys = keys.and(name);
      this.#values[this.#end++] = value;
    }
    const { path, places } = keys.sorted;
    this.#writeKeys(path);
    for (const place of places) this.write(this.#values[from + place]);
    this.#end = from;
  }

  #writeKeys(path: KeyPath): void {
    const isKnown = path.number !== -1;
    if (!isKnown) path.number = this.#known++;
    this.#writeCode(RECORD, path.number);
    if (isKnown) return;
    this.#writeNumber(path.length);
    for (const { key } of path.steps) {
      this.#writeNumber(key.length);
      this.#strings += key;
    }
  }

  /** Writes the value in it, or the raw text if JSON would write the value differently. */
  #writeRaw(text: string): void {
    const value: unknown = JSON.parse(text);
    if (JSON.stringify(value) === text) this.write(value);
    else this.#writeString(RAW, text);
  }

  #writeString(kind: number, text: string): void {
    this.#writeCode(kind, text.length);
    this.#strings += text;
  }

  #writeCode(kind: number, number: number): void {
    this.#writeNumber(number * KINDS + kind);
  }

  /** Six bits in each character, the lowest first. */
  #writeNumber(number: number): void {
    let rest = number;
    for (; rest >= MORE; rest >>>= 6) this.#writeChar(MORE | (rest & (MORE - 1)));
    this.#writeChar(rest);
  }

  #writeChar(code: number): void {
    this.#codes[this.#pending++] = code;
    if (this.#pending < BLOCK) return;
    this.#shape += String.fromCharCode(...this.#codes);
    this.#pending = 0;
  }

  #count(more: number): void {
    this.#left -= more;
    if (this.#left < 0) throw new TooManyValuesError();
  }
}

/** Omitted from an object, and `null` in a list. */
const isOmitted = (value: unknown) =>
  value === undefined || typeof value === 'symbol' || (typeof value === 'function' && !isConvertedFunction(value));
