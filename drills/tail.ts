import { bimodal } from 'model-router/simulate';
import { answer, type Choose } from 'model-router/testing';
import { BreakerWatch } from './breaker-watch.ts';
import { mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { atMost, type DrillOptions, type DrillResult, load, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const EVERY_MS = 20;
/** Most calls take about 10 ms; one in twenty takes ten times as long. A single deployment has a p99 of 127 ms. */
const BIMODAL = { medianMs: 10, sigma: 0.28, slowShare: 0.05, slowFactor: 10 } as const;

export interface TailOptions extends DrillOptions {
  readonly calls: number;
  /** @default 2 */
  readonly deployments?: 2 | 3;
}

/** Tail: fast upstreams with slow outliers, hedge at p90. */
export async function run(options: TailOptions): Promise<DrillResult> {
  const { calls, deployments = 2, seed, onProgress } = options;
  const tally = new Tally();
  const watch = new BreakerWatch(Number.POSITIVE_INFINITY, Number.POSITIVE_INFINITY);
  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const third = { third: upstream(mulberry32(seed + 3)) };
    const fleet = openFleet(
      {
        primary: upstream(mulberry32(seed + 1)),
        second: upstream(mulberry32(seed + 2)),
        ...(deployments === 3 && third),
      },
      seed,
      { hedgeAfterMs: 'p90' },
    );
    watch.listen(fleet);
    const onSettled = tally.add.bind(tally);
    const found = await sendLoad({ clock, fleet, calls, stepMs: EVERY_MS, onSettled, onProgress });
    await fleet.router.close();
    return found;
  });
  return resultOf({
    drill: 'Tail',
    faults: `lognormal (median 10 ms, sigma 0.28), 5 % take 10 times as long; hedge at p90, ${deployments} deployments`,
    size: `${calls} calls, one every ${EVERY_MS} ms`,
    measured: {
      p50: tally.quantile(0.5),
      p95: tally.quantile(0.95),
      p99: tally.quantile(0.99),
      load: tally.load,
      failed: tally.failed,
      'opened while healthy': watch.openedWhileHealthy,
      late: lateMs,
    },
    targets: {
      p95: atMost(27, 'ms'),
      p99: atMost(36, 'ms'),
      load: load(1.12, tally),
      failed: atMost(0, 'calls'),
      'opened while healthy': atMost(0, 'times'),
      late: atMost(0, 'ms'),
    },
    broken,
  });
}

const drawMs = bimodal(BIMODAL);

function upstream(random: () => number): Choose {
  return () => answer({ latencyMs: drawMs(random) });
}
