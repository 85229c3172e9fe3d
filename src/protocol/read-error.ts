import { isRecord } from '../util/is-record.js';
import { parseJson } from '../util/parse-json.js';

/** The content of an error body, whatever its shape: limited in size, and read from strings and numbers only. */
export interface ErrorFacts {
  /** Codes and types that are words, outermost first. */
  readonly codes: readonly string[];
  /** Codes that are numbers, outermost first. */
  readonly numbers: readonly number[];
  /** `base_resp.status_code`. */
  readonly baseResp: number | undefined;
  readonly code: string | undefined;
  readonly type: string | undefined;
  /** Text, outermost first. */
  readonly texts: readonly string[];
  /** When to try again, by a field of its own: a duration or a time. */
  readonly wait: string | number | undefined;
  /** An error in JSON inside a text: a gateway's upstream error, or the caller's own text. */
  readonly quoted: ErrorFacts | undefined;
}

const MAX_CHARS = 64 * 1024;
const MAX_DEPTH = 6;
const MAX_NODES = 200;
const MAX_ITEMS = 4;
const MAX_CODE = 128;
const MAX_QUOTES = 2;

const CODES = ['code', 'error_code', 'errorCode', 'err_code', 'type', 'error_type', '__type', 'reason', 'status'];
const STATUSES = ['status_code', 'statusCode', 'http_code', 'http_status'];
const TEXTS = [
  'message',
  'msg',
  'detail',
  'details',
  'error',
  'error_description',
  'error_msg',
  'errorMessage',
  'status_msg',
  'title',
  'description',
  'raw',
];
const CHILDREN = ['error', 'errors', 'detail', 'details', 'innererror', 'inner_error', 'metadata', 'message'];

/** Reads a parsed body, or a text that may be JSON. Never throws. */
export function readError(body: unknown): ErrorFacts {
  return new Reader(0).read(body);
}

class Reader {
  readonly #codes: string[] = [];
  readonly #numbers: number[] = [];
  readonly #texts: string[] = [];
  #baseResp: number | undefined;
  #code: string | undefined;
  #type: string | undefined;
  #wait: string | number | undefined;
  #quoted: ErrorFacts | undefined;
  #nodes = 0;
  #charsLeft = MAX_CHARS;

  constructor(readonly quotes: number) {}

  read(body: unknown): ErrorFacts {
    if (typeof body === 'string') {
      const parsed = parse(body);
      if (isRecord(parsed) || Array.isArray(parsed)) this.#walk(parsed, 0);
      else this.#addText(typeof parsed === 'string' ? parsed : body);
    } else this.#walk(body, 0);
    return {
      codes: this.#codes,
      numbers: this.#numbers,
      baseResp: this.#baseResp,
      code: this.#code,
      type: this.#type,
      texts: this.#texts,
      wait: this.#wait,
      quoted: this.#quoted,
    };
  }

  #walk(value: unknown, depth: number): void {
    if (depth > MAX_DEPTH || ++this.#nodes > MAX_NODES) return;
    if (Array.isArray(value)) {
      for (const each of value.slice(0, MAX_ITEMS)) this.#walk(each, depth + 1);
    } else if (typeof value === 'string') this.#addText(value);
    else if (isRecord(value)) this.#readRecord(value, depth);
  }

