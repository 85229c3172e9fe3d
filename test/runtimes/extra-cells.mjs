// Cells without the scenario: the content of bundles, the loaded SDK, and the examples for single platforms.
import { execFile, spawn } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { promisify } from 'node:util';
import * as esbuild from 'esbuild';
import { withEsbuild, withWebpack } from './bundles.mjs';

const here = import.meta.dirname;
const out = join(here, '.out');
const modules = join(here, 'node_modules');

/** @param {Record<string, () => Promise<void>>} steps */
async function run(steps) {
  const router = [];
  for (const [step, work] of Object.entries(steps)) {
    const error = await work().then(
      () => null,
      (thrown) => String((thrown instanceof Error && thrown.stack) || thrown),
    );
    router.push({ step, error });
  }
  return { plain: [], router };
}

/** @param {unknown} condition @param {string} message */
function must(condition, message) {
  if (!condition) throw new Error(message);
}

/** The imports that remain in a program when it is bundled. */
async function externals(contents, options) {
  const { metafile, outputFiles } = await esbuild.build({
    stdin: { contents, resolveDir: here },
    bundle: true,
    write: false,
    metafile: true,
    outdir: out,
    logLevel: 'silent',
    ...options,
  });
  const [output] = Object.values(metafile.outputs);
  return { names: (output?.imports ?? []).map(({ path }) => path), code: outputFiles[0]?.text ?? '' };
}

/** The existing entry points that run everywhere. */
const portable = ['', '/simulate', '/otel', '/redis', '/status'].filter(
  (path) => path === '' || existsSync(join(modules, `model-router/dist${path}.js`)),
);

async function bundlesHoldNoBuiltin() {
  const steps = {};
  for (const platform of /** @type {const} */ (['browser', 'neutral'])) {
    for (const path of portable) {
      steps[`model-router${path}, ${platform}, openai external`] = async () => {
        const { names, code } = await externals(`export * from 'model-router${path}'`, {
          platform,
          format: 'esm',
          packages: 'bundle',
          external: ['openai', '@sinonjs/fake-timers', '@opentelemetry/api'],
        });
        const builtins = names.filter((name) => isBuiltin(name));
        must(builtins.length === 0, `it imports ${builtins.join(', ')}`);
        must(!/\bBuffer\b/.test(withoutText(code)), 'it names Buffer');
        must(!/\brequire\(/.test(withoutText(code)), 'it calls require');
      };
    }
    steps[`with openai, ${platform}`] = async () => {
      const options = { platform, format: 'esm', mainFields: ['module', 'main'], external: ['node:*'] };
      const plain = await externals("import OpenAI from 'openai'; globalThis.a = OpenAI", options);
      const both = await externals("import { ModelRouter } from 'model-router'; globalThis.a = ModelRouter", options);
      const added = both.names.filter((name) => !plain.names.includes(name));
      must(added.length === 0, `it adds ${added.join(', ')}`);
    };
  }
  return run(steps);
}

/** An application in CommonJS: its `require('openai')` and the router's are one SDK, in bundles too. */
async function oneSdk({ signal }) {
  const entry = join(out, 'required.cjs');
  const load = "const { ModelRouter } = require('model-router');\nconst OpenAI = require('openai');\n";
  writeFileSync(entry, `${load}${readFileSync(join(here, 'same-sdk.js'), 'utf8')}`);
  const runs = (/** @type {string} */ file) =>
    promisify(execFile)(process.execPath, [file], { signal }).then(() => undefined);
  return run({
    node: () => runs(entry),
    esbuild: async () =>
      runs(
        await withEsbuild(join(out, 'required-esbuild.cjs'), { entryPoints: [entry], platform: 'node', format: 'cjs' }),
      ),
    webpack: async () => runs(await withWebpack(join(out, 'required-webpack.cjs'), 'node', entry)),
  });
}

/** Code without comments and strings, in which a name may occur. */
function withoutText(code) {
  const { code: bare } = esbuild.transformSync(code, { minifyWhitespace: true, legalComments: 'none' });
  return bare.replaceAll(/"(?:[^"\\\n]|\\.)*"|'(?:[^'\\\n]|\\.)*'/g, '""');
}

