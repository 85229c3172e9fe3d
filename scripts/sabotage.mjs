// What Stryker does not do: removes one line that cleans up, or that takes something before it is used, and checks
// whether a test fails. `npm run sabotage`; a few minutes. A line that is not found, or whose removal passes, is a
// failure.
import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = '.mutation/sabotage';
const REPORT = 'report.json';
const report = `${root}/${REPORT}`;
const vitest = fileURLToPath(new URL('../node_modules/vitest/vitest.mjs', import.meta.url));

const ABORTS = 'test/reliability/aborts.test.ts';
const ANY_ORDER = 'test/reliability/interleavings.test.ts';
const FAILOVER = 'test/unit/call/failover.property.test.ts';
const BREAKER = 'test/unit/state/circuit-breaker.test.ts';

/** @type {[name: string, file: string, line: string, instead: string, tests: string][]} */
const lines = [
  ['the timer of an attempt', 'src/attempt/timeout.ts', 'timer.clear();', '', FAILOVER],
  ["an attempt's listener", 'src/attempt/timeout.ts', "signal?.removeEventListener('abort', onAbort);", '', FAILOVER],
  ['the timer of a wait', 'src/util/sleep.ts', 'clearTimeout(timer);', '', ABORTS],
  ["a wait's listener", 'src/util/sleep.ts', "signal?.removeEventListener('abort', onAbort);", '', ANY_ORDER],
  [
    'the timer of a stream',
    'src/attempt/guarded-stream.ts',
    'clearTimeout(this.#timer);\n    clearTimeout(this.#maxTimer);',
    'clearTimeout(this.#maxTimer);',
    ANY_ORDER,
  ],
  [
    "a stream's listener",
    'src/attempt/guarded-stream.ts',
    "attempt.call.signal?.removeEventListener('abort', this.#onAbort);",
    '',
    FAILOVER,
  ],
  [
    'the timer of a joined caller',
    'src/call/cache/participant.ts',
    'clearTimeout(this.#timer);\n    this.#setActive(false);',
    'this.#setActive(false);',
    ANY_ORDER,
  ],
  [
    'the listener of a joined caller',
    'src/call/cache/participant.ts',
    "this.call.signal?.removeEventListener('abort', this.#onAbort);",
    '',
    ANY_ORDER,
  ],
  ['the end of an abandoned body', 'src/sdk/upstream.ts', 'onRequest?.close();', '', 'test/unit/sdk/upstream.test.ts'],
  [
    'the listener of a reader of a cached stream',
    'src/call/cache/cached-reply.ts',
    "signal?.removeEventListener('abort', leave);",
    '',
    'test/behaviour/cache',
  ],
  [
    "a breaker's own timer",
    'src/state/circuit-breaker.ts',
    'this.#made?.shutdown();\n  }\n\n  #takeShared',
    '}\n\n  #takeShared',
    'test/unit/state/circuit-breaker-lifetime.test.ts',
  ],
  [
    "the probe's lease: it never ends",
    'src/state/circuit-breaker.ts',
    'this.#noProbeBefore = performance.now() + this.#settings.cooldownMs;',
    'this.#noProbeBefore = Number.POSITIVE_INFINITY;',
    BREAKER,
  ],
  [
    "the probe's lease: it ends at once",
    'src/state/circuit-breaker.ts',
    'this.#noProbeBefore = performance.now() + this.#settings.cooldownMs;',
    '',
    BREAKER,
  ],
  [
    'the token of a retry',
    'src/call/failover.ts',
    'const token = step.isRetry ? call.retry.budget.tryTake() : undefined;',
    'const token = undefined;',
    'test/reliability/concurrency.test.ts',
  ],
  [
    'the timer of a hedge',
    'src/call/hedge.ts',
    'this.#running.get(attempt)?.clear();',
    '',
    'test/behaviour/hedging.test.ts',
  ],
  ['the count of running attempts, down', 'src/attempt/measure.ts', 'target.state.inFlight--;', '', ABORTS],
  ['the count of running attempts, up', 'src/attempt/measure.ts', 'target.state.inFlight++;', '', ABORTS],
  [
    'the end of a request that starts after its attempt has ended',
    'src/state/attempt-control.ts',
    'if (this.#isOver) close();\n    else this.#close = close;',
    'this.#close = close;',
    'test/behaviour/ending-requests.test.ts',
  ],
];

rmSync(root, { recursive: true, force: true });
for (const part of ['src', 'test', 'drills', 'package.json', 'vitest.config.ts', 'tsconfig.json']) {
  cpSync(part, `${root}/${part}`, { recursive: true });
}

const names = process.argv.slice(2);
let unnoticed = 0;
for (const [name, file, line, instead, tests] of lines) {
  if (names.length > 0 && !names.some((each) => name.includes(each))) continue;
  const path = `${root}/${file}`;
  const source = readFileSync(path, 'utf8');
  const places = source.split(line);
  if (places.length !== 2) throw new Error(`${file} has ${places.length - 1} times, not once: ${line}`);
  writeFileSync(path, places.join(instead));
  rmSync(report, { force: true });
  const output = ['--reporter=json', `--outputFile.json=${REPORT}`];
  const { status } = spawnSync(process.execPath, [vitest, 'run', '--mode=all', '--bail=1', ...output, tests], {
    cwd: root,
    stdio: 'ignore',
    timeout: 180_000,
  });
  writeFileSync(path, source);
  const failed = status === 0 ? undefined : firstFailure(status);
  if (failed === undefined) unnoticed += 1;
  console.log(failed === undefined ? `UNNOTICED  ${name}` : `noticed    ${name}\n           by ${failed}`);
}
console.log(unnoticed === 0 ? 'Each was noticed.' : `${unnoticed} went unnoticed.`);
process.exitCode = unnoticed === 0 ? 0 : 1;

/** The test that failed, or the error of the whole run. Throws if no test ran. @param {number | null} status */
function firstFailure(status) {
  if (status === null) return 'a run that did not end';
  /** @type {{ testResults: { assertionResults: { status: string, fullName: string }[] }[] }} */
  const { testResults } = existsSync(report) ? JSON.parse(readFileSync(report, 'utf8')) : { testResults: [] };
  if (testResults.length === 0) throw new Error('No test ran.');
  const tests = testResults.flatMap(({ assertionResults }) => assertionResults);
  return tests.find(({ status }) => status === 'failed')?.fullName ?? 'the run as a whole';
}
