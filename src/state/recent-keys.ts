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
const UNFIT = -1;
/** Characters that are looked at from either end of a text. */
const END = 32;

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

  find(question: Question): string | undefined {
    const entry = this.#entries.get(printOf(question));
    if (entry === undefined || !same(entry.question.rest, question.rest)) return undefined;
    return sameObject(entry.question.body, question.body, question.skip) ? entry.key : undefined;
  }

  add(question: Question, key: string): void {
    const print = printOf(question);
    if (print === UNFIT) return;
    const { rest, body, skip } = question;
    const kept = skip.size === 0 ? body : Object.fromEntries(Object.entries(body).filter(([name]) => !skip.has(name)));
    // A text that was cut out of a longer one would hold on to all of it: a clone has texts of its own.
    const copy = { ...structuredClone({ rest, body: kept }), skip };
    const bytes = 400 + heapBytes(copy.rest) + heapBytes(copy.body);
    if (bytes <= MOST_BYTES_EACH) this.#entries.set(print, { question: copy, key, bytes });
  }

  clear(): void {
    this.#entries.clear();
  }
}

/** A number that equal questions have in common, and others seldom; `UNFIT` where something is not plain JSON. */
function printOf({ rest, body, skip }: Question): number {
  const print = printObject(1, body, skip);
  return print === UNFIT ? UNFIT : printValue(print, rest);
}

function printValue(seed: number, value: unknown): number {
  switch (typeof value) {
    case 'string':
      return printText(seed, value);
    case 'number':
      return mix(seed, value * 64);
    case 'boolean':
      return mix(seed, value ? 3 : 5);
    case 'undefined':
      return mix(seed, 7);
    case 'object':
      return value === null ? mix(seed, 11) : printObject(seed, value);
    default:
      return UNFIT;
  }
}

function printObject(seed: number, value: object, skip?: ReadonlySet<string>): number {
  if ('toJSON' in value && typeof value.toJSON === 'function') return UNFIT;
  let print: number;
  if (Array.isArray(value)) {
    print = mix(seed, value.length);
    for (const each of value) {
      print = printValue(print, each);
      if (print === UNFIT) return UNFIT;
    }
    return print;
  }
  // Nor one without a prototype: that may be raw JSON.
  if (Object.getPrototypeOf(value) !== Object.prototype) return UNFIT;
  print = mix(seed, 13);
  for (const [name, each] of Object.entries(value)) {
    if (skip?.has(name)) continue;
    print = printValue(mix(print, name.length), each);
    if (print === UNFIT) return UNFIT;
  }
  return print;
}

/** Its length, both ends, and some of what is between: what differs elsewhere is found when it is compared. */
function printText(seed: number, text: string): number {
  const { length } = text;
  let print = mix(seed, length);
  const head = Math.min(length, END);
  for (let at = 0; at < head; at++) print = mix(print, text.charCodeAt(at));
  const tail = Math.max(head, length - END);
  const step = Math.max(1, (tail - head) >> 5);
  for (let at = head; at < tail; at += step) print = mix(print, text.charCodeAt(at));
  for (let at = tail; at < length; at++) print = mix(print, text.charCodeAt(at));
  return print;
}

const mix = (seed: number, value: number) => (Math.imul(seed ^ value, 0x9e3779b1) ^ (seed >>> 15)) >>> 0;

function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (!Array.isArray(a)) return !Array.isArray(b) && sameObject(a, b);
  if (!Array.isArray(b) || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!same(a[i], b[i])) return false;
  return true;
}

/** With the same names in the same order. */
function sameObject(a: object, b: object, skip?: ReadonlySet<string>): boolean {
  const names = namesOf(a, skip);
  const others = namesOf(b, skip);
  if (names.length !== others.length) return false;
  for (let i = 0; i < names.length; i++) {
    const name = names[i];
    if (name === undefined || name !== others[i] || !same(Reflect.get(a, name), Reflect.get(b, name))) return false;
  }
  return true;
}

function namesOf(value: object, skip: ReadonlySet<string> | undefined): string[] {
  const names = Object.keys(value);
  return skip === undefined ? names : names.filter((name) => !skip.has(name));
}
