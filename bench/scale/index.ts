// How cost grows with size: some sizes for each curve. `npm run bench -- scale`, or with the names of some groups.
import { callCurves } from './calls.ts';
import type { Curve } from './measure.ts';
import { routerCurves } from './router.ts';
import { streamCurves } from './streams.ts';

const groups: Record<string, readonly Curve[]> = { ...callCurves, ...streamCurves, ...routerCurves };

/** Prints a line for each curve of these groups, or of all. */
export async function printCurves(wanted: readonly string[]): Promise<void> {
  console.log('CPU time of the main thread, against a plain client in turns, or counts; by size.\n');
  console.log('group | curve | figures | goal');
  for (const [group, curves] of Object.entries(groups)) {
    if (wanted.length > 0 && !wanted.includes(group)) continue;
    for (const { name, unit, goal, sizes, at } of curves) {
      const cells: string[] = [];
      for (const size of sizes) cells.push(`${size.toLocaleString('en')}: ${(await at(size)).toFixed(2)}`);
      console.log([group, name, `${cells.join(', ')} ${unit}`, goal].join(' | '));
    }
  }
}
