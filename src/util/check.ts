import { InvalidOptionError } from '../errors.js';
import { isPlainObject, isRecord } from './is-record.js';
import { isKeyLike } from './key-like.js';
import { nearest } from './nearest.js';
import { escapeControls } from './shown.js';
import { synonymOf } from './synonyms.js';

/** The longest time of a timer; a longer one would fire at once. */
export const MAX_MS = 2 ** 31 - 1;

/** Shows a value in a message: short, in one line, and never anything that looks like a key. */
export function show(value: unknown): string {
  if (typeof value === 'function') return 'a function';
  if (Array.isArray(value)) return value.length === 0 ? 'an empty array' : 'an array';
  if (typeof value === 'object' && value !== null) return isEmpty(value) ? 'an empty object' : 'an object';
  if (typeof value === 'string' && isKeyLike(value)) return hidden(value);
  const text = typeof value === 'string' ? escapeControls(JSON.stringify(value)) : String(value);
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

/** Replaces a string that may be a secret. */
const hidden = (value: string) => `a string of ${value.length} characters`;

/** The same if no string is expected: a string may be a misplaced key, so its text is not shown. */
function failUnseen(option: string, value: unknown, allowed: string): never {
  // A short word, such as `'5s'` instead of a number, is not a key, and helps the reader.
  const isShown = typeof value !== 'string' || value.length <= 12;
  throw new InvalidOptionError(option, `${isShown ? show(value) : hidden(value)} is not allowed; give ${allowed}.`);
}

const isEmpty = (value: object) => Object.getPrototypeOf(value) === Object.prototype && Object.keys(value).length === 0;

export function invalidOption(option: string, value: unknown, allowed: string): never {
  throw new InvalidOptionError(option, `${show(value)} is not allowed; give ${allowed}.`);
}

export function checkMs(option: string, value: unknown): number {
  return checkNumber(option, value, { above: 0, most: MAX_MS, what: `milliseconds above 0, at most ${MAX_MS}` });
}

export function checkNumber(
  option: string,
  value: unknown,
  { least, above, most, whole, what }: { least?: number; above?: number; most?: number; whole?: boolean; what: string },
): number {
  if (
    typeof value !== 'number' ||
    Number.isNaN(value) ||
    (least !== undefined && value < least) ||
    (above !== undefined && value <= above) ||
    (most !== undefined && value > most) ||
    (whole === true && !Number.isInteger(value))
  ) {
    failUnseen(option, value, what);
  }
  return value;
}

export function checkWhole(option: string, value: unknown, least: number): number {
  const what = `a whole number of at least ${least}`;
  return checkNumber(option, value, { least, most: Number.MAX_SAFE_INTEGER, whole: true, what });
}

export function checkString(option: string, value: unknown, what = 'a string that is not empty'): string {
  return typeof value === 'string' && value !== '' ? value : invalidOption(option, value, what);
}

/** New names of renamed values. */
const RENAMED: Readonly<Record<string, string>> = {
  next: 'skip',
  scope: 'tenant',
  'client-set-aside': 'client-suspended',
};

export function checkOneOf<T extends string>(option: string, value: unknown, allowed: readonly T[]): T {
  const found = allowed.find((each) => each === value);
  if (found !== undefined) return found;
  const name = typeof value === 'string' && Object.hasOwn(RENAMED, value) ? RENAMED[value] : undefined;
  if (allowed.some((each) => each === name))
    throw new InvalidOptionError(option, `${show(value)} is not allowed; it is called '${name}'.`);
  return invalidOption(option, value, `one of ${allowed.map(show).join(', ')}`);
}

export function checkStrings(option: string, value: unknown, what: string): string[] {
  if (!Array.isArray(value)) invalidOption(option, value, what);
  return value.map((each: unknown, i) => checkString(`${option}[${i}]`, each));
}

/** Requires a plain object: the options in a Map, a Date or a class instance would be silently ignored. */
export function checkRecord(option: string, value: unknown, what = 'an object'): Record<string, unknown> {
  if (!isRecord(value)) failUnseen(option, value, what);
  if (isPlainObject(value)) return value;
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  const kind = typeof name === 'string' && name !== '' ? `an instance of ${name}` : 'an object of a class';
  throw new InvalidOptionError(option, `${kind} is not allowed; give ${what.replace(/^an object/, 'a plain object')}.`);
}

/** The same for a place where a string may be a key, which is not shown. */
export function checkSecretRecord(option: string, value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== 'string') return checkRecord(option, value, what);
  throw new InvalidOptionError(option, `a string is not allowed; give ${what}.`);
}

export function checkFunction(option: string, value: unknown): void {
  if (typeof value !== 'function') failUnseen(option, value, 'a function');
}

/**
 * No option is ignored: an unknown one is an error that suggests the nearest known one.
 *
 * @param page where the options are documented
 */
export function checkKeys(path: string, value: object, allowed: readonly string[], page?: string): void {
  for (const key of Object.keys(value)) {
    if (!allowed.includes(key)) unknownOption(path, key, allowed, { page });
  }
}

/** How many option names an error shows. */
const SHOWN = 6;

/** Suggests the intended name: a synonym, the nearest name, or a few existing ones. */
export function unknownOption(
  path: string,
  key: string,
  allowed: readonly string[],
  {
    option = path === '' ? key : `${path}.${key}`,
    page = 'docs/options.md',
  }: { option?: string | undefined; page?: string | undefined } = {},
): never {
  throw new InvalidOptionError(option, `there is no such option; ${hint(path, key, allowed, page)}`);
}

function hint(path: string, key: string, allowed: readonly string[], page: string): string {
  const synonym = synonymOf(path, key, path === 'clients' ? undefined : allowed);
  if (synonym !== undefined) return synonym;
  const [meant] = nearest(key, allowed, 1);
  if (meant !== undefined) return `did you mean \`${meant}\`?`;
  if (allowed.length <= SHOWN) return `known are ${allowed.join(', ')}`;
  return `there are ${allowed.slice(0, SHOWN).join(', ')} and ${allowed.length - SHOWN} others: ${page}`;
}
