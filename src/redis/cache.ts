import type { CachedAnswer, CacheStore } from '../state/cache-store.js';
import { ResponseStore } from '../state/memory-store.js';
import { invalidOption } from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import { sha256 } from '../util/sha256.js';
import { commandsOf, type RedisClient, type RedisCommands } from './commands.js';
import { pack, unpack } from './gzip.js';
import { checkLocal, checkRedisCache, type RedisCacheOptions } from './options.js';

/** Version of the stored form. Processes with another version do not read each other's answers. */
const SCHEMA = 1;
const DAY_MS = 86_400_000;
/** The longest storage time, so that answers of an earlier generation expire before the generation's key does. */
const MAX_KEEP_MS = 30 * DAY_MS;
const GENERATION_MS = 31 * DAY_MS;
/** How long another process's `clear` may go unnoticed. */
const GENERATION_FRESH_MS = 1000;
const FAILURES_TO_OPEN = 5;
const OPEN_MS = 1000;
const NONE = '0';
const LOCAL_SIZE = { maxEntries: 10_000, maxBytes: 64 * 1024 * 1024 };

/**
 * A response cache that all processes of one name share. If Redis is slow or down, calls continue without it. Equal
 * calls in flight in different processes are not joined.
 *
 * @example cacheStore: redisCache(client, { name: 'checkout-prod' })
 * @throws InvalidOptionError
 */
export function redisCache(client: RedisClient, options: RedisCacheOptions): CacheStore {
  return new RedisCache(commandsOf('redisCache', client), checkRedisCache('redisCache', options));
}

class RedisCache implements CacheStore {
  readonly #commands: RedisCommands;
  readonly #prefix: string;
  readonly #timeoutMs: number;
  #generation: { readonly value: string; readonly at: number } | undefined;
  #failures = 0;
  #openUntil = 0;

  constructor(commands: RedisCommands, { name, timeoutMs }: { name: string; timeoutMs: number }) {
    this.#commands = commands;
    this.#prefix = `mr1:${name}:c${SCHEMA}`;
    this.#timeoutMs = timeoutMs;
  }

  async get(key: string): Promise<CachedAnswer | undefined> {
    const startedAt = performance.now();
    const stored = await this.#send(['GET', await this.#keyOf(key)], startedAt);
    if (typeof stored !== 'string') return undefined;
    const text = await unpack(stored);
    if (text === undefined) return undefined;
    const parsed: unknown = JSON.parse(text);
    return isRecord(parsed) ? (parsed as unknown as CachedAnswer) : undefined;
  }

  async set(key: string, answer: CachedAnswer, keepMs: number): Promise<void> {
    const ms = String(Math.max(1, Math.min(Math.ceil(keepMs), MAX_KEEP_MS)));
    await this.#send(['SET', await this.#keyOf(key), await pack(JSON.stringify(answer)), 'PX', ms]);
  }

  async delete(key: string): Promise<void> {
    await this.#send(['DEL', await this.#keyOf(key)]);
  }

  /** Starts another generation: no keys are searched, and stored answers expire. */
  async clear(): Promise<void> {
    const value = `${Date.now().toString(36)}${crypto.randomUUID().slice(0, 8)}`;
    await this.#send(['SET', this.#generationKey, value, 'PX', String(GENERATION_MS)]);
    this.#generation = { value, at: performance.now() };
  }

  async claimRefresh(key: string, forMs: number): Promise<boolean> {
    const lock = `${await this.#keyOf(key)}:refresh`;
    return (await this.#send(['SET', lock, '1', 'NX', 'PX', String(Math.ceil(forMs))])) === 'OK';
  }

  get #generationKey(): string {
    return `${this.#prefix}:generation`;
  }

  /** The router's keys are already hashes; others are hashed here. */
  async #keyOf(key: string): Promise<string> {
    const digest = /^[\w-]{43}$/.test(key) ? key : sha256(key);
    return `${this.#prefix}:${await this.#currentGeneration()}:${digest}`;
  }

  async #currentGeneration(): Promise<string> {
    const known = this.#generation;
    if (known !== undefined && performance.now() - known.at < GENERATION_FRESH_MS) return known.value;
    const value = await this.#send(['GET', this.#generationKey]);
    const current = typeof value === 'string' ? value : NONE;
    this.#generation = { value: current, at: performance.now() };
    return current;
  }

  /**
   * Rejects if Redis fails or takes too long; after several failures in a row, at once.
   *
   * @param startedAt when the call began to wait for Redis: `timeoutMs` is for all its commands
   */
  async #send(command: readonly string[], startedAt = performance.now()): Promise<unknown> {
    const now = performance.now();
    if (now < this.#openUntil || !this.#commands.isReady()) throw new Error('Redis is not available.');
    if (this.#failures >= FAILURES_TO_OPEN) this.#openUntil = now + OPEN_MS;
    const [, key = ''] = command;
    try {
      const leftMs = startedAt + this.#timeoutMs - now;
      const reply = await withTimeout(this.#commands.send(key, command), leftMs);
      this.#failures = 0;
      this.#openUntil = 0;
      return reply;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= FAILURES_TO_OPEN) this.#openUntil = performance.now() + OPEN_MS;
      throw error;
    }
  }
}

function withTimeout<T>(answer: Promise<T>, ms: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('Redis did not answer in time.')), ms);
    answer.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

/**
 * The same store with this process's own memory in front: an answer that was read or stored here is served from memory
 * for `localMs`. After another process's `clear()`, it may still be served for that time.
 *
 * @example cacheStore: tieredCache(redisCache(client, { name: 'checkout-prod' }), { localMs: 60_000 })
 * @throws InvalidOptionError
 */
export function tieredCache(store: CacheStore, options: { localMs?: number | undefined } = {}): CacheStore {
  const given: unknown = store;
  if (!isRecord(given) || typeof given.get !== 'function')
    invalidOption('tieredCache', given, 'a cache store, such as redisCache(…)');
  return new TieredCache(store, checkLocal('tieredCache', options).localMs);
}

class TieredCache implements CacheStore {
  readonly #far: CacheStore;
  readonly #near = new ResponseStore(LOCAL_SIZE);
  readonly #localMs: number;

  constructor(far: CacheStore, localMs: number) {
    this.#far = far;
    this.#localMs = localMs;
  }

  get(key: string): CachedAnswer | undefined | Promise<CachedAnswer | undefined> {
    return this.#near.get(key) ?? this.#fetch(key);
  }

  async #fetch(key: string): Promise<CachedAnswer | undefined> {
    const answer = await this.#far.get(key);
    // Only the far store knows its TTL; the router drops answers that are too old.
    if (answer !== undefined) this.#near.set(key, answer, this.#localMs);
    return answer;
  }

  set(key: string, answer: CachedAnswer, keepMs: number, tenant?: string): unknown {
    this.#near.set(key, answer, Math.min(keepMs, this.#localMs), tenant);
    return this.#far.set(key, answer, keepMs, tenant);
  }

  delete(key: string): unknown {
    this.#near.delete(key);
    return this.#far.delete(key);
  }

  clear(): unknown {
    this.#near.clear();
    return this.#far.clear();
  }

  claimRefresh(key: string, forMs: number): boolean | Promise<boolean> {
    return this.#far.claimRefresh?.(key, forMs) ?? true;
  }
}
