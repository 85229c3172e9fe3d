import { describe, expect, it } from 'vitest';
import { type Fault, runFault } from '../../drills/processes/faults.js';
import { hasRedis } from '../../drills/processes/redis-server.js';

/** A short form of the drills F1 to F6: `npm run drills -- f1` and so on. The provider's bill is the truth. */
describe.skipIf(!hasRedis)('real processes on a real server', { timeout: 120_000 }, () => {
  it.each<[Fault, number, string]>([
    ['f1', 8, 'a burst of all at once'],
    ['f2', 4, 'processes killed and stopped'],
    ['f3', 2, 'Redis killed and stopped'],
    ['f4', 2, 'data loss'],
    ['f5', 2, 'a network that delays, cuts, holds and duplicates'],
    ['f6', 2, 'windows that slide, and clocks an hour off'],
  ])('%s, %i processes: %s', async (fault, processes) => {
    const { mostUsd, limitUsd, failed, reports, answers, refused } = await runFault({
      fault,
      processes,
      stepMs: 700,
    });
    console.info(
      `${fault}: $${mostUsd.toFixed(2)} of $${limitUsd}, ${answers} answers, ${refused} refused, ${failed} failed, ${JSON.stringify(reports.map((r) => r.errors))} `,
    );
    expect(mostUsd).toBeLessThanOrEqual(limitUsd);
    expect(failed).toBe(0);
    // What a fault may cost of what there was to spend; lost data costs the most.
    expect(mostUsd).toBeGreaterThan(limitUsd * (fault === 'f2' || fault === 'f4' ? 0.1 : 0.25));
    expect(reports.length).toBeGreaterThan(0);
  });
});
