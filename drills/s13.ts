import type { abReport } from '../src/experiments/ab-report.ts';
import type { AbTable } from '../src/experiments/ab-table.ts';
import { type AbTraffic, feedAb, LOOK_EVERY, zTestDiffers } from './ab-traffic.ts';
import { mulberry32 } from './chance.ts';
import { atMost, type DrillOptions, type DrillResult, resultOf } from './result.ts';

/**
 * The parts of a router's `abReport()`. No entry point exports them, and a million calls of a router would take hours.
 */
export interface Experiments {
  readonly AbTable: typeof AbTable;
  readonly abReport: typeof abReport;
}

export interface S13Options extends DrillOptions {
  readonly experiments: Experiments;
  readonly runs: number;
  readonly powerRuns: number;
}

const AA_CALLS = 3000;

/** S13: `abReport()` read after every hundred calls: false alarms, power, and the sample ratio. */
export async function run(options: S13Options): Promise<DrillResult> {
  const { runs, powerRuns, seed, onProgress } = options;
  const { AbTable: Table, abReport: report } = options.experiments;

  const feed = (at: number, traffic: AbTraffic, look: (table: AbTable) => boolean) =>
    feedAb(
      new Table([
        { id: 'a', weight: 1 },
        { id: 'b', weight: 1 },
      ]),
      mulberry32(100_000 * seed + at),
      traffic,
      look,
    );

  const differs = (table: AbTable, metric?: string) =>
    report('chat', table).comparisons.some(
      ({ metric: name, interval }) =>
        interval !== null && (metric === undefined || name === metric) && (interval[0] > 0 || interval[1] < 0),
    );

  /** A share of the runs, in percent. */
  function share(count: number, traffic: AbTraffic, isFound: (table: AbTable) => boolean): number {
    let found = 0;
    for (let at = 0; at < count; at += 1) {
      let isHit = false;
      feed(at, traffic, (table) => {
        isHit = isFound(table);
        return isHit;
      });
      if (isHit) found += 1;
    }
    steps += 1;
    onProgress?.(steps / 8);
    return (100 * found) / count;
  }

  let steps = 0;
  const isMismatched = (table: AbTable) => table.isMismatched;
  const measured = {
    'A/A alarms': share(runs, { calls: AA_CALLS }, (table) => differs(table)),
    'A/A alarms, keyed': share(runs, { calls: AA_CALLS, keys: 400 }, (table) => differs(table)),
    'z-test alarms (control)': share(runs, { calls: AA_CALLS }, zTestDiffers),
    'errors 1 % to 2 % found': share(powerRuns, { calls: 12_000, errors: [0.01, 0.02] }, (table) =>
      differs(table, 'errors'),
    ),
    'p50 +20 % found': share(powerRuns, { calls: 3000, slower: 1.2 }, (table) => differs(table, 'p50')),
    'cost +20 % found': share(powerRuns, { calls: 3000, costlier: 1.2 }, (table) => differs(table, 'costUsd')),
    'false sample ratio': share(runs, { calls: AA_CALLS }, isMismatched),
    '53/47 found': share(powerRuns, { calls: 10_000, share: 0.53 }, isMismatched),
  };
  const least = (percent: number, count: number) =>
    ({ least: percent, margin: 3.09 * Math.sqrt((percent * (100 - percent)) / count), unit: '%' }) as const;
  const most = (percent: number) => ({
    ...atMost(percent, '%'),
    margin: Math.max(100 / runs, 3.09 * Math.sqrt((percent * (100 - percent)) / runs)),
  });
  return resultOf({
    drill: 'S13',
    faults: `two variants, a look after every ${LOOK_EVERY} calls; answers of 500 ms, sigma 0.45`,
    size: `${runs} A/A runs of ${AA_CALLS} calls, ${powerRuns} runs with a difference`,
    measured,
    targets: {
      'A/A alarms': most(5),
      'A/A alarms, keyed': most(5),
      // The effect of frequent looks on a test that is made for one look.
      'z-test alarms (control)': least(20, runs),
      'errors 1 % to 2 % found': least(80, powerRuns),
      'p50 +20 % found': least(80, powerRuns),
      'cost +20 % found': least(80, powerRuns),
      'false sample ratio': most(0.1),
      '53/47 found': least(95, powerRuns),
    },
    broken: new Map(),
  });
}
