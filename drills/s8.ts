import { answer, type Behaviour, empty, fail, hang, hangAfterHeaders, html, reset } from 'model-router/testing';
import { inVirtualTime } from './clock.ts';
import { DEADLINE_MS, openFleet } from './fleet.ts';
import { sendLoad } from './load.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';
import { count, Tally } from './tally.ts';

const AT_ONCE = 64;
/** Long enough for a round to end before the next. */
const BETWEEN_MS = 3000;

/** The ways in which the primary fails. */
const DOWN: Readonly<Record<string, Behaviour>> = {
  reset: reset(),
  'status 503': fail(503, { latencyMs: 20 }),
  'status 429 for a second': fail(429, { headers: { 'retry-after': '1' } }),
  hang: hang(),
  'hang after the headers': hangAfterHeaders(),
  'empty 200': empty(),
  'web page': html(),
};

/** S8: 64 calls at once, repeatedly, while the primary fails in one way after the other. */
export async function run(options: DrillOptions & { readonly rounds: number }): Promise<DrillResult> {
  const { rounds, seed, onProgress } = options;
  const tally = new Tally();
  const broken = new Map<string, number>();
  const ways = Object.entries(DOWN);
  let lateMs = 0;
  for (const [index, [way, behaviour]] of ways.entries()) {
    const invariants = await inVirtualTime(async (clock) => {
      const second = answer({ latencyMs: 50 });
      const fleet = openFleet({ primary: () => behaviour, second: () => second }, seed);
      const calls = rounds * AT_ONCE;
      const onSettled = tally.add.bind(tally);
      const found = await sendLoad({
        clock,
        fleet,
        calls,
        stepMs: BETWEEN_MS,
        atOnce: AT_ONCE,
        streamEvery: 3,
        onSettled,
      });
      await fleet.router.close();
      return found;
    });
    lateMs = Math.max(lateMs, invariants.lateMs);
    for (const [what, times] of invariants.broken) count(broken, `${way}: ${what}`, times);
    onProgress?.((index + 1) / ways.length);
  }
  return resultOf({
    drill: 'S8',
    faults: `the primary is down (${Object.keys(DOWN).join(', ')}), the second answers in 50 ms; deadline ${DEADLINE_MS} ms`,
    size: `${ways.length} x ${rounds} rounds of ${AT_ONCE} calls at once`,
    measured: { failed: tally.failed, late: lateMs },
    targets: { failed: atMost(0, 'calls'), late: atMost(0, 'ms') },
    broken,
  });
}
