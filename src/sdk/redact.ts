import type { APIError, OpenAI } from 'openai';
import { APIConnectionError } from 'openai';
import { isRecord } from '../util/is-record.js';
import { cut } from '../util/shown.js';
import { ClientSecrets, secretsOfQuery } from './client-secrets.js';
import type { RequestOptions } from './internals.js';
import { isApiError } from './sdk-errors.js';
import { nameTest, secretsOf } from './secret-headers.js';
import { SecretMask } from './secret-mask.js';

/** An upstream's error is cut to this many characters. */
export const MAX_ERROR_CHARS = 65_536;

/** The parts of a request that an upstream may quote. */
type Quoted = Pick<RequestOptions, 'headers' | 'query' | 'body'>;

/** Returns an error without the keys that it may quote, shortened if it is very long. */
export interface Redact {
  <T>(error: T, request?: Quoted): T | Error;
  /** Remembers a client's key, because it may have been rotated when an error quotes it. */
  readonly note: (name: string, client: OpenAI) => void;
  /** The same for a string. */
  readonly text: (text: string, request?: Quoted) => string;
}

/** Replaces all known keys by `***` in an upstream's text, wherever an error shows it. */
export function redactor(
  clients: ReadonlyMap<string, OpenAI>,
  headers: Iterable<RequestOptions['headers']>,
  queries: Iterable<unknown>,
  names: Iterable<string>,
): Redact {
  const known = new ClientSecrets(clients);
  const isName = nameTest(names);
  const fixed = [...[...headers].flatMap(secretsOf), ...[...queries].flatMap(secretsOfQuery)];
  const maskOf = (secrets: readonly string[]) => new SecretMask(secrets.filter((each) => !isName(each)));
  let version = -1;
  let mask = maskOf([]);

  function cleanerFor(request: Quoted | undefined): Clean {
    known.noteAll();
    if (version !== known.version) {
      version = known.version;
      mask = maskOf([...known.all(), ...fixed]);
    }
    const model = isRecord(request?.body) ? request.body.model : undefined;
    const except = typeof model === 'string' ? model : undefined;
    const { headers, query } = request ?? {};
    const own = headers == null && query == null ? [] : [...secretsOf(headers), ...secretsOfQuery(query)];
    const ownMask = own.length === 0 ? undefined : maskOf(own);
    return (given) => {
      const text = given.length > MAX_ERROR_CHARS ? cut(given, MAX_ERROR_CHARS) : given;
      return mask.mask(ownMask?.mask(text, except) ?? text, except);
    };
  }

  function redact<T>(error: T, request?: Quoted): T | Error {
    if (!(error instanceof Error)) return error;
    const clean = cleanerFor(request);
    if (isPlainAnswer(error)) {
      const said = [error.message, error.requestID ?? ''];
      const isClean = said.every((each) => clean(each) === each) && cleanValue(error.error, clean) === error.error;
      if (isClean && cleanWhenRead(error, 'headers', error.headers, clean)) return error;
    }
    return cleanError(error, clean, 4);
  }
  return Object.assign(redact, {
    note: (name: string, client: OpenAI) => known.note(name, client),
    text: (text: string, request?: Quoted) => cleanerFor(request)(text),
  });
}

/** The SDK's error for a status: apart from its headers, it shows only its message, its id and its body. */
function isPlainAnswer(error: Error): error is APIError & { headers: Headers } {
  return isApiError(error) && error.headers instanceof Headers && error.cause === undefined;
}

type Clean = (text: string) => string;

function cleanError(error: Error, clean: Clean, depth: number): Error {
  if (depth < 0) return error;
  const { message } = error;
  for (const key of Object.getOwnPropertyNames(error)) {
    // Reading a stack makes V8 format it, which is expensive; it only quotes the message.
    if (key === 'stack') continue;
    const value: unknown = Reflect.get(error, key);
    if (value instanceof Headers && cleanWhenRead(error, key, value, clean)) continue;
    const cleaned =
      value instanceof Error ? (depth > 0 ? cleanError(value, clean, depth - 1) : undefined) : cleanValue(value, clean);
    if (cleaned === value) continue;
    // A frozen error cannot be changed, so a new one replaces it.
    if (!Reflect.defineProperty(error, key, { value: cleaned, writable: true })) return replacement(error, clean);
  }
  if (error.message !== message)
    Object.defineProperty(error, 'stack', { value: clean(error.stack ?? ''), writable: true, configurable: true });
  return error;
}

/** Headers are expensive to scan and rarely read, so they are redacted on access. */
function cleanWhenRead(error: Error, key: string, headers: Headers, clean: Clean): boolean {
  let cleaned: Headers | undefined;
  const get = () => {
    cleaned ??= cleanHeaders(headers, clean);
    return cleaned;
  };
  const set = (value: Headers) => {
    cleaned = value;
  };
  return Reflect.defineProperty(error, key, { get, set, enumerable: true, configurable: true });
}

function replacement(error: Error, clean: Clean): Error {
  return new APIConnectionError({ message: clean(error.message) });
}

/** How much of an error body may still be stored. */
interface Room {
  chars: number;
}

/**
 * Redacts strings at any place, including object keys. Values deeper than in any error body, or beyond the size limit,
 * are dropped.
 */
function cleanValue(value: unknown, clean: Clean, depth = 8, room: Room = { chars: MAX_ERROR_CHARS }): unknown {
  if (typeof value === 'string') return cleanText(value, clean, room);
  room.chars -= 8;
  if (value instanceof Headers) return cleanHeaders(value, clean);
  if (value instanceof Error) return cleanError(value, clean, depth - 5);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) {
    const items: unknown[] = [];
    for (const each of value) {
      if (room.chars <= 0) break;
      items.push(cleanValue(each, clean, depth - 1, room));
    }
    return items.length === value.length && items.every((each, i) => each === value[i]) ? value : items;
  }
  const cleaned: [string, unknown][] = [];
  let isSame = true;
  for (const key in value) {
    if (!Object.hasOwn(value, key)) continue;
    if (room.chars <= 0) {
      isSame = false;
      break;
    }
    const each: unknown = Reflect.get(value, key);
    const entry: [string, unknown] = [cleanText(key, clean, room), cleanValue(each, clean, depth - 1, room)];
    isSame &&= entry[0] === key && entry[1] === each;
    cleaned.push(entry);
  }
  return isSame ? value : Object.fromEntries(cleaned);
}

function cleanText(text: string, clean: Clean, room: Room): string {
  const left = Math.max(0, room.chars);
  room.chars -= text.length;
  return clean(text.length > left ? cut(text, left) : text);
}

function cleanHeaders(headers: Headers, clean: Clean): Headers {
  const rows = [...headers];
  if (rows.every(([, value]) => clean(value) === value)) return headers;
  return new Headers(rows.map(([name, value]): [string, string] => [name, clean(value)]));
}
