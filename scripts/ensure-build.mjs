// Builds when `dist` is missing or older than its sources.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { outputs } from './entries.mjs';

const configs = [
  'package.json',
  'tsconfig.json',
  'tsconfig.build.json',
  'tsup.config.ts',
  'scripts/commonjs.mjs',
  'scripts/notices.mjs',
];

/** @param {string} path */
const changed = (path) => statSync(path).mtimeMs;
const sources = readdirSync('src', { recursive: true, encoding: 'utf8' }).map((file) => `src/${file}`);
const newestSource = Math.max(...[...configs, ...sources].map(changed));
const fresh = [...outputs, 'THIRD-PARTY-NOTICES'].every((file) => existsSync(file) && changed(file) >= newestSource);

if (!fresh) {
  console.error('Building dist first: about half a minute.');
  // Its output goes to stderr: `npm pack --json` must stay readable.
  const { status } = spawnSync('npm', ['run', '--silent', 'build'], {
    stdio: ['ignore', 2, 2],
    shell: process.platform === 'win32',
  });
  process.exitCode = status ?? 1;
}
