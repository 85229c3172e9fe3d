import { LRUCache } from 'lru-cache';
import { heapBytes } from '../util/heap-bytes.js';

/** What a key is made of: `body` less the names in `skip`, and everything else in `rest`. */
export interface Question {
  readonly rest: readonly unknown[];
  readonly body: Readonly<Record<string, unknown>>;
  readonly skip: ReadonlySet<string>;
}

interface Entry {
  readonly question: Question;
  readonly key: string;
  readonly bytes: number;
}

/** A longer question costs more to keep than its key does to make. */
const MOST_BYTES_EACH = 64 * 1024;
/** Of a text, the characters that are looked at from its head, its middle and its tail. */
const HEAD = 8;
const MIDDLE = 16;
const TAIL = 16;
/** Of a list, the elements that are looked at from its end. */
const LAST = 3;

/**
 * The keys of questions that were answered lately. To write a question out and to hash it costs more than all else of
 * an answer from memory; to compare it with one that is known, value by value, does not. Whatever is not found here,
 * also an equal question with its keys in another order, gets its key the usual way.
 */
export class RecentKeys {
  readonly #entries: LRUCache<number, Entry>;

  constructor(maxBytes: number) {
    this.#entries = new LRUCache({ maxSize: Math.max(1, maxBytes), sizeCalculation: ({ bytes }) => bytes });
  }

  get bytes(): number {
    return this.#entries.calculatedSize;
  }

  get isEmpty(): boolean {
    return this.#entries.size === 0;
  }

  find(question: Question): string | undefined {
    const entry = this.#entries.get(printOf(question));
    if (entry === undefined || !isUsual(question.body) || !same(entry.question.rest, question.rest)) return undefined;
    return sameObject(entry.question.body, question.body, question.skip) ? entry.key : undefined;
  }

  add(question: Question, key: string): void {
    const { rest, body, skip } = question;
    const kept = Object.fromEntries(Object.entries(body).filter(([name]) => !skip.has(name)));
    if (!isFit(kept) || !isFit(rest)) return;
    // A text that was cut out of a longer one would hold on to all of it: a clone has texts of its own.
    const copy = { ...structuredClone({ rest, body: kept }), skip };
    const bytes = 400 + heapBytes(copy.rest) + heapBytes(copy.body);
    if (bytes <= MOST_BYTES_EACH) this.#entries.set(printOf(question), { question: copy, key, bytes });
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** A number that equal questions have in common, and others seldom: of a long one, only some places are looked at. */
function printOf({ rest, body, skip }: Question): number {
  let print = printObject(1, body, skip);
  for (const each of rest) print = printValue(print, each);
  return print;
}

function printValue(seed: number, value: unknown): number {
  switch (typeof value) {
    case 'string':
      return printText(seed, value);
    case 'number':
      return mix(seed, value * 64);
    case 'boolean':
      return mix(seed, value ? 3 : 5);
    case 'object':
      if (value === null) return mix(seed, 11);
      return Array.isArray(value) ? printList(seed, value) : printObject(seed, value);
    default:
      return mix(seed, 7);
  }
}

function printList(seed: number, list: readonly unknown[]): number {
  let print = mix(seed, list.length);
  for (let at = Math.max(0, list.length - LAST); at < list.length; at++) print = printValue(print, list[at]);
  return print;
}

function printObject(seed: number, value: object, skip?: ReadonlySet<string>): number {
  let print = mix(seed, 13);
  for (const name in value) {
    if (!skip?.has(name)) print = printValue(mix(print, name.length), Reflect.get(value, name));
  }
  return print;
}

function printText(seed: number, text: string): number {
  const { length } = text;
  let print = mix(seed, length);
  const head = Math.min(length, HEAD);
  for (let at = 0; at < head; at++) print = mix(print, text.charCodeAt(at));
  const tail = Math.max(head, length - TAIL);
  const step = Math.max(1, Math.ceil((tail - head) / MIDDLE));
  for (let at = head; at < tail; at += step) print = mix(print, text.charCodeAt(at));
  for (let at = tail; at < length; at++) print = mix(print, text.charCodeAt(at));
  return print;
}

const mix = (seed: number, value: number) => (Math.imul(seed ^ value, 0x9e3779b1) ^ (seed >>> 15)) >>> 0;

/** Nothing in it is written in a way of its own. */
function isFit(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return isUsual(value) && Object.values(value).every(isFit);
  return typeof value !== 'function' && typeof value !== 'symbol' && typeof value !== 'bigint';
}

/** An array or an object as JSON has them. One without a prototype may be raw JSON. */
function isUsual(value: object): boolean {
  if ('toJSON' in value && typeof value.toJSON === 'function') return false;
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype;
}

/** `a` is fit; `b` may be anything. */
function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null) return a === b;
  if (typeof b !== 'object' || b === null || Array.isArray(a) !== Array.isArray(b) || !isUsual(b)) return false;
  if (!Array.isArray(a) || !Array.isArray(b)) return sameObject(a, b);
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false;
  return true;
}

/** With the same names in the same order, but for those of `b` that are skipped. */
function sameObject(a: object, b: object, skip?: ReadonlySet<string>): boolean {
  const names = Object.keys(a);
  let at = 0;
  for (const name in b) {
    if (skip?.has(name)) continue;
    if (name !== names[at++] || !same(Reflect.get(a, name), Reflect.get(b, name))) return false;
  }
  return at === names.length;
}
