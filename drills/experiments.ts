import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { build } from 'tsup';
import type { Experiments } from './s13.ts';

/** Builds `src/experiments` for this process: no entry point exports it. */
export async function buildExperiments(): Promise<Experiments> {
  const outDir = mkdtempSync('.experiments-');
  try {
    const entry = { report: 'src/experiments/ab-report.ts', table: 'src/experiments/ab-table.ts' };
    await build({ config: false, entry, outDir, format: 'esm', silent: true, tsconfig: 'tsconfig.build.json' });
    const load = (name: string) => import(pathToFileURL(join(outDir, `${name}.js`)).href);
    const [{ abReport }, { AbTable }] = await Promise.all([load('report'), load('table')]);
    return { abReport, AbTable };
  } finally {
    rmSync(outDir, { recursive: true, force: true });
  }
}