/** An example with the cells' upstream. @param {string} name */
function example(name, baseURL) {
  const code = readFileSync(join(here, '../../examples/runtimes', `${name}.ts`), 'utf8');
  const path = join(out, `example-${name}.ts`);
  writeFileSync(path, code.replaceAll('https://global-apis.com/v1', baseURL).replaceAll(/port: \d+/g, 'port: 0'));
  return path;
}

/** Starts a server that is an example, and posts a prompt to it. @param {string[]} command */
async function askServer([file = '', ...args], signal, how) {
  const child = spawn(file, args, { cwd: here, env: { ...process.env, GLOBAL_API_KEY: 'sk-test' }, signal });
  try {
    const port = await new Promise((resolve, reject) => {
      let text = '';
      const read = (/** @type {Buffer} */ data) => {
        text += data;
        const found = /PORT (\d+)|:(\d{4,5})\//.exec(text);
        if (found !== null) resolve(found[1] ?? found[2]);
      };
      child.stdout.on('data', read);
      child.stderr.on('data', read);
      child.on('error', reject);
      child.on('exit', () => reject(new Error(`it ended: ${text}`)));
    });
    const response = await fetch(`http://127.0.0.1:${port}/`, { method: 'POST', body: 'hello' });
    const answer = await response.text();
    must(answer === 'hello there', `${how} answers ${response.status} ${answer}`);
  } finally {
    child.kill();
  }
}

async function examplesRun({ baseURL, signal }) {
  const worker = async () => {
    const { Miniflare } = await import('miniflare');
    const scriptPath = await withEsbuild(join(out, 'example-worker.mjs'), {
      entryPoints: [example('worker', baseURL)],
      format: 'esm',
      conditions: ['workerd', 'worker', 'browser'],
      platform: 'browser',
      external: ['cloudflare:*', 'node:*'],
    });
    const bindings = { GLOBAL_API_KEY: 'sk-test' };
    const mf = new Miniflare({ modules: true, scriptPath, bindings, compatibilityDate: '2026-07-01' });
    try {
      const body = JSON.stringify({ prompt: 'hello' });
      const response = await mf.dispatchFetch('http://worker.test/', { method: 'POST', body });
      const text = await response.text();
      must(text.includes('"hello "'), `${response.status} ${text}`);
    } finally {
      await mf.dispose();
    }
  };
  const bun = async () => {
    const path = example('bun', baseURL);
    writeFileSync(
      path,
      readFileSync(path, 'utf8')
        .replace('Bun.serve(', "console.log('PORT', Bun.serve(")
        .replace(/\);\s*$/, ').port);'),
    );
    await askServer([join(modules, '@oven/bun-linux-x64/bin/bun'), 'run', path], signal, 'Bun');
  };
  const deno = async () => {
    const flags = ['--allow-all', '--node-modules-dir=manual', '--no-lock', '--no-check'];
    await askServer(
      [join(modules, '@deno/linux-x64-glibc/deno'), 'run', ...flags, example('deno', baseURL)],
      signal,
      'Deno',
    );
  };
  const page = async () => {
    const { code } = await externals(`export * from ${JSON.stringify(example('browser', baseURL))}`, {
      platform: 'browser',
      format: 'esm',
    }).then(({ code }) => ({ code }));
    const path = join(out, 'example-browser.mjs');
    writeFileSync(
      path,
      `globalThis.location = { origin: ${JSON.stringify(baseURL.replace('/v1', ''))} };\n${code.replaceAll('/api/openai/v1', '/v1')}`,
    );
    const { answer } = await import(path);
    const element = { textContent: null };
    await answer('hello', element);
    must(element.textContent === 'hello thére', `the page shows ${element.textContent}`);
  };
  const steps = { worker, bun, deno, browser: page };
  const all = readdirSync(join(here, '../../examples/runtimes')).filter(
    (name) => name.endsWith('.ts') && !name.endsWith('.d.ts'),
  );
  // Those for Next.js are run by `npm run test:next`.
  const known = all.every((name) => name.startsWith('next-') || Object.hasOwn(steps, name.replace('.ts', '')));
  must(known, `an example that is not run: ${all.join(', ')}`);
  return run(steps);
}

export const extraCells = {
  'bundles hold no builtin': bundlesHoldNoBuiltin,
  'require, one SDK': oneSdk,
  examples: examplesRun,
};
