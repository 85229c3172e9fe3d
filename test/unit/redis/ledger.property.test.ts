import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import type { LedgerRules, LedgerWindow } from '../../../src/redis/ledger/ledger.js';
import { seededRandom } from '../../../src/simulate/seeded-random.js';
import {
  type LedgerFaults,
  type LedgerRun,
  type LedgerSimulation,
  simulateLedger,
} from '../../helpers/ledger-simulation.js';
import fc from '../../helpers/property.js';

const NONE: LedgerFaults = {
  workers: 8,
  kills: 0,
  pauses: 0,
  flushes: 0,
  failovers: 0,
  outages: 0,
  lost: 0,
  late: 0,
  doubled: 0,
  overruns: 0,
};
/** Forty seconds before the end of an hour, so that it ends in the middle. */
const START = Date.UTC(2030, 0, 31, 22, 59, 20);
const LIMIT = 100_000;

function run(
  seed: number,
  faults: Partial<LedgerFaults>,
  window: LedgerWindow = 'hour',
  limit = LIMIT,
  more: Partial<LedgerSimulation> = {},
): LedgerRun {
  const rules: LedgerRules = { limit, window, outageShare: 0.05, heartbeatMs: 1000, lost: 'count' };
  return simulateLedger({
    rules,
    seconds: 90,
    callsPerSecond: 24,
    most: 200,
    faults: { ...NONE, ...faults },
    random: seededRandom(seed),
    advance: (ms) => vi.advanceTimersByTime(ms),
    startAt: START,
    ...more,
  });
}

const seeds = fc.integer({ min: 1, max: 2 ** 31 - 1 });
const windows = fc.constantFrom<LedgerWindow>('hour', 'day', 20_000);
const faults = fc.record({
  workers: fc.constantFrom(1, 2, 8, 32),
  kills: fc.nat(10),
  pauses: fc.nat(10),
  flushes: fc.nat(3),
  failovers: fc.nat(2),
  outages: fc.nat(3),
  lost: fc.constantFrom(0, 0.02, 0.3),
  late: fc.constantFrom(0, 0.1, 0.5),
  doubled: fc.constantFrom(0, 0.1),
});

describe('the ledger of a fleet, in a model of its faults', { timeout: 180_000 }, () => {
  beforeEach(() => {
    vi.useFakeTimers({ now: START, toFake: ['performance', 'Date'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('never spends more than the limit, whatever is lost, late, doubled, killed, paused or flushed', () => {
    fc.assert(
      fc.property(seeds, faults, windows, fc.constantFrom(20_000, 60_000, LIMIT), (seed, given, window, limit) => {
        const { overspent, promised } = run(seed, given, window, limit);
        expect(overspent).toBeLessThanOrEqual(0);
        expect(promised).toBeLessThanOrEqual(0);
      }),
      { numRuns: 240 },
    );
  });

  it('exceeds the limit at most by what calls cost above their reservation', () => {
    fc.assert(
      fc.property(seeds, faults, windows, (seed, given, window) => {
        const { overspent, overrun } = run(seed, { ...given, overruns: 0.1 }, window, 20_000);
        expect(overspent).toBeLessThanOrEqual(overrun);
      }),
      { numRuns: 120 },
    );
  });

  it.each([1, 8, 32])('spends nearly all of the limit where nothing fails: %i workers', (workers) => {
    const { billed, overspent, waited, calls } = run(7, { workers }, 'day', 20_000);
    expect(overspent).toBeLessThanOrEqual(0);
    expect(billed).toBeGreaterThan(0.97 * 20_000);
    expect(calls).toBeGreaterThan(0);
    expect(waited).toBeGreaterThan(0);
  });

  it.each([1, 2, 8, 32])('a burst of four times the limit reserves nearly all of it: %i workers', (workers) => {
    // What is reserved is more than what calls come to: three quarters of it, on average.
    const burst = (4 * 24_000) / 120 / workers;
    const { billed, overspent } = run(7, { workers }, 'day', 24_000, { callsPerSecond: 0, burst, timeoutMs: 2000 });
    expect(overspent).toBeLessThanOrEqual(0);
    expect(billed).toBeGreaterThan(0.7 * 24_000);
  });

  it.each([8, 32])('lets few calls wait, and requests seldom, while the budget lasts: %i workers', (workers) => {
    const { calls, waited, exchanges, refused } = run(3, { workers }, 'day', 100 * LIMIT, {
      callsPerSecond: 3 * workers,
    });
    // If several calls wait at once, a later one may take what another one waited for.
    expect(refused / calls).toBeLessThanOrEqual(0.01);
    expect(waited / calls).toBeLessThanOrEqual(0.03);
    // One heartbeat per second for each worker.
    expect(exchanges).toBeLessThanOrEqual(workers * 91 + 0.25 * calls);
  });
});
