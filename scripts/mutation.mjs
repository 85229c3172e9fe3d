// Mutation tests: each small change of the code that decides must make a test fail. `npm run mutation`, or with the
// names of groups; a quarter of an hour or more. Surviving changes are listed; less than `LEAST` percent killed is a
// failure.
import { Stryker } from '@stryker-mutator/core';

const LEAST = 80;

/** The code to change, and the tests that must notice. */
const groups = {
  plan: {
    mutate: ['src/plan/*.ts'],
    tests: ['test/unit/plan/*.test.ts', 'test/behaviour/{failover,retry,pauses,hedging}.test.ts'],
  },
  breaker: {
    mutate: ['src/state/circuit-breaker.ts', 'src/attempt/breaker.ts'],
    tests: ['test/unit/state/circuit-breaker*.test.ts', 'test/behaviour/breaker.test.ts'],
  },
  deadline: {
    mutate: [
      'src/attempt/timeout.ts',
      'src/attempt/time-limits.ts',
      'src/util/sleep.ts',
      'src/call/failover.ts',
      'src/call/final-error.ts',
      'src/call/hedge.ts',
      'src/state/retry-budget.ts',
    ],
    tests: [
      'test/unit/util/sleep.test.ts',
      'test/unit/call/failover.property.test.ts',
      'test/unit/state/retry-budget.test.ts',
      'test/behaviour/{deadline,retry,failover,pauses,which-error,views-and-close,hedging,hedging-kinds}.test.ts',
      'test/unit/attempt/*.test.ts',
      'test/behaviour/regions-capabilities.test.ts',
      'test/behaviour/streams-before-content.test.ts',
      'test/behaviour/cache/joined.test.ts',
      'test/reliability/aborts.test.ts',
    ],
  },
};

const names = process.argv.slice(2);
const unknown = names.filter((name) => !(name in groups));
if (unknown.length > 0) throw new Error(`There is no group ${unknown}. There are: ${Object.keys(groups).join(', ')}`);

let missed = false;
let killedInAll = 0;
let madeInAll = 0;
for (const [name, group] of Object.entries(groups)) {
  if (names.length > 0 && !names.includes(name)) continue;
  const { killed, made } = await run(name, group);
  killedInAll += killed;
  madeInAll += made;
  if ((100 * killed) / made < LEAST) missed = true;
  console.log(line(name, killed, made));
}
console.log(line('all of them', killedInAll, madeInAll));
if (missed) process.exitCode = 1;

/** @param {string} name @param {number} killed @param {number} made */
function line(name, killed, made) {
  return `${name}: ${killed} of ${made} changes were noticed, ${((100 * killed) / made).toFixed(1)} %`;
}

/** @param {string} name @param {{ mutate: string[], tests: string[] }} group */
async function run(name, { mutate, tests }) {
  process.env.MUTATION_TESTS = tests.join(' ');
  const results = await new Stryker({
    mutate,
    testRunner: 'vitest',
    vitest: { configFile: 'scripts/vitest.mutation.config.ts', related: false },
    coverageAnalysis: 'perTest',
    concurrency: 2,
    timeoutMS: 10_000,
    tempDirName: '.mutation/sandbox',
    reporters: ['progress-append-only', 'clear-text', 'json'],
    clearTextReporter: { reportTests: false, allowColor: false, logTests: false },
    jsonReporter: { fileName: `.mutation/${name}.json` },
  }).runMutationTest();
  const killed = results.filter(({ status }) => status === 'Killed' || status === 'Timeout').length;
  const survived = results.filter(({ status }) => status === 'Survived' || status === 'NoCoverage').length;
  return { killed, made: killed + survived };
}
