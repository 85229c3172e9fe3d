import { seededRandom } from 'model-router/simulate';
import { describe, expect, it } from 'vitest';
import { abReport } from '../../../src/experiments/ab-report.js';
import { type AbResult, AbTable } from '../../../src/experiments/ab-table.js';

interface Traffic {
  readonly calls: number;
  readonly keys?: number;
  readonly errors?: readonly [number, number];
  /** How much slower and more expensive the second variant is. */
  readonly slower?: number;
  readonly costlier?: number;
  readonly share?: number;
}

const hash53 = (random: () => number) => Math.floor(random() * 2 ** 32) * 2 ** 21 + Math.floor(random() * 2 ** 21);
const gaussian = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Feeds a table call by call; `look` sees it after each hundred. */
function run(seed: number, traffic: Traffic, look: (table: AbTable, calls: number) => boolean): AbTable {
  const { calls, keys, errors = [0.01, 0.01], slower = 1, costlier = 1, share = 0.5 } = traffic;
  const random = seededRandom(seed);
  const table = new AbTable([
    { id: 'a', weight: 1 },
    { id: 'b', weight: 1 },
  ]);
  const temper = Array.from({ length: keys ?? 0 }, () => Math.exp(0.5 * gaussian(random)));
  const hashes = Array.from({ length: keys ?? 0 }, () => hash53(random));
  for (let call = 1; call <= calls; call += 1) {
    const key = keys === undefined ? undefined : Math.floor(random() * keys);
    const keyHash = key === undefined ? hash53(random) : (hashes[key] ?? 0);
    const second = key === undefined ? random() >= share : key % 2 === 1;
    const factor = (key === undefined ? 1 : (temper[key] ?? 1)) * Math.exp(0.45 * gaussian(random));
    const result: AbResult = {
      crossed: false,
      failed: random() < errors[second ? 1 : 0],
      durationMs: 500 * factor * (second ? slower : 1),
      timeToFirstChunkMs: null,
      costUsd: 0.002 * factor * (second ? costlier : 1),
      tokens: 800 * factor,
      escalated: false,
    };
    table.record({ variant: second ? 'b' : 'a', keyHash }, result);
    if (call % 100 === 0 && look(table, call)) break;
  }
  return table;
}

const differs = (table: AbTable, metrics?: readonly string[]) =>
  abReport('chat', table).comparisons.some(
    ({ metric, interval }) =>
      interval !== null && (metrics?.includes(metric) ?? true) && (interval[0] > 0 || interval[1] < 0),
  );

/** The share of `seeds` in which the report says, at any look, that something differs. */
function found(seeds: number, traffic: Traffic, metrics?: readonly string[]): number {
  let hits = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    let hit = false;
    run(seed, traffic, (table) => (hit = differs(table, metrics)));
    if (hit) hits += 1;
  }
  return hits / seeds;
}

/** What a plain z-test on errors would say at each look. */
function zTestAlarms(seeds: number): number {
  let alarms = 0;
  for (let seed = 1; seed <= seeds; seed += 1) {
    let alarm = false;
    run(seed, { calls: 5000 }, (table) => {
      const [a, b] = [...table.variants.values()].map(({ errors }) => errors);
      if (a === undefined || b === undefined) return false;
      const pooled = (a.sum + b.sum) / (a.calls + b.calls);
      const error = Math.sqrt(pooled * (1 - pooled) * (1 / a.calls + 1 / b.calls));
      alarm ||= Math.abs(a.sum / a.calls - b.sum / b.calls) > 1.96 * error;
      return alarm;
    });
    if (alarm) alarms += 1;
  }
  return alarms / seeds;
}

describe('abReport', () => {
  it('raises false alarms in at most 5 % of A/A runs looked at all the time; a z-test does in 20 %', () => {
    expect(found(30, { calls: 3000 })).toBeLessThanOrEqual(0.05);
    expect(found(30, { calls: 3000, keys: 400 })).toBeLessThanOrEqual(0.05);
    expect(zTestAlarms(30)).toBeGreaterThanOrEqual(0.2);
  });

  it('finds 1 % against 2 % of errors within 12,000 calls in 80 % of the runs', () => {
    expect(found(40, { calls: 12_000, errors: [0.01, 0.02] }, ['errors'])).toBeGreaterThanOrEqual(0.8);
  });

  it('finds a median and a cost that are 20 % higher within 3,000 calls in 80 % of the runs', () => {
    expect(found(40, { calls: 3000, slower: 1.2 }, ['p50'])).toBeGreaterThanOrEqual(0.8);
    expect(found(40, { calls: 3000, costlier: 1.2 }, ['costUsd'])).toBeGreaterThanOrEqual(0.8);
  });

  it('says that the assignment is off, and only then', () => {
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
