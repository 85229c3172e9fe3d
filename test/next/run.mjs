// `npm run test:next`: builds a Next.js application with edge and Node routes, by webpack and by turbopack, and calls
// it. Its chat routes are those of `examples/runtimes`.
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { transformSync } from 'esbuild';
import { install } from '../runtimes/install.mjs';
import { startServer } from '../runtimes/server.mjs';

const here = import.meta.dirname;
/** For a build, and for a server with its answers. */
const limitMs = 300_000;
const next = join(here, 'node_modules/next/dist/bin/next');
/** @type {string[]} */
const problems = [];

install(here);
const upstream = await startServer();
const env = { ...process.env, UPSTREAM: upstream.baseURL, GLOBAL_API_KEY: 'sk-test', NEXT_TELEMETRY_DISABLED: '1' };

for (const runtime of ['edge', 'node']) {
  const code = readFileSync(join(here, `../../examples/runtimes/next-${runtime}-route.ts`), 'utf8');
  mkdirSync(join(here, `app/api/${runtime}`), { recursive: true });
  // As JavaScript: Next.js would install TypeScript.
  const { code: plain } = transformSync(code.replace("'https://global-apis.com/v1'", 'process.env.UPSTREAM'), {
    loader: 'ts',
  });
  writeFileSync(join(here, `app/api/${runtime}/route.js`), plain);
}

for (const bundler of ['webpack', 'turbopack']) {
  const settings = { cwd: here, env: { ...env, DIST: `.next-${bundler}` } };
  execFileSync(process.execPath, [next, 'build', `--${bundler}`], { ...settings, timeout: limitMs, stdio: 'inherit' });
  const server = spawn(process.execPath, [next, 'start', '--port', '0', '--hostname', '127.0.0.1'], {
    ...settings,
    timeout: limitMs,
  });
  try {
    const origin = await new Promise((resolve, reject) => {
      let text = '';
      for (const output of [server.stdout, server.stderr]) {
        output.on('data', (data) => {
          text += data;
          const found = /http:\/\/127\.0\.0\.1:\d+/.exec(text);
          if (found !== null && text.includes('Ready')) resolve(found[0]);
        });
      }
      server.on('exit', () => reject(new Error(`it ended: ${text}`)));
    });
    for (const runtime of ['edge', 'node', 'required']) {
      await expect(`${bundler}, ${runtime}, failover`, await fetch(`${origin}/api/${runtime}-failover`), (text) => {
        const { model, outcomes, isOpenAI, isBadRequest } = JSON.parse(text);
        return (
          model === 'good' &&
          outcomes.at(-1) === 'success' &&
          outcomes[0] === 'server-error' &&
          isOpenAI &&
          isBadRequest
        );
      });
    }
    for (const runtime of ['edge', 'node']) {
      const body = JSON.stringify({ prompt: 'hello' });
      const response = await fetch(`${origin}/api/${runtime}`, { method: 'POST', body });
      await expect(`${bundler}, ${runtime}, chat`, response, (text) => text.includes('hello '));
    }
  } finally {
    server.kill();
  }
}
upstream.close();
console.log(problems.length === 0 ? 'Next.js runs it' : `${problems.length} failed`);
process.exit(problems.length === 0 ? 0 : 1);

/** @param {string} what @param {Response} response @param {(text: string) => boolean} isRight */
async function expect(what, response, isRight) {
  const text = await response.text();
  const passed = response.ok && isRight(text);
  if (!passed) problems.push(what);
  console.log(passed ? `ok      ${what}` : `FAILED  ${what}: ${response.status} ${text.slice(0, 500)}`);
}
