import { describe, expect, it } from 'vitest';
import { run as s10 } from '../../drills/s10.ts';
import { run as s11 } from '../../drills/s11.ts';
import { run as s12 } from '../../drills/s12.ts';
import { run as s13 } from '../../drills/s13.ts';
import { run as s14 } from '../../drills/s14.ts';
import { run as s15 } from '../../drills/s15.ts';
import { run as s16 } from '../../drills/s16.ts';
import { run as s17 } from '../../drills/s17.ts';
import { abReport } from '../../src/experiments/ab-report.js';
import { AbTable } from '../../src/experiments/ab-table.js';
import { check } from '../helpers/drill.js';

// The drills of choosing a deployment, short: a target may be missed by as much as chance explains for such a small
// sample.
const SEED = 1;

describe('short drills of choosing, in virtual time', { timeout: 60_000 }, () => {
  it('S10: weighted shares', async () => check(await s10({ calls: 1500, keys: 1500, seed: SEED })));

  it('S11: lowest latency', async () => check(await s11({ seconds: 60, seed: SEED })));

  it('S12: lowest cost', async () => check(await s12({ calls: 300, seed: SEED })));

  it('S13: reports that are read often', async () =>
    check(await s13({ experiments: { AbTable, abReport }, runs: 15, powerRuns: 10, seed: SEED })));

  it('S14: calibrate', async () => check(await s14({ seeds: 40, seed: SEED })));

  it('S15: premium while standard is at three times capacity', async () =>
    check(await s15({ minutes: 3, slots: 8, seed: SEED })));

  it('S16: explain() in random states, under every strategy', async () => {
    const result = await s16({ states: 600, seed: SEED });
    check(result);
    // Proves that the states differ.
    expect(result.measured['after a wait']).toBeGreaterThan(5);
    expect(Object.keys(result.measured).filter((name) => name.startsWith('excluded: '))).toHaveLength(5);
  });

  it('S17: shadow traffic that hangs', async () => check(await s17({ calls: 300, seed: SEED })));
});
