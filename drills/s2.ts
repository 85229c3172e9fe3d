import { mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { DEADLINE_MS, openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { MODEL_L, MODEL_L_IN_WORDS, modelL } from './model-l.ts';
import { answered, atMost, type DrillOptions, type DrillResult, load, p99, resultOf } from './result.ts';
import { Tally } from './tally.ts';

export interface S2Options extends DrillOptions {
  readonly calls: number;
  /** @default 2 */
  readonly deployments?: 2 | 3;
  /** Milliseconds between two calls. With few calls, there is little data about the other deployments. @default 50 */
  readonly stepMs?: number;
}

/** S2: model L with failover and no hedge. */
export async function run(options: S2Options): Promise<DrillResult> {
  const { calls, deployments = 2, stepMs = 50, seed, onProgress } = options;
  const tally = new Tally();
  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const third = { third: modelL(mulberry32(seed + 3), MODEL_L.otherErrors) };
    const scripts = {
      primary: modelL(mulberry32(seed + 1), MODEL_L.primaryErrors),
      second: modelL(mulberry32(seed + 2), MODEL_L.otherErrors),
      ...(deployments === 3 && third),
    };
    const fleet = openFleet(scripts, seed);
    const onSettled = tally.add.bind(tally);
    const invariants = await sendLoad({ clock, fleet, calls, stepMs, streamEvery: 5, onSettled, onProgress });
    await fleet.router.close();
    return invariants;
  });
  return resultOf({
    drill: 'S2',
    faults: `${MODEL_L_IN_WORDS}; ${deployments} deployments, deadline ${DEADLINE_MS} ms`,
    size: `${calls} calls, one every ${stepMs} ms`,
    measured: { answered: tally.answeredPercent, p99: tally.quantile(0.99), load: tally.load, late: lateMs },
    targets: {
      answered: answered(0.002, tally),
      p99: p99(1500, tally),
      load: load(1.05, tally),
      late: atMost(0, 'ms'),
    },
    broken,
  });
}
