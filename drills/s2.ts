import { marginOfMean, mostByChance, mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { MODEL_L, MODEL_L_IN_WORDS, modelL } from './model-l.ts';
import { type DrillResult, type Progress, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const FAILED_SHARE = 0.002;
const P99_MS = 1500;
const LOAD = 1.05;
const DEADLINE_MS = 2000;

/** S2: model L with failover and no hedge. */
export async function run(options: { calls: number; seed: number; onProgress?: Progress }): Promise<DrillResult> {
  const { calls, seed, onProgress } = options;
  const tally = new Tally();
  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const fleet = openFleet({
      scripts: {
        primary: modelL(mulberry32(seed + 1), MODEL_L.primaryErrors),
        second: modelL(mulberry32(seed + 2), MODEL_L.otherErrors),
      },
      seed,
      settings: { deadlineMs: DEADLINE_MS },
    });
    const invariants = await sendLoad({
      clock,
      fleet,
      calls,
      everyMs: 50,
      deadlineMs: DEADLINE_MS,
      onSettled: (settled) => {
        tally.add(settled);
        if (tally.calls % 5000 === 0) onProgress?.(tally.calls / calls);
      },
    });
    fleet.router.close();
    return invariants;
  });
  const slow = tally.slowerThan(P99_MS);
  return resultOf({
    drill: 'S2',
    faults: `${MODEL_L_IN_WORDS}; two deployments, deadline ${DEADLINE_MS} ms`,
    size: `${calls} calls, 20 a second`,
    measured: { answered: 100 * tally.answeredShare, p99: tally.quantile(0.99), load: tally.load, late: lateMs },
    targets: {
      answered: { least: 100 * (1 - FAILED_SHARE), margin: 100 * missBy(calls, FAILED_SHARE), unit: '%' },
      // The bound is on how many are slower than the target: where chance explains those, the p99 may lie anywhere.
      p99: { most: P99_MS, margin: slow <= mostByChance(calls, 0.01) ? Number.POSITIVE_INFINITY : 0, unit: 'ms' },
      load: { most: LOAD, margin: marginOfMean(calls, tally.attempts, tally.attemptsSquared), unit: 'x' },
      late: { most: 0, margin: 0, unit: 'ms' },
    },
    broken,
  });
}

/** How much more than `share` may fail of so many calls by chance. */
function missBy(calls: number, share: number): number {
  return Math.max(0, mostByChance(calls, share) / calls - share);
}
