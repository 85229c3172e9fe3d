/**
 * One text for each value: two values have the same one exactly if they would be the same on the wire but for the order
 * of keys. Not JSON itself, which takes its time to escape long texts. `undefined` for what JSON leaves out. Throws what
 * cannot be written.
 */
export function canonicalText(value: unknown, skip?: ReadonlySet<string>): string | undefined {
  return write(value, '', true, skip);
}

function write(value: unknown, key: string, mayConvert: boolean, skip?: ReadonlySet<string>): string | undefined {
  switch (typeof value) {
    case 'string':
      return writeText(value);
    case 'number':
      return Number.isFinite(value) ? String(value) : 'null';
    case 'boolean':
      return value ? 'true' : 'false';
    case 'object':
      return value === null ? 'null' : writeObject(value, key, mayConvert, skip);
    case 'bigint':
      // Throws, unless the application has taught bigints otherwise.
      return writeJson(JSON.stringify(value));
    default:
      return undefined;
  }
}

/** Its length says where it ends. Halves of characters are lost when a text is hashed: such a text is escaped. */
function writeText(text: string): string {
  return text.isWellFormed() ? `"${text.length}:${text}` : `~${JSON.stringify(text)}`;
}

function writeObject(
  value: object,
  key: string,
  mayConvert: boolean,
  skip: ReadonlySet<string> | undefined,
): string | undefined {
  if (mayConvert && 'toJSON' in value && typeof value.toJSON === 'function') {
    const converted: unknown = value.toJSON(key);
    return write(converted, key, false, skip);
  }
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

const BOXED = /^\[object (Number|String|Boolean|BigInt|Symbol)\]$/;

/** `new String('a')`, of this realm or another: JSON writes the primitive in it. */
function isBoxed(value: object): boolean {
  return Object.getPrototypeOf(value) !== Object.prototype && BOXED.test(Object.prototype.toString.call(value));
}

/** As `JSON.rawJSON` makes it: text that is written as it stands, and that nobody can change. */
function isRaw(value: object): boolean {
  if (Object.getPrototypeOf(value) !== null || !Object.isFrozen(value)) return false;
  const keys = Reflect.ownKeys(value);
  return keys.length === 1 && 'rawJSON' in value && typeof value.rawJSON === 'string';
}

/** What only `JSON.stringify` can write. A number keeps its digits. */
function writeJson(json: string | undefined): string | undefined {
  return json === undefined || !/^["[{]/.test(json) ? json : write(JSON.parse(json), '', false);
}

/** A copy that would be the same on the wire, keys in their order. What its owner does to the original is not seen in it. */
export function jsonCopy<T>(value: T): T;
export function jsonCopy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (('toJSON' in value && typeof value.toJSON === 'function') || isBoxed(value)) {
    const text: string | undefined = JSON.stringify(value);
    return text === undefined ? undefined : JSON.parse(text);
  }
  if (Array.isArray(value)) return value.map(copyOne);
  if (isRaw(value)) return value;
  // Spread makes even a key such as `__proto__` one of the copy's own, which can then be set like any other.
  const copy: Record<string, unknown> = { ...value };
  for (const name of Object.keys(copy)) {
    const each = copy[name];
    if (typeof each === 'object' && each !== null) copy[name] = jsonCopy(each);
  }
  return copy;
}

const copyOne = (value: unknown): unknown => jsonCopy(value);
