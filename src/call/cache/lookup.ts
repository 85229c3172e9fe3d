import { KeptTree } from '../../state/kept-tree.js';
import { type CachedAnswer, type CacheStore, ResponseStore } from '../../state/memory-store.js';
import type { Key } from '../../state/question.js';
import type { CacheSettings } from '../../types.js';
import type { CancelSignal } from '../../util/cancel-signal.js';
import { isRecord } from '../../util/is-record.js';

/** A store of the application's own may be far away. */
const PATIENCE_MS = 100;

/** What is known of a key: the answer, and how it may be used by now. */
export interface Recalled {
  readonly answer: CachedAnswer;
  readonly ageMs: number;
  /** `error`: only where nothing better can be had. */
  readonly state: 'fresh' | 'stale' | 'error';
}

/** A store whose faults are nobody's: what throws, rejects, hangs or gives nonsense is a miss. */
export class Memory {
  constructor(readonly store: () => CacheStore) {}

  /** The store, if it is the router's own: that one is asked by questions themselves, another one by their digests. */
  get own(): ResponseStore | undefined {
    const store = this.store();
    return store instanceof ResponseStore ? store : undefined;
  }

  recall(
    key: Key,
    settings: CacheSettings,
    signal: CancelSignal | undefined,
  ): Recalled | undefined | Promise<Recalled | undefined> {
    try {
      const store = this.store();
      if (store instanceof ResponseStore) return recalled(store.find(key), settings);
      const found = typeof key === 'string' ? store.get(key) : undefined;
      if (!isPromise(found)) return recalled(found, settings);
      return patiently(found, signal).then((answer) => recalled(answer, settings));
    } catch {
      return undefined;
    }
  }

  /** `value` is nobody else's. */
  keepValue(key: string, value: unknown, facts: Omit<CachedAnswer, 'text'>, settings: CacheSettings): void {
    const isOwn = this.own !== undefined;
    this.keep(key, isOwn ? new KeptTree(value, facts) : { ...facts, text: JSON.stringify(value) }, settings);
  }

  keep(key: Key, answer: CachedAnswer, { ttlMs, staleMs, staleIfErrorMs }: CacheSettings): void {
    const keepMs = ttlMs + Math.max(staleMs, staleIfErrorMs);
    try {
      const store = this.store();
      if (store instanceof ResponseStore) return store.set(key, answer, keepMs);
      const kept = typeof key === 'string' ? store.set(key, answer, keepMs) : undefined;
      if (isPromise(kept)) kept.then(undefined, () => undefined);
    } catch {
      // The store's fault is not the call's.
    }
  }
}

/** By the wall clock, which stores of several processes share. One that was set back makes an answer too old, not young. */
function recalled(answer: unknown, { ttlMs, staleMs, staleIfErrorMs }: CacheSettings): Recalled | undefined {
  if (!isAnswer(answer)) return undefined;
  const ageMs = Date.now() - answer.storedAt;
  if (ageMs < 0) return undefined;
  if (ageMs < ttlMs) return { answer, ageMs, state: 'fresh' };
  if (ageMs < ttlMs + staleMs) return { answer, ageMs, state: 'stale' };
  return ageMs < ttlMs + staleIfErrorMs ? { answer, ageMs, state: 'error' } : undefined;
}

function isAnswer(value: unknown): value is CachedAnswer {
  // Our own, whose text is only made when somebody asks for it.
  if (value instanceof KeptTree) return true;
  return (
    isRecord(value) &&
    typeof value.text === 'string' &&
    typeof value.storedAt === 'number' &&
    (value.kind === 'json' || value.kind === 'chunks' || value.kind === 'vector') &&
    [value.requestId, value.deployment, value.servedModel, value.region].every(isTextOrNull) &&
    [value.costUsd, value.tokens].every((each) => each === null || Number.isFinite(each))
  );
}

const isTextOrNull = (value: unknown) => value === null || typeof value === 'string';

/** Waits for a short while, and no longer than the caller does. */
function patiently<T>(found: PromiseLike<T>, signal: CancelSignal | undefined): Promise<T | undefined> {
  return new Promise((resolve) => {
    const settle = (value: T | undefined) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      resolve(value);
    };
    const giveUp = () => settle(undefined);
    const timer = setTimeout(giveUp, PATIENCE_MS);
    signal?.addEventListener('abort', giveUp);
    found.then(settle, giveUp);
  });
}

export function isPromise<T>(value: T | PromiseLike<T>): value is PromiseLike<T>;
export function isPromise(value: unknown): value is PromiseLike<unknown>;
export function isPromise(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'then' in value && typeof value.then === 'function';
}
