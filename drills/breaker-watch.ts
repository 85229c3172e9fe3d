import type { Choose } from 'model-router/testing';
import { DEADLINE_MS, type Fleet } from './fleet.ts';

const WINDOW_MS = 5 * 60_000;

/** Observes the primary's breaker from outside: by its events, and by the calls that reach the primary. */
export class BreakerWatch {
  /** The most concurrent calls at the primary right after its open time: the probe itself, and others. */
  mostProbes = 0;
  /** The longest time from an opening to the next call that reached the primary. */
  longestOpenMs = 0;
  /** Openings of breakers whose deployment was healthy. */
  openedWhileHealthy = 0;
  /** The time from the end of the outage until the breaker was closed. */
  backMs = Number.POSITIVE_INFINITY;
  readonly #from: number;
  readonly #to: number;
  readonly #wasted: number[] = [];
  #openedAt: number | undefined;
  /** Until then, calls from before the first opening may still be running. */
  #drainedAt = Number.POSITIVE_INFINITY;

  /** The primary is down between these `performance.now()` times. */
  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
  }

  isOut(): boolean {
    return performance.now() >= this.#from && performance.now() < this.#to;
  }

  /** The most calls that reached the primary in any 5 minutes of its outage. */
  get mostWasted(): number {
    let most = 0;
    let first = 0;
    for (const [last, at] of this.#wasted.entries()) {
      while (at - (this.#wasted[first] ?? at) >= WINDOW_MS) first += 1;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  /** The primary's script, which counts its callers. `openCalls` counts its calls, including this one. */
  watching(script: Choose, openCalls: () => number): Choose {
    return (request, n) => {
      const now = performance.now();
      if (this.isOut()) this.#wasted.push(now);
      if (this.#openedAt !== undefined) {
        this.longestOpenMs = Math.max(this.longestOpenMs, now - this.#openedAt);
        this.#openedAt = undefined;
        if (now > this.#drainedAt) this.mostProbes = Math.max(this.mostProbes, openCalls());
      }
      return script(request, n);
    };
  }

  listen({ router }: Fleet): void {
    router.on('breaker-opened', ({ deployment }) => {
      const now = performance.now();
      // A request from before the end of the outage may fail after it.
      const isPrimaryOut = now >= this.#from && now <= this.#to + DEADLINE_MS;
      if (deployment !== 'primary' || !isPrimaryOut) this.openedWhileHealthy += 1;
      if (deployment !== 'primary') return;
      this.#openedAt = now;
      this.#drainedAt = Math.min(this.#drainedAt, now + DEADLINE_MS);
    });
    router.on('breaker-closed', ({ deployment }) => {
      if (deployment !== 'primary') return;
      const sinceEnd = performance.now() - this.#to;
      if (sinceEnd >= 0) this.backMs = Math.min(this.backMs, sinceEnd);
      this.#drainedAt = Number.POSITIVE_INFINITY;
    });
  }
}
