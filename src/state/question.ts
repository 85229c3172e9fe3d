import { isWide, propertyBytes, textBytes } from '../util/heap-bytes.js';
import { isRecord } from '../util/is-record.js';

/** What counts beside a body. Nobody's to change. */
export interface Circumstances {
  readonly values: readonly unknown[];
  /** `undefined` where they have none. */
  readonly print: number | undefined;
  readonly bytes: number;
}

/** What an answer is the answer to: plain JSON, and not too long to be kept itself. */
export interface Question {
  readonly rest: Circumstances;
  /** Less the names in `skip`. */
  readonly body: Readonly<Record<string, unknown>>;
  readonly skip: ReadonlySet<string>;
  /** A number that equal questions have in common, and others seldom. */
  readonly print: number;
}

/** What an answer is found by: a question, or a text that stands for one. */
export type Key = Question | string;

/** Where a key is looked up. Others may have the same place. */
export const slotOf = (key: Key): number | string => (typeof key === 'string' ? key : key.print);

/** That a question may take, about: its characters, and what is around them. */
const MOST_BYTES = 64 * 1024;

// Scratch paper: what is on it is of no use between two calls.
const BYTES = Buffer.allocUnsafeSlow(2 * MOST_BYTES);
const WORDS = new Int32Array(BYTES.buffer);
const FLOAT = new Float64Array(1);
const HALVES = new Int32Array(FLOAT.buffer);

/** What a value takes beside its characters, about. */
const VALUE_BYTES = 24;
/** Shorter texts are read faster one by one. */
const SHORT = 24;
/** Longer ones may be cut out of another, or put together, rather than a text of their own. */
const NEVER_CUT = 12;

/**
 * The same ones as before, if they are: a call mostly differs from the one before it in its body only. Otherwise they
 * become their own.
 */
export function circumstancesOf(values: unknown[], before: Circumstances | undefined): Circumstances {
  if (before !== undefined && same(before.values, values)) return before;
  const printer = new Printer(MOST_BYTES);
  let print = 1;
  for (const each of values) print = mix(print, each === undefined ? 7 : printer.value(each));
  if (printer.room < 0) return { values, print: undefined, bytes: 0 };
  return { values, print, bytes: settled(values) };
}

/**
 * The print of a question, whose body is as `jsonCopy` makes it. `undefined` where it takes more than about `most` bytes,
 * or has anything that is written in a way of its own: such a question is known by its text.
 */
export function printOf(
  rest: Circumstances,
  body: Question['body'],
  skip: Question['skip'],
  most: number,
): number | undefined {
  if (rest.print === undefined) return undefined;
  const printer = new Printer(Math.min(most, MOST_BYTES) - rest.bytes);
  const print = mix(rest.print, printer.object(body, skip));
  return printer.room < 0 ? undefined : print >>> 0;
}

class Printer {
  /** What is left of the bytes; below 0 also for what has no print. */
  room: number;

  constructor(room: number) {
    this.room = room;
  }

  value(value: unknown): number {
    this.room -= VALUE_BYTES;
    switch (typeof value) {
      case 'string':
        return this.text(value);
      case 'number':
        if (!Number.isFinite(value)) this.room = -1;
        // A zero has no sign on the wire.
        FLOAT[0] = value + 0;
        return mix(HALVES[0] ?? 0, HALVES[1] ?? 0);
      case 'boolean':
        return value ? 3 : 5;
      case 'object':
        if (Array.isArray(value)) return this.list(value);
        return isRecord(value) ? this.object(value) : 11;
      default:
        this.room = -1;
        return 0;
    }
  }

  text(text: string): number {
    const { length } = text;
    this.room -= length;
    if (length >= SHORT) return this.room < 0 ? 0 : printOfLong(text);
    let print = length;
    for (let at = 0; at < length; at++) print = mix(print, text.charCodeAt(at));
    return print;
  }

  list(list: readonly unknown[]): number {
    let print = list.length;
    for (let at = 0; at < list.length && this.room >= 0; at++) print = mix(print, this.value(list[at]));
    return print;
  }

  /** The same in whichever order its names are. */
  object(value: Readonly<Record<string, unknown>>, skip?: ReadonlySet<string>): number {
    // One without a prototype may be raw JSON.
    if (Object.getPrototypeOf(value) !== Object.prototype) this.room = -1;
    let print = 13;
    for (const name of Object.keys(value)) {
      if (this.room < 0) break;
      if (skip?.has(name)) continue;
      const each = value[name];
      if (each !== undefined) print = (print + mix(this.text(name), this.value(each))) | 0;
    }
    return print;
  }
}

