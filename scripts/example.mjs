// `npm run example NAME` runs examples/NAME.ts, without a name it lists them; `npm run examples` runs them all.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';

const limitMs = 60_000;
const names = existsSync('examples')
  ? readdirSync('examples')
      .filter((file) => file.endsWith('.ts'))
      .map((file) => file.slice(0, -'.ts'.length))
      .sort()
  : [];
const [wanted, ...rest] = process.argv.slice(2);

// Keys and settings of the machine must not affect an example.
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(OPENAI|AZURE_OPENAI|GLOBAL_API)_/.test(name)),
);

/** @param {string} name @param {string[]} args @param {'inherit' | 'pipe'} output */
function run(name, args, output) {
  const command = ['--import', './scripts/offline.mjs', `examples/${name}.ts`, ...args];
  return spawnSync(process.execPath, command, {
    env,
    timeout: limitMs,
    stdio: ['ignore', output, output],
    encoding: 'utf8',
  });
}

/** Runs an example and prints the result. @param {string} name */
function passes(name, prefix = '') {
  const startedAt = performance.now();
  const { status, signal, stdout, stderr } = run(name, [], 'pipe');
  const took = `${Math.round(performance.now() - startedAt)} ms`;
  if (status === 0) console.log(`${prefix}ok      ${name} (${took})`);
  else console.log(`${prefix}FAILED  ${name} (${signal ?? `exit code ${status}`} after ${took})\n${stdout}${stderr}`);
  return status === 0;
}

if (wanted === undefined) {
  console.log(`npm run example NAME, where NAME is one of:\n${names.map((name) => `  ${name}`).join('\n')}`);
} else if (wanted === '--all') {
  let failed = 0;
  // The demo takes long, and has its own script.
  const ran = names.filter((each) => each !== 'demo');
  // Examples run on a real clock. A machine that stood still for a second may break one; it does not break it twice.
  for (const name of ran) if (!passes(name) && !passes(name, 'once more: ')) failed += 1;
  console.log(`${ran.length - failed} of ${ran.length} examples ran to their end`);
  process.exitCode = failed === 0 && ran.length > 0 ? 0 : 1;
} else if (names.includes(wanted)) {
  process.exitCode = run(wanted, rest, 'inherit').status ?? 1;
} else {
  console.error(`There is no example '${wanted}'. There are: ${names.join(', ')}`);
  process.exitCode = 1;
}
