import { hang } from 'model-router/testing';
import { BreakerWatch } from './breaker-watch.ts';
import { mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { MODEL_L, MODEL_L_IN_WORDS, modelL } from './model-l.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';
import { Tally } from './tally.ts';

export interface ColdOptions extends DrillOptions {
  readonly minutes: number;
  /** All calls are streams, or none. */
  readonly streams: boolean;
  readonly deadlineMs: number;
}

const EVERY_MS = 50;

/** S4 from a cold start: the primary hangs from the first call on, so there are no statistics of it. */
export async function run({ minutes, streams, deadlineMs, seed, onProgress }: ColdOptions): Promise<DrillResult> {
  const ms = minutes * 60_000;
  const tally = new Tally();
  const watch = new BreakerWatch(0, ms);
  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const fleet = openFleet(
      {
        primary: watch.watching(
          () => hang(),
          () => fleet.upstreams.get('primary')?.open ?? 0,
        ),
        second: modelL(mulberry32(seed + 2), MODEL_L.otherErrors),
        third: modelL(mulberry32(seed + 3), MODEL_L.otherErrors),
      },
      seed,
      { deadlineMs },
    );
    watch.listen(fleet);
    const invariants = await sendLoad({
      clock,
      fleet,
      calls: ms / EVERY_MS,
      stepMs: EVERY_MS,
      ...(streams && { streamEvery: 1 }),
      onSettled: tally.add.bind(tally),
      onProgress,
    });
    await fleet.router.close();
    return invariants;
  });
  return resultOf({
    drill: 'S4 cold',
    faults: `${MODEL_L_IN_WORDS}; the primary hangs from the start; 3 deployments, deadline ${deadlineMs} ms`,
    size: `${tally.calls} ${streams ? 'streams' : 'calls'}, 20 a second`,
    measured: {
      answered: tally.answeredPercent,
      'wasted per 5 minutes': watch.mostWasted,
      'probes at once': watch.mostProbes,
      late: lateMs,
    },
    targets: {
      'wasted per 5 minutes': atMost(100, 'calls'),
      'probes at once': atMost(1, 'calls'),
      late: atMost(0, 'ms'),
    },
    broken,
  });
}
