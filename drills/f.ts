import { CALL_USD, type Fault, type Machine, PLENTY_USD, runFault } from './processes/faults.ts';
import { hasRedis } from './processes/redis-server.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf, type Target } from './result.ts';

const FAULTS: Readonly<Record<Fault, string>> = {
  f1: 'a burst of a thousand calls at once, four times what the budget holds',
  f2: 'half of the processes killed (-9) and replaced, a quarter stopped for 30 s',
  f3: 'Redis stopped, killed (-9) and started again, CLIENT PAUSE',
  f4: 'FLUSHALL, SCRIPT FLUSH, eviction of everything, a failover that loses writes',
  f5: 'a network that delays, cuts, holds and duplicates',
  f6: 'windows of 4 s, process clocks an hour off, Redis stopped, a process killed',
};
const HEARTBEAT_MS = 1000;
const FROZEN_MS = 30_000;
/** The largest allowance of a process: one call, or this share of the limit. */
const CHUNK_SHARE = 0.005;
/** A timer on a busy machine may be this late. */
const LATE_MS = 25;

/** No target: figures of a machine whose timers are late say more of the machine than of the fleet. */
const machineIn = (when: string, { lateMs, busy }: Machine) => ({
  [`timers late, ${when} (ms)`]: lateMs,
  [`processors busy, ${when} (%)`]: 100 * busy,
});

const dollars = (most: number): Target => ({ most, margin: 0, unit: '$' });

/** Real processes, a real server, real time: compares the provider's bill with the limit. */
export async function run({
  fault,
  processes,
}: DrillOptions & { fault: Fault; processes: number }): Promise<DrillResult> {
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
  const result = await runFault({ fault, processes, heartbeatMs: HEARTBEAT_MS, frozenMs: FROZEN_MS });
  const { limitUsd, billedUsd, mostUsd, answers, refused, failed, calm, kills, machine } = result;
  const isAway = fault === 'f3' || fault === 'f5';
  // One kill strands an allowance in each of two budgets, and at most one call in flight in each.
  const chunksUsd = [limitUsd, PLENTY_USD].reduce(
    (sum, usd) => sum + Math.max(CHUNK_SHARE * usd, CALL_USD) + CALL_USD,
    0,
  );
  return resultOf({
    drill,
    faults,
    size: `${answers} answers, ${refused} refused`,
    measured: {
      limit: limitUsd,
      billed: billedUsd,
      overspent: Math.max(0, mostUsd - limitUsd),
      failed,
      'waited, in peace': (100 * calm.waited) / calm.calls,
      'refused, in peace': calm.refused,
      'commands, in peace': calm.commands,
      'longest wait': result.longestWaitMs,
      ...machineIn('peace', machine.calm),
      ...(isAway && { recovery: result.recoveryMs.away }),
      ...(fault === 'f4' && { 'recovery after loss': result.recoveryMs.lost }),
      ...((isAway || fault === 'f4') && machineIn('recovery', machine.recovery)),
      ...(fault === 'f1' && { 'stranded by close()': Math.abs(result.strandedUsd) }),
      ...(fault === 'f2' && { 'stranded by a kill': result.strandedUsd / kills }),
    },
    targets: {
      overspent: dollars(0),
      failed: atMost(0, 'calls'),
      'waited, in peace': atMost(3, '%'),
      'refused, in peace': atMost(0, 'calls'),
      'commands, in peace': atMost(calm.mostCommands, 'times'),
      'longest wait': atMost(result.timeoutMs + LATE_MS, 'ms'),
      ...(isAway && { recovery: atMost(2 * HEARTBEAT_MS, 'ms') }),
      ...(fault === 'f4' && { 'recovery after loss': atMost(4 * HEARTBEAT_MS, 'ms') }),
      ...(fault === 'f1' && { 'stranded by close()': dollars(1e-6) }),
      ...(fault === 'f2' && { 'stranded by a kill': dollars(chunksUsd) }),
      // The reservation is the highest cost of a call, which is more than its actual cost.
      ...(fault === 'f1' && { billed: { least: 0.4 * limitUsd, margin: 0, unit: '$' } as const }),
    },
    broken: new Map(),
  });
}
