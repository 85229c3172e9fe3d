export const LATENCY_MS = 50;
export const TIMES = { ttlMs: 1000, staleMs: 500, staleIfErrorMs: 2000 } as const;

/** The expected result of a call: how the cache was used, and the number of the answer, or how it failed. */
export interface Expected {
  readonly use: 'hit' | 'stale' | 'stale-if-error' | 'miss' | 'joined' | 'status' | 'deadline' | 'aborted';
  readonly answer: number | undefined;
}

interface Waiter {
  readonly index: number;
  readonly deadline: number;
  readonly use: 'miss' | 'joined';
  /** The stale answer that is used if nothing better is available. */
  readonly spare: number | undefined;
}

interface Flight {
  readonly key: string;
  readonly lands: number;
  readonly answer: number | undefined;
  /** For a refresh: how long it continues without a waiting caller. */
  readonly until: number | undefined;
  readonly waiters: Set<Waiter>;
}

/** A model of the cache: cached answers by key, shared calls by key and kind, and their callers. */
export class CacheModel {
  readonly expected: (Expected | undefined)[] = [];
  readonly totals = { hits: 0, misses: 0, joined: 0, stale: 0 };
  isDown = false;
  sent = 0;
  #answers = 0;
  readonly #kept = new Map<string, { answer: number; at: number }>();
  readonly #flights = new Map<string, Flight>();

  call(index: number, key: string, isStream: boolean, deadlineMs: number, now: number): void {
    this.settle(now);
    const kept = this.#kept.get(key);
    const age = kept === undefined ? Number.POSITIVE_INFINITY : now - kept.at;
    const flightKey = `${key} ${isStream}`;
    if (age < TIMES.ttlMs) {
      this.totals.hits++;
      this.expected[index] = { use: 'hit', answer: kept?.answer };
    } else if (age < TIMES.ttlMs + TIMES.staleMs) {
      this.totals.stale++;
      this.expected[index] = { use: 'stale', answer: kept?.answer };
      if (!this.#flights.has(flightKey)) this.#start(flightKey, key, now, now + deadlineMs);
    } else {
      const found = this.#flights.get(flightKey);
      const flight = found ?? this.#start(flightKey, key, now, undefined);
      const use = found === undefined ? 'miss' : 'joined';
      this.totals[use === 'miss' ? 'misses' : 'joined']++;
      const spare = age < TIMES.ttlMs + TIMES.staleIfErrorMs ? kept?.answer : undefined;
      flight.waiters.add({ index, deadline: now + deadlineMs, use, spare });
    }
  }

  abort(index: number, now: number): void {
    this.settle(now);
    for (const [flightKey, { waiters, until }] of this.#flights) {
      for (const waiter of waiters) {
        if (waiter.index !== index) continue;
        this.expected[index] = { use: 'aborted', answer: undefined };
        waiters.delete(waiter);
        if (waiters.size === 0 && until === undefined) this.#flights.delete(flightKey);
      }
    }
  }

  settle(now: number): void {
    for (const [flightKey, flight] of this.#flights) {
      const { key, lands, answer, until, waiters } = flight;
      const ends = Math.max(until ?? 0, ...[...waiters].map(({ deadline }) => deadline));
      for (const waiter of waiters) {
        if (waiter.deadline <= now && waiter.deadline < lands) this.#fail(waiter, 'deadline', waiters);
      }
      if (ends < lands) {
        if (ends <= now) this.#flights.delete(flightKey);
        continue;
      }
      if (lands > now) continue;
      this.#flights.delete(flightKey);
      if (answer !== undefined) this.#kept.set(key, { answer, at: lands });
      for (const waiter of waiters) {
        if (answer === undefined) this.#fail(waiter, 'status', waiters);
        else this.expected[waiter.index] = { use: waiter.use, answer };
      }
    }
  }

  #fail({ index, spare, ...waiter }: Waiter, use: 'deadline' | 'status', waiters: Set<Waiter>): void {
    for (const each of waiters) if (each.index === index) waiters.delete(each);
    if (spare !== undefined) this.totals.stale++;
    this.expected[index] =
      spare === undefined ? { ...waiter, use, answer: undefined } : { use: 'stale-if-error', answer: spare };
  }

  #start(flightKey: string, key: string, now: number, until: number | undefined): Flight {
    this.sent++;
    const answer = this.isDown ? undefined : this.#answers++;
    const flight: Flight = { key, lands: now + LATENCY_MS, answer, until, waiters: new Set() };
    this.#flights.set(flightKey, flight);
    return flight;
  }
}
