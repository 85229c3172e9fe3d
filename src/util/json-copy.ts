/** A value contains more values than may be read. */
export class TooManyValuesError extends Error {}

/**
 * A copy with the same JSON as the original, with its keys in order, in plain objects and arrays without a `toJSON`.
 * Later changes of the original do not affect it. Throws for values that JSON cannot represent, and TooManyValuesError
 * above `maxValues` values.
 */
export function jsonCopy(value: unknown, maxValues = Number.POSITIVE_INFINITY): unknown {
  return copy(value, '', { left: maxValues });
}

type Key = string | number;

interface Values {
  /** The number of values still allowed. */
  left: number;
}

function copy(value: unknown, key: Key, values: Values, mayConvert = true): unknown {
  if (!mayDiffer(value)) return value;
  if (mayConvert && hasToJson(value)) return copy(value.toJSON(String(key)), key, values, false);
  if (typeof value === 'function') return undefined;
  if (typeof value === 'bigint') throw new TypeError('JSON cannot write a BigInt.');
  if (!hasObjectPrototype(value) && !Array.isArray(value)) {
    if (isBoxed(value)) return JSON.parse(JSON.stringify(value));
    if (isRawJson(value)) return value;
  }
  const own = Array.isArray(value) ? copyOfList(value, values) : copyOfRecord(value, values);
  // JSON converts a value once. Of the copy, it would call this again.
  if (!mayConvert && hasToJson(own)) Object.defineProperty(own, 'toJSON', { value: undefined });
  return own;
}

function copyOfList(list: readonly unknown[], values: Values): unknown[] {
  count(values, list.length);
  return list.map((each, i) => (mayDiffer(each) ? copy(each, i, values) : each));
}

function copyOfRecord(value: object, values: Values): object {
  // Spread makes even a key such as `__proto__` an own property, which can then be set like any other.
  const own: Record<string, unknown> = { ...value };
  let names = 0;
  for (const name in own) {
    names += 1;
    const each = own[name];
    if (mayDiffer(each) && Object.hasOwn(own, name)) own[name] = copy(each, name, values);
  }
  count(values, names);
  return own;
}

function count(values: Values, more: number): void {
  values.left -= more;
  if (values.left < 0) throw new TooManyValuesError();
}

/** False for a value that is its own copy. */
const mayDiffer = (value: unknown): value is object | bigint =>
  (typeof value === 'object' && value !== null) || typeof value === 'bigint' || isConvertedFunction(value);

/** JSON omits a function, unless it has a `toJSON`, as the schemas of some libraries have. */
export const isConvertedFunction = (value: unknown): value is object => typeof value === 'function' && hasToJson(value);

/** Made by this realm without a class, as nearly all objects of a request are. */
export const hasObjectPrototype = (value: object): value is Record<string, unknown> =>
  Object.getPrototypeOf(value) === Object.prototype;

export const hasToJson = (value: object | bigint): value is { toJSON: (key: string) => unknown } =>
  typeof (value as { toJSON?: unknown }).toJSON === 'function';

const BOXED = /^\[object (Number|String|Boolean|BigInt|Symbol)\]$/;

/** `new String('a')`, of this realm or another: JSON writes its primitive value. */
const isBoxed = (value: object) => BOXED.test(Object.prototype.toString.call(value));

const { isRawJSON } = JSON as { isRawJSON?: (value: object) => boolean };

/** The result of `JSON.rawJSON`: frozen text, which JSON writes unchanged. Another frozen object may look the same. */
export const isRawJson = (value: object): value is { readonly rawJSON: string } => isRawJSON?.(value) === true;
