/**
 * One text for each value: two values have the same text exactly if JSON would write them alike, but for the order of
 * keys. The text is not JSON itself, as escaping long strings takes time. Returns `undefined` for values that JSON omits.
 * Throws what JSON cannot write.
 */
export function canonicalText(value: unknown, skip?: ReadonlySet<string>): string | undefined {
  return write(value, '', true, skip);
}

function write(value: unknown, key: string, mayConvert: boolean, skip?: ReadonlySet<string>): string | undefined {
  switch (typeof value) {
    case 'string':
      return writeText(value);
    case 'number':
      // -0 too is written as 0.
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : writeObject(value, key, mayConvert, skip);
    case 'bigint':
      // Throws, unless the application has taught bigints a `toJSON`.
      return writeJson(JSON.stringify(value));
    default:
      return undefined;
  }
}

/** The length says where the text ends. Hashing loses lone surrogates, so a text with one is escaped. */
function writeText(text: string): string {
  return text.isWellFormed() ? `"${text.length}:${text}` : `~${JSON.stringify(text)}`;
}

function writeObject(
  value: object,
  key: string,
  mayConvert: boolean,
  skip: ReadonlySet<string> | undefined,
): string | undefined {
  if (mayConvert && hasToJson(value)) return write(value.toJSON(key), key, false, skip);
  if (Array.isArray(value)) return writeArray(value);
  if (isBoxed(value) || isRaw(value)) return writeJson(JSON.stringify(value));
  let text = '{';
  for (const name of Object.keys(value).sort()) {
    if (skip?.has(name)) continue;
    const written = write(Reflect.get(value, name), name, true);
    if (written !== undefined) text += `${writeText(name)}${written}`;
  }
  return `${text}}`;
}

function writeArray(value: readonly unknown[]): string {
  let text = '[';
  for (let i = 0; i < value.length; i++) text += `${write(value[i], String(i), true) ?? 'null'},`;
  return `${text}]`;
}

const hasToJson = (value: object): value is { toJSON: (key: string) => unknown } =>
  'toJSON' in value && typeof value.toJSON === 'function';

const BOXED = /^\[object (Number|String|Boolean|BigInt|Symbol)\]$/;

/** `new String('a')`, of this realm or another: JSON writes the primitive in it. */
function isBoxed(value: object): boolean {
  return Object.getPrototypeOf(value) !== Object.prototype && BOXED.test(Object.prototype.toString.call(value));
}

/** As `JSON.rawJSON` makes it: frozen text, which JSON writes unchanged. */
function isRaw(value: object): boolean {
  if (Object.getPrototypeOf(value) !== null || !Object.isFrozen(value)) return false;
  const keys = Reflect.ownKeys(value);
  return keys.length === 1 && 'rawJSON' in value && typeof value.rawJSON === 'string';
}

/** Values that only `JSON.stringify` can write. A number keeps its digits. */
function writeJson(json: string | undefined): string | undefined {
  return json === undefined || !/^["[{]/.test(json) ? json : write(JSON.parse(json), '', false);
}

/** A value has more values in it than `jsonCopy` may copy. */
export class TooManyValuesError extends Error {}

/**
 * A copy that JSON writes just as it would write the original, keys in their order. Later changes of the original do not
 * show in it. Throws what JSON cannot write, and TooManyValuesError above `maxValues` values.
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
  // Spread makes even a key such as `__proto__` one of the copy's own, which can then be set like any other.
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
