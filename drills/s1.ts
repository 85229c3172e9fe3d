import { answer, type Choose, fail } from 'model-router/testing';
import { marginOfMean, mostByChance, mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { type DrillResult, type Progress, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const FAILED_SHARE = 0.0001;
const LOAD = 1.02;
const DEADLINE_MS = 2000;

/** S1: errors that have nothing to do with each other, and no slow calls. */
export async function run(options: { calls: number; seed: number; onProgress?: Progress }): Promise<DrillResult> {
  const { calls, seed, onProgress } = options;
  const tally = new Tally();
  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const fleet = openFleet({
      scripts: { primary: failing(seed + 1, 0.01), second: failing(seed + 2, 0.005) },
      seed,
      settings: { deadlineMs: DEADLINE_MS },
    });
    const invariants = await sendLoad({
      clock,
      fleet,
      calls,
      everyMs: 100,
      atOnce: 100,
      deadlineMs: DEADLINE_MS,
      onSettled: (settled) => {
        tally.add(settled);
        if (tally.calls % 10_000 === 0) onProgress?.(tally.calls / calls);
      },
    });
    fleet.router.close();
    return invariants;
  });
  return resultOf({
    drill: 'S1',
    faults: 'independent errors (500): the primary 1 %, the second 0.5 %; nothing slow; two deployments',
    size: `${calls} calls, 100 at once`,
    measured: { answered: 100 * tally.answeredShare, load: tally.load, late: lateMs },
    targets: {
      answered: { least: 100 * (1 - FAILED_SHARE), margin: 100 * missBy(calls, FAILED_SHARE), unit: '%' },
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

function failing(seed: number, share: number): Choose {
  const random = mulberry32(seed);
  const good = answer({ content: 'ok' });
  const bad = fail(500);
  return () => (random() < share ? bad : good);
}
