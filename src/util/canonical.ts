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

/**
 * Writes the length of each string before it, because looking for characters to escape takes longer than everything else:
 *
 *     string  2"ab                     number             5,
 *     list    [ values ]               true, false, null  t f n
 *     object  { keys as strings : values in the same order
 */
class Writer {
  text = '';
  /** False after a value that JSON converts. */
  isPlain = true;
  #left: number;
  /** Most objects of a body have the same keys as another one, so keys are sorted once. */
  readonly #noKeys = new KeyPath();

  constructor(maxValues: number) {
    this.#left = maxValues;
  }

  write(value: unknown, skip = NOTHING): void {
    if (typeof value === 'string') this.text += `${value.length}"${value}`;
    else if (typeof value === 'object' && value !== null) this.#writeObject(value, skip);
    else if (typeof value === 'number' && Number.isFinite(value)) this.text += `${value},`;
    else if (typeof value === 'boolean') this.text += value ? 't' : 'f';
    else if (typeof value === 'bigint' || isConvertedFunction(value)) this.isPlain = false;
    else this.text += 'n';
  }

  #writeObject(value: object, skip: ReadonlySet<string>): void {
    if (hasToJson(value)) this.isPlain = false;
    else if (Array.isArray(value)) this.#writeList(value);
    else if (hasObjectPrototype(value)) this.#writeRecord(value, skip);
    else if (isRawJson(value)) this.#writeRaw(value.rawJSON);
    else this.isPlain = false;
  }

  #writeList(list: readonly unknown[]): void {
    this.#count(list.length);
    this.text += '[';
    for (const value of list) this.write(value);
    this.text += ']';
  }

  #writeRecord(record: Record<string, unknown>, skip: ReadonlySet<string>): void {
    const names = Object.keys(record);
    this.#count(names.length);
    let keys = this.#noKeys;
    for (const name of names) {
      if (!isOmitted(record[name]) && !(skip !== NOTHING && skip.has(name))) keys = keys.and(name);
    }
    this.text += keys.text;
    for (const name of keys.sorted) this.write(record[name]);
  }

  /** Writes the value in it, or the raw text if JSON would write the value differently. */
  #writeRaw(text: string): void {
    const value: unknown = JSON.parse(text);
    if (JSON.stringify(value) === text) this.write(value);
    else this.text += `r${text.length}"${text}`;
  }

  #count(more: number): void {
    this.#left -= more;
    if (this.#left < 0) throw new TooManyValuesError();
  }
}

/** Omitted from an object, and `null` in a list. */
const isOmitted = (value: unknown) =>
  value === undefined || typeof value === 'symbol' || (typeof value === 'function' && !isConvertedFunction(value));
