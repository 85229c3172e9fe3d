import { hang } from 'model-router/testing';
import { BreakerWatch } from './breaker-watch.ts';
import { mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { COOLDOWN_MS, DEADLINE_MS, openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { MODEL_L, MODEL_L_IN_WORDS, modelL } from './model-l.ts';
import { answered, atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const EVERY_MS = 50;

export interface S4Options extends DrillOptions {
  readonly minutes: number;
  /** @default failover alone */
  readonly hedgeAfterMs?: 'p90' | 'p95' | 'p99';
}

/** S4: the primary hangs for `minutes` and recovers. A third of that time is calm before and after. */
export async function run(options: S4Options): Promise<DrillResult> {
  const { minutes, hedgeAfterMs, seed, onProgress } = options;
  const from = (minutes * 60_000) / 3;
  const to = 4 * from;
  const calls = (to + from) / EVERY_MS;
  const inOutage = new Tally();
  const watch = new BreakerWatch(from, to);
  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const healthy = modelL(mulberry32(seed + 1), MODEL_L.primaryErrors);
    const fleet = openFleet(
      {
        primary: watch.watching(
          (request, n) => (watch.isOut() ? hang() : healthy(request, n)),
          () => fleet.upstreams.get('primary')?.open ?? 0,
        ),
        second: modelL(mulberry32(seed + 2), MODEL_L.otherErrors),
        third: modelL(mulberry32(seed + 3), MODEL_L.otherErrors),
      },
      seed,
      hedgeAfterMs && { hedgeAfterMs },
    );
    watch.listen(fleet);
    const invariants = await sendLoad({
      clock,
      fleet,
      calls,
      stepMs: EVERY_MS,
      streamEvery: 5,
      onSettled: (settled) => {
        if (settled.startedMs >= from && settled.startedMs < to) inOutage.add(settled);
      },
      onProgress,
    });
    await fleet.router.close();
    return invariants;
  });
  return resultOf({
    drill: hedgeAfterMs === undefined ? 'S4' : `S4, hedge at ${hedgeAfterMs}`,
    faults: `${MODEL_L_IN_WORDS}; the primary hangs for ${minutes} minutes; 3 deployments, deadline ${DEADLINE_MS} ms`,
    size: `${calls} calls, 20 a second, ${inOutage.calls} of them in the outage`,
    measured: {
      'answered in the outage': inOutage.answeredPercent,
      'wasted per 5 minutes': watch.mostWasted,
      'opened while healthy': watch.openedWhileHealthy,
      'probes at once': watch.mostProbes,
      'longest open': watch.longestOpenMs,
      'back in use': watch.backMs,
      late: lateMs,
    },
    targets: {
      'answered in the outage': answered(hedgeAfterMs === undefined ? 0.003 : 0.001, inOutage),
      'wasted per 5 minutes': atMost(100, 'calls'),
      'opened while healthy': atMost(0, 'times'),
      'probes at once': atMost(1, 'calls'),
      // The probe is the next call after the open time.
      'longest open': atMost(COOLDOWN_MS + EVERY_MS, 'ms'),
      // A probe from just before the end of the outage still hangs; then the open time, the next call, and its answer.
      'back in use': atMost(DEADLINE_MS + COOLDOWN_MS + EVERY_MS + DEADLINE_MS, 'ms'),
      late: atMost(0, 'ms'),
    },
    broken,
  });
}
