import { describe, expect, it } from 'vitest';
import { CALL_USD, type Fault, PLENTY_USD, runFault } from '../../drills/processes/faults.js';
import { hasRedis } from '../../drills/processes/redis-server.js';

/**
 * A short form of the drills F1 to F6, `npm run drills -- f1` and so on, measured by the provider's bill. It asserts
 * only counts; waiting times and recovery are targets of the drills and, in virtual time, of
 * `test/behaviour/fleet/targets.test.ts`.
 */
describe.skipIf(!hasRedis)('real processes on a real server', { timeout: 120_000 }, () => {
  it.each<[Fault, number, string]>([
    ['f1', 8, 'a burst of all at once'],
    ['f2', 4, 'processes killed and stopped'],
    ['f3', 2, 'Redis killed and stopped'],
    ['f4', 2, 'data loss'],
    ['f5', 2, 'a network that delays, cuts, holds and duplicates'],
    ['f6', 2, 'windows that slide, and clocks an hour off'],
  ])('%s, %i processes: %s', async (fault, processes) => {
    const result = await runFault({ fault, processes, heartbeatMs: 400, frozenMs: 2000 });
    const { mostUsd, limitUsd, failed, answers, refused, errors, calm, strandedUsd, kills } = result;
    console.info(
      `${fault}: $${mostUsd.toFixed(2)} of $${limitUsd.toFixed(2)}, ${answers} answers, ${refused} refused, ${failed} failed, $${strandedUsd.toFixed(2)} stranded ${JSON.stringify(errors)}`,
    );
    expect(mostUsd).toBeLessThanOrEqual(limitUsd);
    expect(failed).toBe(0);
    // The part of the budget that a fault may cost; lost data costs the most.
    expect(mostUsd).toBeGreaterThan(limitUsd * (fault === 'f2' || fault === 'f4' ? 0.1 : 0.25));
    // The last heartbeat of each process may or may not fall into the counted time.
    expect(calm.commands).toBeLessThanOrEqual(calm.mostCommands + processes);
    if (fault === 'f1') expect(strandedUsd).toBeCloseTo(0, 6);
    // An allowance in each of the two budgets, and a call in flight in each.
    if (fault === 'f2') expect(strandedUsd).toBeLessThanOrEqual(kills * (2 * CALL_USD + CALL_USD + 0.005 * PLENTY_USD));
  });
});
