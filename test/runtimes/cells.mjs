// Where the scenario runs. A cell returns the results of `scenario` there: `{ plain, router }`.
import { execFile, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { withEsbuild, withRollup, withVite, withWebpack } from './bundles.mjs';

const here = import.meta.dirname;
const modules = join(here, 'node_modules');
const out = join(here, '.out');
mkdirSync(out, { recursive: true });

const binaries = {
  'node 22.0': [join(modules, 'node-22/bin/node')],
  'node 24': [process.execPath],
  'node 26': [join(modules, 'node-26/bin/node')],
  bun: [join(modules, '@oven/bun-linux-x64/bin/bun'), 'run'],
  deno: [join(modules, '@deno/linux-x64-glibc/deno'), 'run', '--allow-all', '--node-modules-dir=manual', '--no-lock'],
};

/** Runs a program and reads its last line. @param {string[]} command @param {AbortSignal} signal */
async function print([file = '', ...args], signal) {
  const { stdout } = await promisify(execFile)(file, args, {
    cwd: here,
    signal,
    maxBuffer: 1 << 24,
    env: { ...process.env, NODE_OPTIONS: '' },
  });
  const line = stdout
    .trim()
    .split('\n')
    .findLast((each) => each.startsWith('REPORT '));
  if (line === undefined) throw new Error(`no report in ${stdout}`);
  return JSON.parse(line.slice('REPORT '.length));
}

const printed = (baseURL) =>
  `globalThis.runScenario(${JSON.stringify(baseURL)}).then((report) => console.log('REPORT ' + JSON.stringify(report)));\n`;

/** @param {string} name @param {string} code */
function write(name, code) {
  const path = join(out, name);
  writeFileSync(path, code);
  return path;
}

/**
 * Runs in a virtual machine with the web platform and without Node.
 * @param {string} script @param {string} baseURL @param {string} [before]
 */
async function inEdgeRuntime(script, baseURL, before) {
  const { EdgeVM } = await import('@edge-runtime/vm');
  const vm = new EdgeVM();
  if (before !== undefined) vm.evaluate(before);
  // A worker's global, as webpack's output for one expects it.
  vm.evaluate('globalThis.self = globalThis');
  vm.evaluate(readFileSync(script, 'utf8'));
  return JSON.parse(
    await vm.evaluate(`runScenario(${JSON.stringify(baseURL)}).then((report) => JSON.stringify(report))`),
  );
}

/** @param {string[]} flags */
const workerd =
  (flags) =>
  async ({ baseURL, signal }) => {
    const { Miniflare } = await import('miniflare');
    const script = await withEsbuild(join(out, `workerd-${flags.length}.mjs`), {
      stdin: {
        contents: `import './program.mjs';
        import { ModelRouter } from 'model-router';
        // At module scope, where a Worker may set no timer and draw no random value.
        const router = new ModelRouter({ apiKey: 'sk-test', baseURL: 'https://upstream.test/v1', cache: true });
        export default { fetch: async () => router && Response.json(await runScenario(${JSON.stringify(baseURL)})) };`,
        resolveDir: here,
      },
      entryPoints: undefined,
      format: 'esm',
      conditions: ['workerd', 'worker', 'browser'],
      platform: flags.length === 0 ? 'neutral' : 'browser',
      external: ['node:*'],
    });
    const mf = new Miniflare({
      modules: true,
      scriptPath: script,
      compatibilityDate: '2026-07-01',
      compatibilityFlags: flags,
    });
    signal.addEventListener('abort', () => void mf.dispose());
    try {
      const response = await mf.dispatchFetch('http://worker.test/');
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      return JSON.parse(text);
    } finally {
      await mf.dispose();
    }
  };

/** The `process` of Next.js's edge runtime: environment variables, and Node's functions that throw. */
const nextProcess = `globalThis.process = { env: {}, getBuiltinModule() { throw new Error('not in the Edge Runtime'); } }`;

/** A route on Vercel's edge runtime. */
async function onVercelEdge({ baseURL }) {
  const options = { conditions: ['edge-light', 'worker', 'browser'], platform: /** @type {const} */ ('neutral') };
  const file = await withEsbuild(join(out, 'edge-runtime.js'), { ...options, format: 'iife' });
  return inEdgeRuntime(file, baseURL, nextProcess);
}

const chromium = ['chromium', 'chromium-browser', 'google-chrome'].map((name) => `/usr/bin/${name}`).find(existsSync);

/** @param {'page' | 'worker'} place */
const inChromium =
  (place) =>
  async ({ baseURL, server, signal }) => {
    const name = `chromium-${place}`;
    const script = await withEsbuild(join(out, `${name}.js`), { platform: 'browser', format: 'iife' });
    const send = `runScenario(${JSON.stringify(baseURL)}).then((report) => fetch('${server.origin}/report/${name}', { method: 'POST', body: JSON.stringify(report) }))`;
    server.pages.set(`/${name}.js`, `${readFileSync(script, 'utf8')};${send};`);
    const start =
      place === 'worker' ? `<script>new Worker('/${name}.js')</script>` : `<script src="/${name}.js"></script>`;
    server.pages.set(`/${name}.html`, `<!doctype html><meta charset="utf-8">${start}`);
    const reported = new Promise((resolve) => server.reports.set(name, resolve));
    const args = [
      '--headless',
      '--no-sandbox',
      '--disable-gpu',
      '--disable-dev-shm-usage',
      `--user-data-dir=${join(out, name)}`,
      `${server.origin}/${name}.html`,
    ];
    // A killed run leaves a lock here.
    rmSync(join(out, name), { recursive: true, force: true });
    const browser = spawn(chromium ?? '', args, { stdio: 'ignore' });
    const gone = new Promise((_, reject) => {
      browser.on('error', reject);
      browser.on('exit', (code) => reject(new Error(`Chromium ended with ${code}`)));
      signal.addEventListener('abort', () => browser.kill());
    });
    gone.catch(() => {});
    try {
      return await Promise.race([reported, gone]);
    } finally {
      browser.kill();
    }
  };

/** @param {'node' | 'jsdom'} environment */
const inJest =
  (environment) =>
  async ({ baseURL, signal }) => {
    const scenario = await withEsbuild(join(out, 'scenario.cjs'), {
      entryPoints: [join(here, 'scenario.mjs')],
      format: 'cjs',
    });
    const folder = join(out, `jest-${environment}`);
    mkdirSync(folder, { recursive: true });
    const report = join(folder, 'report.json');
    writeFileSync(
      join(folder, 'scenario.test.js'),
      `const OpenAI = require('openai');
    const { ModelRouter, callRecord } = require('model-router');
    const { scenario } = require(${JSON.stringify(scenario)});
    test('scenario', async () => {
      const report = await scenario({ OpenAI, ModelRouter, callRecord, baseURL: ${JSON.stringify(baseURL)} });
      require('node:fs').writeFileSync(${JSON.stringify(report)}, JSON.stringify(report));
    }, 60000);`,
    );
    const config = {
      rootDir: folder,
      testEnvironment: environment === 'jsdom' ? join(here, 'jest-jsdom.cjs') : 'node',
      transform: {},
    };
    writeFileSync(join(folder, 'jest.config.json'), JSON.stringify(config));
    await promisify(execFile)(
      process.execPath,
      [join(modules, 'jest/bin/jest.js'), '--config', join(folder, 'jest.config.json')],
      { cwd: folder, signal },
    );
    return JSON.parse(readFileSync(report, 'utf8'));
  };

/** @param {(typeof binaries)[keyof typeof binaries]} command */
const asModule =
  (command) =>
  ({ baseURL, signal, name }) =>
    print(
      [...command, write(`${name.replaceAll(/\W/g, '-')}.mjs`, `import '../program.mjs';\n${printed(baseURL)}`)],
      signal,
    );

const asCommonJs =
  (command) =>
  async ({ baseURL, signal, name }) => {
    const scenario = await withEsbuild(join(out, 'scenario.cjs'), {
      entryPoints: [join(here, 'scenario.mjs')],
      format: 'cjs',
    });
    const code = `const OpenAI = require('openai');
    const { ModelRouter, callRecord } = require('model-router');
    const { scenario } = require(${JSON.stringify(scenario)});
    globalThis.runScenario = (baseURL) => scenario({ OpenAI, ModelRouter, callRecord, baseURL });`;
    return print([...command, write(`${name.replaceAll(/\W/g, '-')}.cjs`, `${code}\n${printed(baseURL)}`)], signal);
  };

/** Runs a bundle on Node. @param {string} ending @param {(file: string) => Promise<string>} bundle */
const onNode =
  (ending, bundle) =>
  async ({ baseURL, signal, name }) => {
    const file = await bundle(join(out, `${name.replaceAll(/\W/g, '-')}.${ending}`));
    writeFileSync(file, `\n${printed(baseURL)}`, { flag: 'a' });
    return print([process.execPath, file], signal);
  };

/** Runs a bundle without Node. @param {(file: string) => Promise<string>} bundle */
const onTheWeb =
  (bundle) =>
  async ({ baseURL, name }) =>
    inEdgeRuntime(await bundle(join(out, `${name.replaceAll(/\W/g, '-')}.js`)), baseURL);

/** @type {Record<string, (context: { baseURL: string, signal: AbortSignal, name: string, server: any }) => Promise<any>>} */
export const cells = {
  'node 22.0, import': asModule(binaries['node 22.0']),
  'node 22.0, require': asCommonJs(binaries['node 22.0']),
  'node 24, import': asModule(binaries['node 24']),
  'node 24, require': asCommonJs(binaries['node 24']),
  'node 26, import': asModule(binaries['node 26']),
  'node 26, require': asCommonJs(binaries['node 26']),
  bun: asModule(binaries.bun),
  deno: asModule(binaries.deno),
  workerd: workerd([]),
  'workerd, nodejs_compat': workerd(['nodejs_compat']),
  'edge runtime': onVercelEdge,
  'chromium, page': inChromium('page'),
  'chromium, worker': inChromium('worker'),
  'jest, node': inJest('node'),
  'jest, jsdom': inJest('jsdom'),
  'esbuild, node, ESM': onNode('mjs', (file) => withEsbuild(file, { platform: 'node', format: 'esm' })),
  'esbuild, node, CJS': onNode('cjs', (file) => withEsbuild(file, { platform: 'node', format: 'cjs' })),
  'esbuild, browser': onTheWeb((file) => withEsbuild(file, { platform: 'browser', format: 'iife' })),
  'esbuild, neutral': onTheWeb((file) => withEsbuild(file, { platform: 'neutral', format: 'iife' })),
  'vite, browser': onTheWeb((file) => withVite(file, 'browser')),
  'vite, ssr': onNode('mjs', (file) => withVite(file, 'ssr')),
  'webpack, node': onNode('cjs', (file) => withWebpack(file, 'node')),
  'webpack, web': onTheWeb((file) => withWebpack(file, 'web')),
  'webpack, webworker': onTheWeb((file) => withWebpack(file, 'webworker')),
  rollup: onNode('mjs', (file) => withRollup(file)),
};

/** Why a cell cannot run on this machine. @param {string} name */
export function missing(name) {
  if (name.startsWith('chromium') && chromium === undefined) return 'Chromium is not installed';
  if (!existsSync(binaries.bun[0] ?? '') && !name.includes(',')) return 'its program is not for this machine';
  return undefined;
}
