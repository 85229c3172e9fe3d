/** Longer texts are not escaped as JSON, because that takes longer than everything else. */
const LONG_TEXT = 4096;
/** Replaces a long text. Strings that start with it get one more, so no caller's value looks the same. */
const MARK = '~';
const MARK_CODE = MARK.charCodeAt(0);

/**
 * One text for each value: two values have the same text exactly if their JSON is equal, except for the order of keys.
 * It is the JSON of a copy with sorted keys, followed by the long texts. Returns `undefined` for values that JSON
 * omits. Throws for values that JSON cannot represent, and TooManyValuesError above `maxValues` values.
 */
export function canonicalText(
  value: unknown,
  skip: ReadonlySet<string> = NOTHING,
  maxValues = Number.POSITIVE_INFINITY,
): string | undefined {
  const writing: Writing = { texts: [], left: maxValues };
  const json: string | undefined = JSON.stringify(sorted(value, '', writing, skip));
  // The lengths in their places delimit the texts.
  return writing.texts.length === 0 ? json : `${json}${writing.texts.join('')}`;
}

interface Writing {
  readonly texts: string[];
  /** The number of values still allowed. */
  left: number;
}

const NOTHING: ReadonlySet<string> = new Set();

function sorted(value: unknown, key: string, writing: Writing, skip = NOTHING, mayConvert = true): unknown {
  if (typeof value === 'string') return value.length > LONG_TEXT ? longText(value, writing) : value;
  if (typeof value !== 'object' || value === null) return value;
  if (mayConvert && hasToJson(value)) return sorted(value.toJSON(key), key, writing, skip, false);
  if (Array.isArray(value)) {
    count(writing, value.length);
    return value.map((each: unknown, i) => (isSimple(each) ? each : sorted(each, String(i), writing)));
  }
  if (isBoxed(value) || isRaw(value)) return value;
  const names = Object.keys(value).sort();
  count(writing, names.length);
  const copy: Record<string, unknown> = {};
  for (const name of names) {
    if (skip !== NOTHING && skip.has(name)) continue;
    const each = (value as Record<string, unknown>)[name];
    const own = isSimple(each) ? each : sorted(each, name, writing);
    // JSON omits a function; on the copy it could be taken for its `toJSON`.
    if (typeof own === 'function') continue;
    if (name === '__proto__') Object.defineProperty(copy, name, { value: own, enumerable: true });
    else copy[name.charCodeAt(0) === MARK_CODE ? MARK + name : name] = own;
  }
  return copy;
}

/** Whether the copy can contain the value unchanged. */
function isSimple(value: unknown): boolean {
  return typeof value === 'string' ? value.length <= LONG_TEXT : typeof value !== 'object' || value === null;
}

/** Hashing loses lone surrogates, so a text with one is escaped. */
function longText(text: string, { texts }: Writing): unknown {
  if (!text.isWellFormed()) return text;
  texts.push(text);
  return { [MARK]: text.length };
}

const hasToJson = (value: object): value is { toJSON: (key: string) => unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function';

const BOXED = /^\[object (Number|String|Boolean|BigInt|Symbol)\]$/;

/** `new String('a')`, of this realm or another: JSON writes its primitive value. */
function isBoxed(value: object): boolean {
  return Object.getPrototypeOf(value) !== Object.prototype && BOXED.test(Object.prototype.toString.call(value));
}

/** The result of `JSON.rawJSON`: frozen text, which JSON writes unchanged. */
function isRaw(value: object): boolean {
  if (Object.getPrototypeOf(value) !== null || !Object.isFrozen(value)) return false;
  const keys = Reflect.ownKeys(value);
  return keys.length === 1 && 'rawJSON' in value && typeof value.rawJSON === 'string';
}

/** A value contains more values than `jsonCopy` may copy. */
export class TooManyValuesError extends Error {}

/**
 * A copy with the same JSON as the original, with its keys in order. Later changes of the original do not affect it.
 * Throws for values that JSON cannot represent, and TooManyValuesError above `maxValues` values.
 */
export function jsonCopy(value: unknown, maxValues = Number.POSITIVE_INFINITY): unknown {
  return copy(value, '', { left: maxValues });
}

function copy(value: unknown, key: string, values: { left: number }, mayConvert = true): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (mayConvert && hasToJson(value)) return copy(value.toJSON(key), key, values, false);
  if (Array.isArray(value)) {
    count(values, value.length);
    return value.map((each, i) => (typeof each === 'object' && each !== null ? copy(each, String(i), values) : each));
  }
  if (isBoxed(value)) {
    const text: string | undefined = JSON.stringify(value);
    return text === undefined ? undefined : JSON.parse(text);
  }
  if (isRaw(value)) return value;
  count(values, Object.keys(value).length);
  // Spread makes even a key such as `__proto__` an own property, which can then be set like any other.
  const own: Record<string, unknown> = { ...value };
  for (const name of Object.keys(own)) {
    const each = own[name];
    if (typeof each === 'object' && each !== null) own[name] = copy(each, name, values);
  }
  return own;
}

function count(values: { left: number }, more: number): void {
  values.left -= more;
  if (values.left < 0) throw new TooManyValuesError();
}
