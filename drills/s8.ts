import { answer, type Behaviour, empty, fail, hang, hangAfterHeaders, html, reset } from 'model-router/testing';
import { inVirtualTime } from './clock.ts';
import { openFleet } from './fleet.ts';
import { type Invariants, sendLoad } from './load.ts';
import { type DrillResult, mergeBroken, type Progress, resultOf } from './result.ts';
import { Tally } from './tally.ts';

const AT_ONCE = 64;
const DEADLINE_MS = 2000;
const BETWEEN_MS = 3000;

/** The ways in which the primary is down. */
const DOWN: Readonly<Record<string, Behaviour>> = {
  reset: reset(),
  'error 503': fail(503, { latencyMs: 20 }),
  'rate limit': fail(429, { headers: { 'retry-after': '1' } }),
  hang: hang(),
  'hang after the headers': hangAfterHeaders(),
  'empty 200': empty(),
  'web page': html(),
};

/** S8: 64 calls at once, again and again, while the primary is down. */
export async function run(options: { rounds: number; seed: number; onProgress?: Progress }): Promise<DrillResult> {
  const { rounds, seed, onProgress } = options;
  const tally = new Tally();
  const all: Invariants[] = [];
  for (const [index, behaviour] of Object.values(DOWN).entries()) {
    all.push(await runOne(behaviour, { rounds, seed, tally }));
    onProgress?.((index + 1) / Object.keys(DOWN).length);
  }
  return resultOf({
    drill: 'S8',
    faults: `the primary is down (${Object.keys(DOWN).join(', ')}), the second answers in 50 ms; deadline ${DEADLINE_MS} ms`,
    size: `${Object.keys(DOWN).length} x ${rounds} rounds of ${AT_ONCE} calls at once`,
    measured: { failed: tally.failed, load: tally.load, late: Math.max(...all.map(({ lateMs }) => lateMs)) },
    targets: {
      failed: { most: 0, margin: 0, unit: 'calls' },
      load: { most: 2, margin: 0, unit: 'x' },
      late: { most: 0, margin: 0, unit: 'ms' },
    },
    broken: mergeBroken(...all.map(({ broken }) => broken)),
  });
}

function runOne(
  behaviour: Behaviour,
  { rounds, seed, tally }: { rounds: number; seed: number; tally: Tally },
): Promise<Invariants> {
  return inVirtualTime(async (clock) => {
    const second = answer({ latencyMs: 50, content: 'ok' });
    const fleet = openFleet({
      scripts: { primary: () => behaviour, second: () => second },
      seed,
      settings: { deadlineMs: DEADLINE_MS },
    });
    const invariants = await sendLoad({
      clock,
      fleet,
      calls: rounds * AT_ONCE,
      everyMs: BETWEEN_MS,
      atOnce: AT_ONCE,
      deadlineMs: DEADLINE_MS,
      onSettled: (settled) => tally.add(settled),
    });
    fleet.router.close();
    return invariants;
  });
}
