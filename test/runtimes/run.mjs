// `npm run test:runtimes [-- PART OF A NAME...]`: the same scenario in every runtime and bundle, on a plain client and on a
// router. A cell fails if a step fails with the router that does not fail with the plain client, and again
// when it runs alone: steps have time limits, and the machine may be busy.
import { install } from './install.mjs';

const here = import.meta.dirname;
const limitMs = 60_000;
const atOnce = 2;
const started = performance.now();

install(here);
const { startServer } = await import('./server.mjs');
const { cells, missing } = await import('./cells.mjs');
const { workerCases } = await import('./worker-cases.mjs');
const { extraCells } = await import('./extra-cells.mjs');

const wanted = process.argv.slice(2);
const server = await startServer();
const rows = Object.entries({ ...cells, ...workerCases, ...extraCells }).filter(
  ([name]) => wanted.length === 0 || wanted.some((part) => name.includes(part)),
);
const counts = { passed: 0, failed: 0, skipped: 0 };
/** @type {typeof rows} */
const failed = [];
const queue = [...rows];
await Promise.all(Array.from({ length: atOnce }, work));
for (const [name, cell] of failed) {
  console.log(`once more, alone: ${name}`);
  counts[(await passes(name, cell)) ? 'passed' : 'failed'] += 1;
}
server.close();
console.log(
  `${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped in ${Math.round((performance.now() - started) / 1000)} s`,
);
process.exit(counts.failed === 0 && counts.passed > 0 ? 0 : 1);

async function work() {
  for (let next = queue.shift(); next !== undefined; next = queue.shift()) {
    const [name, cell] = next;
    const why = missing(name);
    if (why !== undefined) {
      counts.skipped += 1;
      console.log(`SKIPPED ${name}: ${why}`);
    } else if (await passes(name, cell)) counts.passed += 1;
    else failed.push(next);
  }
}

/** @param {string} name @param {(typeof cells)[string]} cell */
async function passes(name, cell) {
  const from = performance.now();
  const abort = new AbortController();
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => {
      abort.abort();
      reject(new Error(`not done in ${limitMs / 1000} s`));
    }, limitMs);
  });
  try {
    const running = cell({ name, baseURL: server.baseURL, server, signal: abort.signal });
    running.catch(() => {});
    const { plain, router } = await Promise.race([running, late]);
    const alsoPlain = new Set(plain.filter(({ error }) => error !== null).map(({ step }) => step));
    const broken = router.filter(({ step, error }) => error !== null && !alsoPlain.has(step));
    const took = `${((performance.now() - from) / 1000).toFixed(1)} s`;
    const passed = router.filter(({ error }) => error === null).length;
    const note =
      alsoPlain.size === 0 ? '' : `; the plain client fails ${[...alsoPlain].map((step) => `"${step}"`).join(', ')}`;
    console.log(
      `${broken.length === 0 ? 'ok     ' : 'FAILED '} ${name}: ${passed} of ${router.length} steps, ${took}${note}`,
    );
    for (const { step, error } of broken)
      console.log(`          ${step}: ${error?.replaceAll('\n', '\n            ')}`);
    return broken.length === 0;
  } catch (error) {
    const { stdout = '', stderr = '' } = /** @type {{ stdout?: string, stderr?: string }} */ (error);
    console.log(
      `FAILED  ${name}: ${String((error instanceof Error && error.stack) || error).slice(0, 3000)}\n${stdout.slice(-1500)}${stderr.slice(-3000)}`,
    );
    return false;
  } finally {
    clearTimeout(timer);
  }
}
