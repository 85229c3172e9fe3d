import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { expect, it, onTestFinished } from 'vitest';

it('processes that are killed with SIGKILL one after the other never overspend a budget', {
  timeout: 60_000,
}, async () => {
  const directory = mkdtempSync(join(tmpdir(), 'model-router-killed-'));
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }));
  const program = join(directory, 'program.mjs');
  const bill = join(directory, 'bill');
  writeFileSync(bill, '');
  buildSync({
    entryPoints: ['test/fixtures/killed-process.ts'],
    bundle: true,
    platform: 'node',
    format: 'esm',
    outfile: program,
    banner: { js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);" },
  });
  let isSpent = false;
  let kills = 0;
  for (let round = 0; round < 40 && !isSpent; round++) {
    const child = spawn(process.execPath, [program, join(directory, 'state'), bill], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await new Promise<void>((resolve) => {
      child.stdout.on('data', (data: Buffer) => {
        if (data.includes('spent')) isSpent = true;
        else if (round < 8) setTimeout(() => child.kill('SIGKILL'), 3 * (round + 1));
      });
      child.on('exit', (_, signal) => {
        if (signal === 'SIGKILL') kills++;
        resolve();
      });
    });
  }
  const sent = readFileSync(bill, 'utf8').length;
  expect(isSpent).toBe(true);
  expect(kills).toBeGreaterThan(3);
  expect(sent).toBeLessThanOrEqual(200);
  // A kill loses a hundredth of the budget, plus the running calls: four.
  expect(sent).toBeGreaterThanOrEqual(200 - kills * 8);
});
