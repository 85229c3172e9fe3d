import { answer, type Choose, fail } from 'model-router/testing';
import { mulberry32 } from './chance.ts';
import { inVirtualTime } from './clock.ts';
import { openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { answered, atMost, type DrillOptions, type DrillResult, load, resultOf } from './result.ts';
import { Tally } from './tally.ts';

/** S1: independent errors, and no slow calls. */
export async function run(options: DrillOptions & { readonly calls: number }): Promise<DrillResult> {
  const { calls, seed, onProgress } = options;
  const tally = new Tally();
  const { lateMs, broken } = await inVirtualTime(async (clock) => {
    const fleet = openFleet({ primary: failing(seed + 1, 0.01), second: failing(seed + 2, 0.005) }, seed);
    const onSettled = tally.add.bind(tally);
    const invariants = await sendLoad({ clock, fleet, calls, stepMs: 100, atOnce: 100, onSettled, onProgress });
    await fleet.router.close();
    return invariants;
  });
  return resultOf({
    drill: 'S1',
    faults: 'the primary fails 1 % (500), the second 0.5 %, all independent, nothing slow; two deployments',
    size: `${calls} calls, 100 at once`,
    measured: { answered: tally.answeredPercent, load: tally.load, late: lateMs },
    targets: { answered: answered(0.0001, tally), load: load(1.02, tally), late: atMost(0, 'ms') },
    broken,
  });
}

function failing(seed: number, share: number): Choose {
  const random = mulberry32(seed);
  const good = answer();
  const bad = fail(500);
  return () => (random() < share ? bad : good);
}
