// Runs all drills at their full size, or the named ones: `npm run drills -- s2 s4`.
import { buildExperiments } from './experiments.ts';
import { run as f } from './f.ts';
import type { Fault } from './processes/faults.ts';
import { type DrillOptions, type DrillResult, meets, type Target } from './result.ts';
import { run as s1 } from './s1.ts';
import { run as s2 } from './s2.ts';
import { run as s3 } from './s3.ts';
import { run as s4 } from './s4.ts';
import { run as s4Cold } from './s4-cold.ts';
import { run as s5 } from './s5.ts';
import { run as s6 } from './s6.ts';
import { run as s7 } from './s7.ts';
import { run as s8 } from './s8.ts';
import { run as s9, runHiccups as s9b } from './s9.ts';
import { run as s9c } from './s9c.ts';
import { run as s10 } from './s10.ts';
import { run as s11 } from './s11.ts';
import { run as s12 } from './s12.ts';
import { run as s13 } from './s13.ts';
import { run as s14 } from './s14.ts';
import { run as s15 } from './s15.ts';
import { run as s16 } from './s16.ts';
import { run as s17 } from './s17.ts';
import { run as tail } from './tail.ts';

type Start = (options: DrillOptions) => Promise<DrillResult>;

const SEED = 1;
const PROGRESS_MS = 10_000;

const drills: readonly (readonly [name: string, start: Start])[] = [
  ['s1', (options) => s1({ ...options, calls: 1_000_000 })],
  ['s2', (options) => s2({ ...options, calls: 100_000 })],
  ['s2', (options) => s2({ ...options, calls: 100_000, deployments: 3 })],
  ['s2', (options) => s2({ ...options, calls: 50_000, deployments: 3, stepMs: 2000 })],
  ['s3', (options) => s3({ ...options, calls: 100_000 })],
  ['s4', (options) => s4({ ...options, minutes: 15 })],
  ['s4', (options) => s4({ ...options, minutes: 15, hedgeAfterMs: 'p95' })],
  ['s4', (options) => s4Cold({ ...options, minutes: 5, streams: false, deadlineMs: 1500 })],
  ['s4', (options) => s4Cold({ ...options, minutes: 5, streams: true, deadlineMs: 1500 })],
  ['s5', (options) => s5({ ...options, minutes: 5, fault: 'errors' })],
  ['s5', (options) => s5({ ...options, minutes: 5, fault: 'hangs' })],
  ['s5', (options) => s5({ ...options, minutes: 5, fault: 'mixed' })],
  ['s6', (options) => s6({ ...options, pairs: 100_000 })],
  ['s7', (options) => s7({ ...options, calls: 1_000_000, socketCalls: 5000 })],
  ['s8', (options) => s8({ ...options, rounds: 20 })],
  ['s9', (options) => s9({ ...options, calls: 2000 })],
  ['s9b', (options) => s9b(options)],
  ['s9c', (options) => s9c({ ...options, sizes: [5, 30, 100] })],
  ['s10', (options) => s10({ ...options, calls: 100_000, keys: 20_000 })],
  ['s11', (options) => s11({ ...options, seconds: 600 })],
  ['s12', (options) => s12({ ...options, calls: 5000 })],
  ['s13', async (options) => s13({ ...options, experiments: await buildExperiments(), runs: 1000, powerRuns: 200 })],
  ['s14', (options) => s14({ ...options, seeds: 200 })],
  ['s15', (options) => s15({ ...options, minutes: 20, slots: 8 })],
  ['s16', (options) => s16({ ...options, states: 10_000 })],
  ['s17', (options) => s17({ ...options, calls: 10_000 })],
  ['tail', (options) => tail({ ...options, calls: 100_000 })],
  ['tail', (options) => tail({ ...options, calls: 100_000, deployments: 3 })],
  ...(['f1', 'f2', 'f3', 'f4', 'f5', 'f6'] as const satisfies readonly Fault[]).flatMap((fault) =>
    [2, 8, 32].map((processes) => [fault, (options: DrillOptions) => f({ ...options, fault, processes })] as const),
  ),
];

/** Real time: the drills replace the clocks of this process. */
const now = () => Number(process.hrtime.bigint() / 1_000_000n);

async function runOne(name: string, start: Start): Promise<{ result: DrillResult; tookMs: number }> {
  const startedAt = now();
  let printedAt = startedAt;
  const onProgress = (share: number): void => {
    if (now() - printedAt < PROGRESS_MS) return;
    printedAt = now();
    console.log(`  ${name} ${(100 * share).toFixed(0)} % after ${seconds(printedAt - startedAt)}`);
  };
  const result = await start({ seed: SEED, onProgress });
  const tookMs = now() - startedAt;
  console.log(`${result.ok ? 'ok    ' : 'MISSED'} ${result.drill}: ${result.size}, in ${seconds(tookMs)}`);
  return { result, tookMs };
}

function print({ drill, faults, size, measured, targets, broken }: DrillResult, tookMs: number): void {
  console.log(`\n${drill}: ${size} (${seconds(tookMs)})\n  ${faults}`);
  for (const [name, value] of Object.entries(measured)) {
    const target = targets[name];
    const mark = target === undefined ? '      ' : meets(value, target) ? 'ok    ' : 'MISSED';
    const shown = target === undefined ? `${value.toFixed(2)}` : show(value, target.unit);
    console.log(
      `  ${mark} ${name.padEnd(24)} ${shown.padStart(14)}   ${target === undefined ? '' : bound(target)}`.trimEnd(),
    );
  }
  for (const [what, times] of broken) console.log(`  BROKEN ${what} (${times})`);
  if (broken.size === 0) console.log('  ok     invariants');
}

function bound({ least, most, unit }: Target): string {
  return least === undefined ? `at most ${show(most ?? Number.NaN, unit)}` : `at least ${show(least, unit)}`;
}

function show(value: number, unit: Target['unit']): string {
  const digits = unit === '%' || unit === 'x' || unit === '$' ? 4 : unit === 'KB' ? 2 : 0;
  return unit === 'x' ? value.toFixed(digits) : `${value.toFixed(digits)} ${unit}`;
}

const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`;

const wanted = process.argv.slice(2);
const known = new Set(drills.map(([name]) => name));
const unknown = wanted.filter((name) => !known.has(name));
if (unknown.length > 0) {
  console.error(`There is no drill ${unknown.join(', ')}. There are: ${[...known].join(', ')}`);
  process.exit(1);
}
const results: Awaited<ReturnType<typeof runOne>>[] = [];
for (const [name, start] of drills) {
  if (wanted.length === 0 || wanted.includes(name)) results.push(await runOne(name, start));
}
for (const { result, tookMs } of results) print(result, tookMs);
const missed = results.filter(({ result }) => !result.ok).length;
console.log(`\n${results.length - missed} of ${results.length} drills met their targets (seed ${SEED}, virtual time)`);
process.exitCode = missed === 0 ? 0 : 1;