  #readRecord(value: Record<string, unknown>, depth: number): void {
    this.#code ??= short(value.code);
    this.#type ??= short(value.type);
    this.#wait ??= waitIn(value);
    for (const name of CODES) this.#addCode(value[name]);
    for (const name of STATUSES) this.#addCode(value[name]);
    if (isRecord(value.base_resp)) this.#readBaseResp(value.base_resp);
    for (const name of TEXTS) {
      const text = value[name];
      if (typeof text !== 'string') continue;
      if (name === 'error' && isWord(text)) this.#addCode(text);
      this.#addText(text);
    }
    for (const name of CHILDREN) if (typeof value[name] === 'object') this.#walk(value[name], depth + 1);
  }

  #readBaseResp({ status_code: code, status_msg: text }: Record<string, unknown>): void {
    this.#baseResp ??= numberOf(code);
    if (typeof text === 'string') this.#addText(text);
  }

  #addCode(value: unknown): void {
    const number = numberOf(value);
    if (number !== undefined) this.#numbers.push(number);
    else if (typeof value !== 'string' || value === '') return;
    // Some servers write whole sentences there.
    else if (isWord(value)) this.#codes.push(value.toLowerCase().replace(/[^a-z0-9]/g, ''));
    else this.#addText(value);
  }

  #addText(text: string): void {
    if (text === '' || this.#charsLeft <= 0 || /^\s{0,64}<[a-z!?]/i.test(text)) return;
    const cut = text.slice(0, this.#charsLeft);
    this.#charsLeft -= cut.length;
    const found = this.quotes < MAX_QUOTES ? jsonIn(cut) : undefined;
    this.#texts.push(found === undefined ? cut : `${cut.slice(0, found.start)} ${cut.slice(found.end)}`);
    if (found !== undefined) this.#quoted ??= new Reader(this.quotes + 1).read(found.value);
  }
}

/** Gemini's `RetryInfo` in `details`; the headers that OpenRouter puts into `metadata` (dirge-code/dirge#719). */
function waitIn({ retryDelay, headers }: Record<string, unknown>): string | number | undefined {
  if (isTime(retryDelay)) return retryDelay;
  if (!isRecord(headers)) return undefined;
  for (const name of ['Retry-After', 'X-RateLimit-Reset']) {
    const value = headers[name] ?? headers[name.toLowerCase()];
    if (isTime(value)) return value;
  }
  return undefined;
}

const isTime = (value: unknown): value is string | number => typeof value === 'string' || typeof value === 'number';

function numberOf(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  return typeof value === 'string' && /^\d{1,7}$/.test(value) ? Number(value) : undefined;
}

const isWord = (text: string) => text.length <= MAX_CODE && /^[\w.:#/-]+$/.test(text);

function short(value: unknown): string | undefined {
  if (typeof value === 'number') return String(value);
  return typeof value === 'string' && value !== '' ? value.slice(0, MAX_CODE) : undefined;
}

const parse = (text: string): unknown => (text.length > MAX_CHARS ? undefined : parseJson(text));

interface Found {
  readonly value: unknown;
  readonly start: number;
  readonly end: number;
}

/** The first object in a text: JSON, or as Python prints it. Reads the text once. */
function jsonIn(text: string): Found | undefined {
  const start = text.search(/\{\s{0,16}["']/);
  if (start === -1) return undefined;
  const end = endOfObject(text, start);
  if (end === undefined) return undefined;
  const source = text.slice(start, end);
  const value = parse(source) ?? parsePrinted(source);
  return value === undefined ? undefined : { value, start, end };
}

function endOfObject(text: string, start: number): number | undefined {
  let depth = 0;
  let quote = '';
  for (let i = start; i < text.length; i++) {
    const char = text.charAt(i);
    if (char === '\\') i++;
    else if (quote !== '') quote = char === quote ? '' : quote;
    else if (char === '"' || char === "'") quote = char;
    else if (char === '{') depth++;
    else if (char === '}' && --depth === 0) return i + 1;
  }
  return undefined;
}

/** `{'error': {'code': 'x', 'message': 'y'}}`: gateways written in Python quote upstream errors like this. */
function parsePrinted(source: string): Record<string, unknown> | undefined {
  const fields = new Map<string, string>();
  const pairs = /'(code|type|message|status|detail|error)': (?:'([^']*)'|"([^"]*)"|(\d{1,7})\b)/g;
  for (const [, name, single, double, digits] of source.matchAll(pairs)) {
    const value = single ?? double ?? digits;
    if (name !== undefined && value !== undefined && !fields.has(name)) fields.set(name, value);
  }
  return fields.size === 0 ? undefined : Object.fromEntries(fields);
}

const QUOTED = /"[^"]*"|`[^`]*`|“[^“”]*”|«[^«»]*»|「[^「」]*」|(?<![\p{L}\p{N}])'[^']*'(?![\p{L}\p{N}])/gu;

/** Prepares a text for wordings: lower case, without quoted parts, which may be the caller's own. */
export function plainWords(text: string): string {
  return text.replace(QUOTED, ' ').replace(/\s+/g, ' ').toLowerCase();
}
