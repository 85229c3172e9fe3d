import type { Choose } from 'model-router/testing';
import { hang } from 'model-router/testing';
import { mostByChance, mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { type Fleet, openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { MODEL_L, MODEL_L_IN_WORDS, modelL } from './model-l.ts';
import { type DrillResult, type Progress, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const FAILED_SHARE = 0.003;
const WASTED_PER_WINDOW = 100;
const WINDOW_MS = 5 * 60_000;
const DEADLINE_MS = 2000;
const EVERY_MS = 50;
const MINUTE_MS = 60_000;

export interface S4Options {
  /** Of the outage; a third as long before and after it. */
  readonly minutes: number;
  readonly seed: number;
  readonly onProgress?: Progress;
}

/** S4: the primary hangs for a quarter of an hour and comes back; failover alone. */
export async function run({ minutes, seed, onProgress }: S4Options): Promise<DrillResult> {
  const calmMs = (minutes * MINUTE_MS) / 3;
  const from = calmMs;
  const to = calmMs + minutes * MINUTE_MS;
  const calls = (to + calmMs) / EVERY_MS;
  const outage = new Tally();
  const calm = new Tally();
  const watch = new BreakerWatch(from, to);

  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const healthy = modelL(mulberry32(seed + 1), MODEL_L.primaryErrors);
    const fleet = openFleet({
      scripts: {
        primary: watch.seen(healthy, () => fleet.upstreams.get('primary')?.open ?? 0),
        second: modelL(mulberry32(seed + 2), MODEL_L.otherErrors),
        third: modelL(mulberry32(seed + 3), MODEL_L.otherErrors),
      },
      seed,
      settings: { deadlineMs: DEADLINE_MS },
    });
    watch.listen(fleet);
    const invariants = await sendLoad({
      clock,
      fleet,
      calls,
      everyMs: EVERY_MS,
      deadlineMs: DEADLINE_MS,
      onSettled: (settled) => {
        const { startedMs } = settled;
        (startedMs >= from && startedMs < to ? outage : calm).add(settled);
        const done = outage.calls + calm.calls;
        if (done % 2000 === 0) onProgress?.(done / calls);
      },
    });
    fleet.router.close();
    return invariants;
  });

  const cooldownMs = 10_000;
  const exact = { margin: 0 } as const;
  const margin = 100 * Math.max(0, mostByChance(outage.calls, FAILED_SHARE) / outage.calls - FAILED_SHARE);
  return resultOf({
    drill: 'S4',
    faults: `${MODEL_L_IN_WORDS}; the primary hangs for ${minutes} minutes; three deployments, deadline ${DEADLINE_MS} ms`,
    size: `${calls} calls, 20 a second, ${outage.calls} of them in the outage`,
    measured: {
      'answered in the outage': 100 * outage.answeredShare,
      'wasted per 5 minutes': watch.mostWasted,
      'opened while healthy': watch.openedWhileHealthy,
      'live probes': watch.mostProbes,
      'longest open': watch.longestOpenMs,
      'back in use': watch.backMs,
      late: lateMs,
    },
    targets: {
      'answered in the outage': { least: 100 * (1 - FAILED_SHARE), margin, unit: '%' },
      'wasted per 5 minutes': { ...exact, most: WASTED_PER_WINDOW, unit: 'calls' },
      'opened while healthy': { ...exact, most: 0, unit: 'calls' },
      'live probes': { ...exact, most: 1, unit: 'calls' },
      // The next call after the end of the open time is the probe.
      'longest open': { ...exact, most: cooldownMs + EVERY_MS, unit: 'ms' },
      // A probe sent just before the end still hangs; it takes no longer than a call.
      'back in use': { ...exact, most: cooldownMs + EVERY_MS + DEADLINE_MS, unit: 'ms' },
      late: { ...exact, most: 0, unit: 'ms' },
    },
    broken,
  });
}

/** Follows the primary's breaker from outside: by its events, and by the calls that reach the primary. */
class BreakerWatch {
  mostProbes = 0;
  longestOpenMs = 0;
  openedWhileHealthy = 0;
  backMs = Number.POSITIVE_INFINITY;
  readonly #from: number;
  readonly #to: number;
  readonly #wasted: number[] = [];
  #openedAt: number | undefined;
  /** Calls from before the opening are still on their way until then. */
  #drainedAt = Number.POSITIVE_INFINITY;

  constructor(from: number, to: number) {
    this.#from = from;
    this.#to = to;
  }

  get mostWasted(): number {
    let most = 0;
    let first = 0;
    for (const [last, at] of this.#wasted.entries()) {
      while (at - (this.#wasted[first] ?? at) >= WINDOW_MS) first += 1;
      most = Math.max(most, last - first + 1);
    }
    return most;
  }

  /** What the primary does, and who asks it meanwhile. `open` counts the calls that it has now. */
  seen(healthy: Choose, open: () => number): Choose {
    return (request, n) => {
      const now = performance.now();
      const isOut = this.#isOut(now);
      if (isOut) this.#wasted.push(now);
      if (this.#openedAt !== undefined) {
        this.longestOpenMs = Math.max(this.longestOpenMs, now - this.#openedAt);
        this.#openedAt = undefined;
        if (now > this.#drainedAt) this.mostProbes = Math.max(this.mostProbes, open());
      }
      return isOut ? hang() : healthy(request, n);
    };
  }

  listen({ router }: Fleet): void {
    router.on('breaker-opened', ({ deployment }) => {
      const now = performance.now();
      if (deployment !== 'primary') this.openedWhileHealthy += 1;
      else if (now < this.#from || now > this.#to + DEADLINE_MS) this.openedWhileHealthy += 1;
      if (deployment !== 'primary') return;
      this.#openedAt = now;
      if (this.#drainedAt === Number.POSITIVE_INFINITY) this.#drainedAt = now + DEADLINE_MS;
    });
    router.on('breaker-closed', ({ deployment }) => {
      const now = performance.now();
      if (deployment === 'primary' && now >= this.#to) this.backMs = Math.min(this.backMs, now - this.#to);
      if (deployment === 'primary') this.#drainedAt = Number.POSITIVE_INFINITY;
    });
  }

  #isOut(now: number): boolean {
    return now >= this.#from && now < this.#to;
  }
}
