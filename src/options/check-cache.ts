import { InvalidOptionError } from '../errors.js';
import type { CacheStore } from '../state/cache-store.js';
import type { CacheSize } from '../state/memory-store.js';
import { checkKeys, checkNumber, checkOneOf, checkRecord, invalidOption, MAX_MS } from '../util/check.js';
import { isRecord } from '../util/is-record.js';

/**
 * What is cached, and for how long. A `cache` option nearer to the call replaces the whole object.
 *
 * @example
 * cache: { mode: 'idempotent', ttlMs: 60_000, staleMs: 600_000 }
 */
export interface CacheOptions {
  /** `'idempotent'`: calls with `temperature: 0` or a `seed`, and embeddings. `'all'`: every call. @default 'idempotent' */
  mode?: 'idempotent' | 'all' | undefined;
  /** How long an answer is fresh, in milliseconds. @default 300_000 */
  ttlMs?: number | undefined;
  /** How much longer a stale answer is served while it is refreshed in the background, in milliseconds. @default 0 */
  staleMs?: number | undefined;
  /** How much longer a stale answer is served if all deployments fail, in milliseconds. @default 0 */
  staleIfErrorMs?: number | undefined;
  /** Also cache calls that offer tools, and answers that call them. @default false */
  toolCalls?: boolean | undefined;
  /** Answers in the router's store. Only on the constructor or a route; the largest value applies. @default 10_000 */
  maxEntries?: number | undefined;
  /** Bytes of answers and their keys in the router's store. Only on the constructor or a route; the largest value applies. @default 67_108_864 */
  maxBytes?: number | undefined;
}

/** The option `cache`. */
export type CacheOption = boolean | 'idempotent' | CacheOptions | undefined;

/** Checked cache options. Times are in milliseconds. */
export interface CacheSettings {
  readonly mode: 'idempotent' | 'all';
  readonly ttlMs: number;
  readonly staleMs: number;
  readonly staleIfErrorMs: number;
  readonly toolCalls: boolean;
}

const DEFAULTS = { mode: 'idempotent', ttlMs: 300_000, staleMs: 0, staleIfErrorMs: 0, toolCalls: false } as const;
const SIZES = ['maxEntries', 'maxBytes'] as const;
const DEFAULT_SIZE = { maxEntries: 10_000, maxBytes: 64 * 1024 * 1024 } as const;
const WHAT = "true, false, 'idempotent', or an object such as { mode, ttlMs }";

export const OWN_STORE = 'a store of the application bounds itself';
export const ONE_STORE = "the store is the router's: give it to the constructor, or on a route";

/** Throws InvalidOptionError. */
export function checkCache(path: string, value: unknown): void {
  if (typeof value === 'boolean' || value === 'idempotent') return;
  const given = checkRecord(path, value, WHAT);
  checkKeys(path, given, ['mode', 'ttlMs', 'staleMs', 'staleIfErrorMs', 'toolCalls', 'maxEntries', 'maxBytes']);
  const { mode, ttlMs, staleMs, staleIfErrorMs, toolCalls, maxEntries, maxBytes } = given;
  if (mode !== undefined) checkOneOf(`${path}.mode`, mode, ['idempotent', 'all']);
  const what = `milliseconds, 0 to ${MAX_MS}`;
  for (const [name, ms] of Object.entries({ ttlMs, staleMs, staleIfErrorMs })) {
    if (ms !== undefined) checkNumber(`${path}.${name}`, ms, { least: 0, most: MAX_MS, what });
  }
  if (toolCalls !== undefined && typeof toolCalls !== 'boolean')
    invalidOption(`${path}.toolCalls`, toolCalls, 'true or false');
  if (maxEntries !== undefined) checkSize(`${path}.maxEntries`, maxEntries, 10_000_000);
  if (maxBytes !== undefined) checkSize(`${path}.maxBytes`, maxBytes, Number.MAX_SAFE_INTEGER);
}

/** All calls share one store, so options of some calls cannot limit it. Throws InvalidOptionError. */
export function checkUnsized(path: string, value: unknown, why: string): void {
  for (const name of SIZES) {
    if (isSized(value, [name])) throw new InvalidOptionError(`${path}.${name}`, `${why}.`);
  }
}

/** Whether an option `cache` sets the size of the store. */
export function isSized(value: unknown, names: readonly string[] = SIZES): boolean {
  return isRecord(value) && names.some((name) => value[name] !== undefined);
}

/** The size of the one store: the largest configured value. */
export function cacheSizeOf(options: readonly { readonly cache?: CacheOption }[]): CacheSize {
  const given = options.flatMap(({ cache }) => (isRecord(cache) ? [cache] : []));
  const largest = (name: 'maxEntries' | 'maxBytes') => {
    const sizes = given.flatMap((each) => (typeof each[name] === 'number' ? [each[name]] : []));
    return sizes.length === 0 ? DEFAULT_SIZE[name] : Math.max(...sizes);
  };
  return { maxEntries: largest('maxEntries'), maxBytes: largest('maxBytes') };
}

/** Throws InvalidOptionError. */
export function checkStore(value: unknown): CacheStore | undefined {
  if (value === undefined) return undefined;
  // Usually an instance of a class.
  const store = isRecord(value)
    ? value
    : invalidOption('cacheStore', value, 'an object with get, set, delete and clear');
  for (const name of ['get', 'set', 'delete', 'clear']) {
    if (typeof store[name] !== 'function') invalidOption(`cacheStore.${name}`, store[name], 'a function');
  }
  return value as CacheStore;
}

/** The option with its defaults filled in; `undefined` without a cache. */
export function cacheSettings(value: CacheOption): CacheSettings | undefined {
  if (value === undefined || value === false) return undefined;
  if (value === true) return { ...DEFAULTS, mode: 'all' };
  if (value === 'idempotent') return DEFAULTS;
  const { maxEntries: _entries, maxBytes: _bytes, ...given }: CacheOptions = value;
  const set = Object.fromEntries(Object.entries(given).filter(([, each]) => each !== undefined));
  return { ...DEFAULTS, ...set };
}

function checkSize(option: string, value: unknown, most: number): void {
  checkNumber(option, value, { least: 1, most, whole: true, what: `a whole number, 1 to ${most}` });
}

/** On Workers, I/O belongs to the request that started it, so a request that waits for another's may hang. */
export function checkShareInFlight(value: unknown): boolean {
  if (value === undefined) return globalThis.navigator?.userAgent !== 'Cloudflare-Workers';
  return typeof value === 'boolean' ? value : invalidOption('shareInFlight', value, 'true or false');
}
