import { type Fault, runFault } from './processes/faults.ts';
import { hasRedis } from './processes/redis-server.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf, type Target } from './result.ts';

const FAULTS: Readonly<Record<Fault, string>> = {
  f1: 'a burst of a thousand calls at once, four times what the budget holds',
  f2: 'half of the processes killed (-9) and replaced, a quarter stopped for a while',
  f3: 'Redis stopped, killed (-9) and started again, CLIENT PAUSE',
  f4: 'FLUSHALL, SCRIPT FLUSH, a restart with lost writes, eviction',
  f5: 'a network that delays, cuts, holds and duplicates',
  f6: 'windows of 4 s, process clocks an hour off, Redis stopped, a process killed',
};

const money: Target = { most: 0, margin: 0, unit: '$' };

/** Real processes, a real server, real time: the provider's bill against the limit. */
export async function run({
  fault,
  processes,
  stepMs,
}: DrillOptions & { fault: Fault; processes: number; stepMs: number }): Promise<DrillResult> {
  const drill = `${fault.toUpperCase()} (${processes} processes)`;
  const faults = FAULTS[fault];
  if (!hasRedis)
    return resultOf({
      drill,
      faults: `SKIPPED: there is no redis-server on this machine (apt-get install redis-server). ${faults}`,
      size: 'not run',
      measured: {},
      targets: {},
      broken: new Map(),
    });
  const { limitUsd, billedUsd, mostUsd, answers, refused, failed, waitedShare, longestWaitMs } = await runFault({
    fault,
    processes,
    stepMs,
  });
  return resultOf({
    drill,
    faults,
    size: `${answers} answers, ${refused} refused`,
    measured: {
      overspent: Math.max(0, mostUsd - limitUsd),
      failed,
      billed: billedUsd,
      'most in a window': mostUsd,
      'waited, %': 100 * waitedShare,
      'longest wait, ms': longestWaitMs,
    },
    targets: {
      overspent: money,
      failed: atMost(0, 'calls'),
      // Reserved is what calls may cost at most, which is more than what they come to.
      ...(fault === 'f1' && { billed: { least: 0.4 * limitUsd, margin: 0, unit: '$' } as const }),
    },
    broken: new Map(),
  });
}
