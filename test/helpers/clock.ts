import { afterEach, beforeEach, vi } from 'vitest';

/** Fake timers for every test of a file. `performance.now()` begins at 0. */
export function useFakeTime(): void {
  beforeEach(() => {
    vi.useFakeTimers({ now: Date.UTC(2030, 0, 1) });
  });
  afterEach(() => {
    vi.useRealTimers();
  });
}

/** Advances time by `ms`, and runs everything due in that time. */
export async function pass(ms: number): Promise<void> {
  await vi.advanceTimersByTimeAsync(ms);
}

/** The state of a promise so far. */
export interface Watched<T> {
  state: 'pending' | 'fulfilled' | 'rejected';
  value: T | undefined;
  error: unknown;
  /** `performance.now()` when it settled. */
  at: number | undefined;
  settlements: number;
}

export function watch<T>(promise: PromiseLike<T>): Watched<T> {
  const watched: Watched<T> = { state: 'pending', value: undefined, error: undefined, at: undefined, settlements: 0 };
  const settle = (result: Partial<Watched<T>>) =>
    Object.assign(watched, result, { at: performance.now(), settlements: watched.settlements + 1 });
  promise.then(
    (value) => settle({ state: 'fulfilled', value }),
    (error: unknown) => settle({ state: 'rejected', error }),
  );
  return watched;
}

/** Advances time, timer by timer, until the promise settles, and returns its state. */
export async function settled<T>(promise: PromiseLike<T>, mostMs = 600_000): Promise<Watched<T>> {
  const watched = watch(promise);
  const start = performance.now();
  await pass(0);
  while (watched.state === 'pending' && performance.now() - start < mostMs) await vi.advanceTimersToNextTimerAsync();
  return watched;
}
