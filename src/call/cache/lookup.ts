import type { CachedAnswer, CacheStore } from '../../state/cache-store.js';
import type { CacheSize } from '../../state/memory-store.js';
import type { CacheSettings } from '../../types.js';
import type { CancelSignal } from '../../util/cancel-signal.js';
import { isPromise } from '../../util/is-promise.js';
import { isRecord } from '../../util/is-record.js';

/** An application's own store may be slow. */
const GET_TIMEOUT_MS = 100;

/** A stored answer, and how it may be used now. */
export interface Found {
  readonly answer: CachedAnswer;
  readonly ageMs: number;
  /** `error`: only if the deployments fail. */
  readonly state: 'fresh' | 'stale' | 'error';
}

/** Protects calls from the store: if it throws, rejects, hangs or returns nonsense, that counts as a miss. */
export class CacheLookup {
  readonly #store: () => CacheStore;
  /** For the router's own store; `undefined` for an application's store. */
  readonly size: CacheSize | undefined;

  constructor(store: () => CacheStore, size: CacheSize | undefined) {
    this.#store = store;
    this.size = size;
  }

  get(
    key: string,
    settings: CacheSettings,
    signal: CancelSignal | undefined,
  ): Found | undefined | Promise<Found | undefined> {
    try {
      const found = this.#store().get(key);
      if (!isPromise(found)) return foundOf(found, settings);
      return withTimeout(found, signal).then((answer) => foundOf(answer, settings));
    } catch {
      return undefined;
    }
  }

  /**
   * Whether this process should refresh a stale answer. Without support in the store, each process refreshes by itself.
   */
  claimRefresh(key: string, forMs: number): boolean | Promise<boolean> {
    try {
      const claimed = this.#store().claimRefresh?.(key, forMs) ?? true;
      if (!isPromise(claimed)) return claimed;
      // If the store fails, a stale answer is better than one refresh for each call.
      return withTimeout(claimed, undefined).then((isOurs) => isOurs === true);
    } catch {
      return false;
    }
  }

  /** Returns a promise, which never rejects, if the store returned one. */
  set(
    key: string,
    answer: CachedAnswer,
    { ttlMs, staleMs, staleIfErrorMs }: CacheSettings,
    tenant: string | undefined,
  ): PromiseLike<unknown> | undefined {
    try {
      const stored = this.#store().set(key, answer, ttlMs + Math.max(staleMs, staleIfErrorMs), tenant);
      return isPromise(stored) ? stored.then(undefined, () => undefined) : undefined;
    } catch {
      // The store's failure must not fail the call.
      return undefined;
    }
  }
}

/** Uses the wall clock, which processes share. A clock that was set back makes an answer too old, not too young. */
function foundOf(answer: unknown, { ttlMs, staleMs, staleIfErrorMs }: CacheSettings): Found | undefined {
  if (!isAnswer(answer)) return undefined;
  const ageMs = Date.now() - answer.storedAt;
  if (ageMs < 0) return undefined;
  if (ageMs < ttlMs) return { answer, ageMs, state: 'fresh' };
  if (ageMs < ttlMs + staleMs) return { answer, ageMs, state: 'stale' };
  return ageMs < ttlMs + staleIfErrorMs ? { answer, ageMs, state: 'error' } : undefined;
}

function isAnswer(value: unknown): value is CachedAnswer {
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

/** Waits for a short time, and no longer than the caller does. */
function withTimeout<T>(found: PromiseLike<T>, signal: CancelSignal | undefined): Promise<T | undefined> {
  return new Promise((resolve) => {
    const finish = (value: T | undefined) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', giveUp);
      resolve(value);
    };
    const giveUp = () => finish(undefined);
    const timer = setTimeout(giveUp, GET_TIMEOUT_MS);
    signal?.addEventListener('abort', giveUp);
    found.then(finish, giveUp);
  });
}
