import type { APIError, OpenAI } from 'openai';
import { APIConnectionError } from 'openai';
import { isRecord } from '../util/is-record.js';
import type { RequestOptions } from './request-headers.js';
import { isApiError } from './sdk-errors.js';
import { nameTest, secretsOf } from './secret-headers.js';

/** Too short to be a key; replacing it would only garble what an upstream has said. */
const SHORTEST = 6;

/** Gives back an error without the keys that it may quote. */
export type Redact = <T>(error: T, request?: Pick<RequestOptions, 'headers' | 'body'>) => T | Error;

/**
 * Replaces all known keys by `***` in what an upstream said, wherever an error shows it. Keys are read when an error is
 * there, as a client may get new ones.
 */
export function redactor(
  clients: Iterable<OpenAI>,
  headers: Iterable<RequestOptions['headers']>,
  names: Iterable<string>,
): Redact {
  const all = [...clients];
  const isName = nameTest(names);
  const fixed = [...headers, ...all.map((client) => client['_options'].defaultHeaders)].flatMap(secretsOf);
  return (error, request) => {
    if (!(error instanceof Error)) return error;
    const own = all.flatMap((client) => [client.apiKey, client.adminAPIKey]);
    const model = isRecord(request?.body) ? request.body.model : undefined;
    const secrets = [...own, ...fixed, ...(request == null ? [] : secretsOf(request.headers))].filter(
      (each) => typeof each === 'string' && each.length >= SHORTEST && !isName(each) && each !== model,
    );
    const clean = (text: string) => secrets.reduce<string>((left, each) => left.replaceAll(each ?? text, '***'), text);
    if (isPlainAnswer(error)) {
      const said = `${error.message}\n${error.requestID}`;
      const isClean = clean(said) === said && cleanValue(error.error, clean) === error.error;
      if (isClean && cleanWhenRead(error, 'headers', error.headers, clean)) return error;
    }
    return cleanError(error, clean, 4);
  };
}

/** The SDK's error of a status: all that it shows besides its headers is its message, its id and its body. */
function isPlainAnswer(error: Error): error is APIError & { headers: Headers } {
  return isApiError(error) && error.headers instanceof Headers && error.cause === undefined;
}

type Clean = (text: string) => string;

function cleanError(error: Error, clean: Clean, depth: number): Error {
  const { message } = error;
  for (const key of Object.getOwnPropertyNames(error)) {
    // Reading a stack makes V8 write it out, which is dear; it quotes nothing but the message.
    if (key === 'stack') continue;
    const value: unknown = Reflect.get(error, key);
    if (value instanceof Headers && cleanWhenRead(error, key, value, clean)) continue;
    const cleaned =
      value instanceof Error ? (depth > 0 ? cleanError(value, clean, depth - 1) : undefined) : cleanValue(value, clean);
    if (cleaned === value) continue;
    // A frozen error cannot be cleaned, so another one takes its place.
    if (!Reflect.defineProperty(error, key, { value: cleaned, writable: true })) return replacement(error, clean);
  }
  if (error.message !== message)
    Object.defineProperty(error, 'stack', { value: clean(error.stack ?? ''), writable: true, configurable: true });
  return error;
}

/** Headers are dear to go through, and rarely looked at: they are cleaned when they are. */
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

/** Cleans strings wherever they are, keys of objects too; what goes deeper than anybody's error body is left out. */
function cleanValue(value: unknown, clean: Clean, depth = 8): unknown {
  if (typeof value === 'string') return clean(value);
  if (value instanceof Headers) return cleanHeaders(value, clean);
  if (typeof value !== 'object' || value === null) return value;
  if (depth === 0) return null;
  if (Array.isArray(value)) {
    const items = value.map((each) => cleanValue(each, clean, depth - 1));
    return items.every((each, i) => each === value[i]) ? value : items;
  }
  const entries = Object.entries(value);
  const cleaned = entries.map(([key, each]): [string, unknown] => [clean(key), cleanValue(each, clean, depth - 1)]);
  const isSame = cleaned.every(([key, each], i) => key === entries[i]?.[0] && each === entries[i]?.[1]);
  return isSame ? value : Object.fromEntries(cleaned);
}

function cleanHeaders(headers: Headers, clean: Clean): Headers {
  const rows = [...headers];
  if (rows.every(([, value]) => clean(value) === value)) return headers;
  return new Headers(rows.map(([name, value]): [string, string] => [name, clean(value)]));
}
