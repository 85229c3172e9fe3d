/** A value contains more values than may be read. */
export class TooManyValuesError extends Error {}

/**
 * A copy with the same JSON as the original, with its keys in order, in plain objects and arrays. Later changes of the
 * original do not affect it. Throws for values that JSON cannot represent, and TooManyValuesError above `maxValues` values.
 */
export function jsonCopy(value: unknown, maxValues = Number.POSITIVE_INFINITY): unknown {
  return copy(value, '', { left: maxValues });
}

type Key = string | number;

function copy(value: unknown, key: Key, values: { left: number }, mayConvert = true): unknown {
  if (!isObjectOrBigInt(value)) return value;
  if (mayConvert && hasToJson(value)) return copy(value.toJSON(String(key)), key, values, false);
  if (typeof value === 'bigint') throw new TypeError('JSON cannot write a BigInt.');
  if (Array.isArray(value)) {
    count(values, value.length);
    return value.map((each: unknown, i) => (isObjectOrBigInt(each) ? copy(each, i, values) : each));
  }
  if (Object.getPrototypeOf(value) !== Object.prototype) {
    if (isBoxed(value)) return JSON.parse(JSON.stringify(value));
    if (isRawJson(value)) return value;
  }
  // Spread makes even a key such as `__proto__` an own property, which can then be set like any other.
  const own: Record<string, unknown> = { ...value };
  const names = Object.keys(own);
  count(values, names.length);
  for (const name of names) {
    const each = own[name];
    if (isObjectOrBigInt(each)) own[name] = copy(each, name, values);
  }
  // JSON converts a value once. Of the copy, it would call this again.
  if (!mayConvert && typeof own.toJSON === 'function') own.toJSON = undefined;
  return own;
}

function count(values: { left: number }, more: number): void {
  values.left -= more;
  if (values.left < 0) throw new TooManyValuesError();
}

const isObjectOrBigInt = (value: unknown): value is object | bigint =>
  (typeof value === 'object' && value !== null) || typeof value === 'bigint';

export const hasToJson = (value: object | bigint): value is { toJSON: (key: string) => unknown } =>
  typeof (value as { toJSON?: unknown }).toJSON === 'function';

const BOXED = /^\[object (Number|String|Boolean|BigInt|Symbol)\]$/;

/** `new String('a')`, of this realm or another: JSON writes its primitive value. */
const isBoxed = (value: object) => BOXED.test(Object.prototype.toString.call(value));

/** The result of `JSON.rawJSON`: frozen text, which JSON writes unchanged. */
export function isRawJson(value: object): value is { readonly rawJSON: string } {
  if (Object.getPrototypeOf(value) !== null || !Object.isFrozen(value)) return false;
  const keys = Reflect.ownKeys(value);
  return keys.length === 1 && 'rawJSON' in value && typeof value.rawJSON === 'string';
}
