import { BreakerWatch } from './breaker-watch.ts';
import { mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { DEADLINE_MS, openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { MODEL_L, MODEL_L_IN_WORDS, modelL } from './model-l.ts';
import { answered, atMost, type DrillOptions, type DrillResult, load, p99, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const EVERY_MS = 50;

/** S3: model L with hedging at p95 over three deployments. */
export async function run(options: DrillOptions & { readonly calls: number }): Promise<DrillResult> {
  const { calls, seed, onProgress } = options;
  const tally = new Tally();
  // It is never down, so any opening counts as one while healthy.
  const watch = new BreakerWatch(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const scripts = {
      primary: modelL(mulberry32(seed + 1), MODEL_L.primaryErrors),
      second: modelL(mulberry32(seed + 2), MODEL_L.otherErrors),
      third: modelL(mulberry32(seed + 3), MODEL_L.otherErrors),
    };
    const fleet = openFleet(scripts, seed, { hedgeAfterMs: 'p95' });
    watch.listen(fleet);
    const onSettled = tally.add.bind(tally);
    const found = await sendLoad({ clock, fleet, calls, stepMs: EVERY_MS, streamEvery: 5, onSettled, onProgress });
    await fleet.router.close();
    return found;
  });
  return resultOf({
    drill: 'S3',
    faults: `${MODEL_L_IN_WORDS}; hedge at p95, 3 deployments, deadline ${DEADLINE_MS} ms`,
    size: `${calls} calls, one every ${EVERY_MS} ms`,
    measured: {
      answered: tally.answeredPercent,
      p99: tally.quantile(0.99),
      'p99.9': tally.quantile(0.999),
      load: tally.load,
      hedges: tally.hedges / calls,
      'opened while healthy': watch.openedWhileHealthy,
      late: lateMs,
    },
    targets: {
      answered: answered(0.0002, tally),
      p99: p99(1250, tally),
      load: load(1.1, tally),
      'opened while healthy': atMost(0, 'times'),
      late: atMost(0, 'ms'),
    },
    broken,
  });
}
