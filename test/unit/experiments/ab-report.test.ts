import { seededRandom } from 'model-router/simulate';
import { describe, expect, it } from 'vitest';
import { type AbTraffic, feedAb, zTestDiffers } from '../../../drills/ab-traffic.ts';
import { abReport } from '../../../src/experiments/ab-report.js';
import { AbTable } from '../../../src/experiments/ab-table.js';

/** Feeds a table call by call; `look` reads it after each hundred. */
const run = (seed: number, traffic: AbTraffic, look: (table: AbTable) => boolean): AbTable =>
  feedAb(
    new AbTable([
      { id: 'a', weight: 1 },
      { id: 'b', weight: 1 },
    ]),
    seededRandom(seed),
    traffic,
    look,
  );

const differs = (table: AbTable, metric?: string) =>
  abReport('chat', table).comparisons.some(
    ({ metric: name, interval }) =>
      interval !== null && (metric === undefined || name === metric) && (interval[0] > 0 || interval[1] < 0),
  );

/** The share of `seeds` for which any look reports a difference. */
function found(seeds: number, traffic: AbTraffic, isDifferent: (table: AbTable) => boolean): number {
  let hits = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    let hit = false;
    run(seed, traffic, (table) => (hit = isDifferent(table)));
    if (hit) hits += 1;
  }
  return hits / seeds;
}

describe('abReport', () => {
  it('raises false alarms in at most 5 % of A/A runs with continuous looks; a z-test does in 20 %', () => {
    expect(found(30, { calls: 3000 }, differs)).toBeLessThanOrEqual(0.05);
    expect(found(30, { calls: 3000, keys: 400 }, differs)).toBeLessThanOrEqual(0.05);
    expect(found(30, { calls: 5000 }, zTestDiffers)).toBeGreaterThanOrEqual(0.2);
  });

  it('finds 1 % against 2 % of errors within 12,000 calls in 80 % of the runs', () => {
    expect(
      found(40, { calls: 12_000, errors: [0.01, 0.02] }, (table) => differs(table, 'errors')),
    ).toBeGreaterThanOrEqual(0.8);
  });

  it('finds a median and a cost that are 20 % higher within 3,000 calls in 80 % of the runs', () => {
    expect(found(40, { calls: 3000, slower: 1.2 }, (table) => differs(table, 'p50'))).toBeGreaterThanOrEqual(0.8);
    expect(found(40, { calls: 3000, costlier: 1.2 }, (table) => differs(table, 'costUsd'))).toBeGreaterThanOrEqual(0.8);
  });

  it('reports a wrong assignment, and only then', () => {
    let off = 0;
    let falseAlarms = 0;
    for (let seed = 1; seed <= 40; seed += 1) {
      if (
        abReport(
          'chat',
          run(seed, { calls: 10_000, share: 0.53 }, () => false),
        ).sampleRatioMismatch
      )
        off += 1;
      run(seed, { calls: 5000 }, (table) => {
        if (abReport('chat', table).sampleRatioMismatch) falseAlarms += 1;
        return false;
      });
    }
    expect(off).toBeGreaterThanOrEqual(38);
    expect(falseAlarms).toBe(0);
  });
});