/** All of it is looked at: prompts that are made by filling in a form differ by a few characters anywhere. */
function printOfLong(text: string): number {
  const words = BYTES.write(text, isWide(text) ? 'utf16le' : 'latin1') >> 2;
  let one = text.length;
  let two = 0;
  let three = 0;
  let four = 0;
  // In four strands, which the processor follows at the same time.
  for (let at = 3; at < words; at += 4) {
    one = mix(one, WORDS[at - 3] ?? 0);
    two = mix(two, WORDS[at - 2] ?? 0);
    three = mix(three, WORDS[at - 1] ?? 0);
    four = mix(four, WORDS[at] ?? 0);
  }
  for (let at = text.length - 16; at < text.length; at++) one = mix(one, text.charCodeAt(at));
  return mix(mix(one, two), mix(three, four));
}

function mix(seed: number, value: number): number {
  const mixed = Math.imul(seed ^ value, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}

export function isSame(known: Key, asked: Key): boolean {
  if (typeof known === 'string' || typeof asked === 'string') return known === asked;
  const { rest, body, print } = known;
  if (print !== asked.print || (rest !== asked.rest && !same(rest.values, asked.rest.values))) return false;
  return sameObject(body, asked.body, asked.skip);
}

function same(a: unknown, b: unknown): boolean {
  if (typeof a !== 'object' || a === null) return a === b;
  if (typeof b !== 'object' || b === null) return false;
  if (!Array.isArray(a)) return isRecord(a) && isRecord(b) && sameObject(a, b);
  if (!Array.isArray(b) || a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (!same(a[at], b[at])) return false;
  return true;
}

type Values = Readonly<Record<string, unknown>>;

/** Mostly the names are in one order. */
function sameObject(a: Values, b: Values, skip?: ReadonlySet<string>): boolean {
  const names = Object.keys(a);
  const others = Object.keys(b);
  if (names.length !== others.length) return sameInAnyOrder(a, b, skip);
  for (let at = 0; at < names.length; at++) {
    const name = names[at] ?? '';
    if (name !== others[at]) return sameInAnyOrder(a, b, skip);
    if (!skip?.has(name) && !same(a[name], b[name])) return false;
  }
  return true;
}

function sameInAnyOrder(a: Values, b: Values, skip: ReadonlySet<string> | undefined): boolean {
  let names = 0;
  for (const name of Object.keys(b)) {
    const each = b[name];
    if (each === undefined || skip?.has(name)) continue;
    if (!Object.hasOwn(a, name) || !same(a[name], each)) return false;
    names++;
  }
  for (const name of Object.keys(a)) if (a[name] !== undefined && !skip?.has(name)) names--;
  return names === 0;
}

/**
 * For a question that is kept: its texts become its own, as one that was cut out of a longer text holds on to all of it,
 * and what is not part of it is forgotten. Gives the bytes that it takes, about and rather too much.
 */
export function settle({ rest, body, skip }: Question): number {
  for (const name of skip) if (Object.hasOwn(body, name)) Reflect.set(body, name, undefined);
  return rest.bytes + settled(body);
}

function settled(value: unknown): number {
  if (Array.isArray(value)) return settleList(value);
  return isRecord(value) ? settleObject(value) : 0;
}

function settleList(list: unknown[]): number {
  let bytes = 64 + 24 * list.length;
  for (let at = 0; at < list.length; at++) bytes += settleAt(list, at);
  return bytes;
}

function settleObject(value: Record<string, unknown>): number {
  const names = Object.keys(value);
  let bytes = 64;
  for (const name of names) bytes += propertyBytes(name, names.length) + settleAt(value, name);
  return bytes;
}

function settleAt<Place extends PropertyKey>(holder: Record<Place, unknown>, at: Place): number {
  const each = holder[at];
  if (typeof each !== 'string') return settled(each);
  const own = ownText(each);
  holder[at] = own;
  return textBytes(own);
}

function ownText(text: string): string {
  if (text.length <= NEVER_CUT) return text;
  const encoding = isWide(text) ? 'utf16le' : 'latin1';
  return BYTES.toString(encoding, 0, BYTES.write(text, encoding));
}
