// Packs the package, unpacks it next to links to its dependencies, and uses it like an application.
import { execFileSync, spawnSync } from 'node:child_process';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { isBuiltin } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join, relative, resolve } from 'node:path';
import { buildSync, transformSync } from 'esbuild';
import { entries } from './entries.mjs';

/** @type {{ name: string; version: string; dependencies?: Record<string, string>; peerDependencies: Record<string, string>; peerDependenciesMeta: Record<string, object> }} */
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
const peerNames = Object.keys(manifest.peerDependencies);
const peers = peerNames.filter((name) => !(name in manifest.peerDependenciesMeta));
const app = realpathSync(mkdtempSync(join(tmpdir(), 'model-router-check-')));
const installed = join(app, 'node_modules', manifest.name);
/** @type {string[]} */
const problems = [];

/** @param {string} command @param {string[]} args */
const run = (command, ...args) =>
  execFileSync(command, args, { cwd: app, encoding: 'utf8', shell: process.platform === 'win32' });

/** @param {string} what @param {() => void} check */
function check(what, check) {
  try {
    check();
    console.log(`ok      ${what}`);
  } catch (error) {
    problems.push(what);
    const output = /** @type {{ stdout?: string; stderr?: string }} */ (error);
    console.error(`FAILED  ${what}\n${output.stdout ?? ''}${output.stderr ?? error}`);
  }
}

/** @param {boolean} condition @param {string} message */
function must(condition, message) {
  if (!condition) throw new Error(message);
}

/** Links a package of this checkout into the application. @param {string} name @param {string} as */
function link(name, as = name) {
  const target = join(app, 'node_modules', as);
  mkdirSync(dirname(target), { recursive: true });
  rmSync(target, { force: true });
  symlinkSync(resolve('node_modules', name), target, 'junction');
}

/** @param {string} name @returns {string} */
const versionOf = (name) => JSON.parse(readFileSync(`node_modules/${name}/package.json`, 'utf8')).version;

/** @param {string} path @param {string} name */
const isOf = (path, name) => path === name || path.startsWith(`${name}/`);

/** @param {string} code */
const withoutComments = (code) => transformSync(code, { minifyWhitespace: true, legalComments: 'none' }).code;

/**
 * All files of the package that an entry point loads, each with the packages and builtins that it imports.
 * @param {string} name
 */
function loadedBy(name) {
  const { metafile } = buildSync({
    entryPoints: [join(installed, 'dist', name)],
    bundle: true,
    write: false,
    outdir: app,
    format: 'esm',
    platform: 'node',
    packages: 'external',
    metafile: true,
    logLevel: 'error',
  });
  return Object.entries(metafile.inputs).map(([path, { imports }]) => ({
    file: relative(join(installed, 'dist'), resolve(path)).replaceAll('\\', '/'),
    externals: imports.filter(({ external }) => external).map((each) => each.path),
  }));
}

/** Runs a program of the application; it fails by throwing. @param {string} file @param {string} code */
function program(file, code) {
  writeFileSync(join(app, file), code);
  return run(process.execPath, file);
}

const useIt = `
  const router = new ModelRouter({ apiKey: 'sk-check', baseURL: 'http://127.0.0.1:9/v1' });
  if (!(router instanceof ModelRouter)) throw new Error('not a ModelRouter');
  if (typeof router.chat.completions.create !== 'function') throw new Error('no chat.completions.create');
  if (typeof startFakeProvider !== 'function') throw new Error('no startFakeProvider');
  router.close();
`;

try {
  const [packed] = JSON.parse(
    execFileSync('npm', ['pack', '--json', '--pack-destination', app], {
      encoding: 'utf8',
      shell: process.platform === 'win32',
    }),
  );
  mkdirSync(installed, { recursive: true });
  run('tar', '-xzf', packed.filename, '-C', installed, '--strip-components', '1');
  for (const name of [...peers, '@types/node']) link(name);

  const dist = join(installed, 'dist');
  const files = readdirSync(dist, { recursive: true, encoding: 'utf8' }).map((file) => file.replaceAll('\\', '/'));
  /** @param {string} file */
  const read = (file) => readFileSync(join(dist, file), 'utf8');

  check('what is meant to be published is in the package, and nothing else', () => {
    const allowed =
      /^(dist\/(cjs\/)?[\w-]+\.(js|d\.ts)|dist\/cjs\/package\.json|docs\/[\w-]+\.md|grafana\/[\w-]+\.json|examples\/((app|demo|runtimes)\/)?[\w.-]+\.ts|examples\/README\.md|(README|CHANGELOG|CONTRIBUTING|SECURITY)\.md|package\.json|LICENSE|THIRD-PARTY-NOTICES)$/;
    /** @type {{ path: string }[]} */
    const listed = packed.files;
    const others = listed.filter(({ path }) => !allowed.test(path)).map(({ path }) => path);
    must(others.length === 0, `also packed: ${others.join(', ')}`);
    for (const path of ['SECURITY.md', 'THIRD-PARTY-NOTICES', 'docs/options.md'])
      must(
        listed.some((each) => each.path === path),
        `${path} is not packed`,
      );
  });

  check('it is small', () => {
    must(packed.size < 740_000, `${packed.size} bytes packed`);
    must(packed.unpackedSize < 2_620_000, `${packed.unpackedSize} bytes unpacked`);
  });

  check('it needs no package but its peers, and names those whose code it holds', () => {
    const notices = readFileSync(join(installed, 'THIRD-PARTY-NOTICES'), 'utf8');
    for (const name of ['is-network-error', 'lru-cache', 'opossum', 'p-retry'])
      must(notices.includes(`\n${name} ${versionOf(name)} (`), `${name} is not in THIRD-PARTY-NOTICES`);
    must(manifest.dependencies === undefined, 'it has dependencies');
    for (const name of Object.keys(entries).flatMap((each) => [`${each}.js`, `cjs/${each}.js`])) {
      for (const { file, externals } of loadedBy(name)) {
        must(!/X-Stainless-Package-Version|class APIResource\b/.test(read(file)), `${file} holds the openai SDK`);
        const others = externals.filter((path) => !isBuiltin(path) && !peerNames.some((peer) => isOf(path, peer)));
        must(others.length === 0, `${file} imports ${others.join(', ')}`);
      }
    }
  });

  check('what runs everywhere loads no module of Node', () => {
    // The others need Node.
    const portable = Object.keys(entries).filter((name) => !['testing', 'node'].includes(name));
    for (const name of portable.flatMap((each) => [`${each}.js`, `cjs/${each}.js`])) {
      for (const { file, externals } of loadedBy(name)) {
        const builtins = externals.filter((path) => isBuiltin(path));
        must(builtins.length === 0, `${name} has ${file}, which imports ${builtins.join(', ')}`);
        must(!/\bBuffer\b/.test(withoutComments(read(file))), `${name} has ${file}, which uses Buffer`);
      }
    }
  });

  check('the class is built once for each format', () => {
    for (const pattern of [/^[\w-]+\.js$/, /^cjs\/[\w-]+\.js$/]) {
      const holders = files.filter(
        (name) => pattern.test(name) && /\bModelRouter ?= ?class\b|\bclass _?ModelRouter\b/.test(read(name)),
      );
      must(holders.length === 1, `ModelRouter is in ${holders.join(', ') || `no file like ${pattern}`}`);
    }
  });

  check('the declarations name no library but openai', () => {
    for (const file of files.filter((name) => /\.d\.ts$/.test(name))) {
      const others = [...read(file).matchAll(/(?:from|import\()\s*'([^'.][^']*)'/g)]
        .map((match) => match[1] ?? '')
        .filter((name) => !/^(openai(\/.*)?|@opentelemetry\/api|node:.*|http|https|net|stream)$/.test(name));
      must(others.length === 0, `${file}: ${others.join(', ')}`);
    }
  });

  check('import works', () => {
    program(
      'import.mjs',
      `import { ModelRouter } from 'model-router';\nimport { startFakeProvider } from 'model-router/testing';\n${useIt}`,
    );
  });

  check('require works', () => {
    program(
      'require.cjs',
      `const { ModelRouter } = require('model-router');\nconst { startFakeProvider } = require('model-router/testing');\n${useIt}`,
    );
  });

  check('without the optional packages, only what needs them says so', () => {
    const needsTimers = `
      await inVirtualTime(() => undefined).then(
        () => { throw new Error('time became virtual without @sinonjs/fake-timers'); },
        (error) => { if (!/npm install --save-dev @sinonjs\\/fake-timers/.test(error.message)) throw error; },
      );
      if (!(await fakeFetch(answer('hello'))('https://a.test/v1/models')).ok) throw new Error('the fake does not answer');`;
    program(
      'alone.mjs',
      `import { answer, fakeFetch } from 'model-router/testing';
import { inVirtualTime } from 'model-router/simulate';${needsTimers}`,
    );
    program(
      'alone.cjs',
      `const { answer, fakeFetch } = require('model-router/testing');
const { inVirtualTime } = require('model-router/simulate');(async () => {${needsTimers}})();`,
    );
  });

  link('@pydantic/genai-prices');

  for (const major of ['openai', 'openai-6']) {
    link(major, 'openai');
    for (const [file, load] of /** @type {const} */ ([
      ['same-sdk.mjs', "import { ModelRouter } from 'model-router';\nimport OpenAI from 'openai';\n"],
      ['same-sdk.cjs', "const { ModelRouter } = require('model-router');\nconst OpenAI = require('openai');\n"],
    ])) {
      check(`${file}: the SDK is the application's own (${major} ${versionOf(major)})`, () => {
        program(file, `${load}${readFileSync('test/runtimes/same-sdk.js', 'utf8')}`);
      });
    }
  }
  link('openai');

  check('a bundle of esbuild runs, as ES module and CommonJS, minified too', () => {
    for (const [format, minify] of /** @type {const} */ ([
      ['esm', false],
      ['esm', true],
      ['cjs', false],
      ['cjs', true],
    ])) {
      const file = `bundle-${minify}.${format === 'esm' ? 'mjs' : 'cjs'}`;
      const contents = `import { ModelRouter } from 'model-router';\nimport OpenAI from 'openai';\n${readFileSync('test/runtimes/same-sdk.js', 'utf8')}`;
      buildSync({
        stdin: { contents, resolveDir: app },
        bundle: true,
        platform: 'node',
        outfile: join(app, file),
        format,
        minify,
      });
      run(process.execPath, file);
    }
  });

  check('prices come from the table of @pydantic/genai-prices, in both module systems', () => {
    const useTable = `
      const prices = genaiPrices({ provider: 'openai' });
      if (prices({ model: 'gpt-4o-mini', deployment: 'a' })?.input !== 0.15) throw new Error('no price of gpt-4o-mini');
      if (!/^genai-prices \\d/.test(prices.version)) throw new Error('no version: ' + prices.version);
    `;
    program('table.mjs', `import { genaiPrices } from 'model-router/genai-prices';\n${useTable}`);
    program('table.cjs', `const { genaiPrices } = require('model-router/genai-prices');\n${useTable}`);
  });

  check('`model-router cost` prints the projection', () => {
    /** @type {{ bin: Record<string, string> }} */
    const { bin } = JSON.parse(readFileSync(join(installed, 'package.json'), 'utf8'));
    const command = join(installed, bin['model-router'] ?? '');
    // As npm links it: by its first line, where the system knows one.
    const print = (/** @type {string[]} */ ...args) => run(process.execPath, command, ...args);
    must(/^#!\/usr\/bin\/env node\n/.test(readFileSync(command, 'utf8')), 'its first line names no interpreter');
    const table = print('cost');
    for (const cell of ['5M', '$1.25', '$50.00', '5B', '$1,250.00', '$50,000.00', '97.5 %'])
      must(table.includes(cell), `no ${cell} in\n${table}`);
    must(JSON.parse(print('cost', '--json', '--tokens', '1M')).stages[0].usdPerMonth === 0.25, 'wrong JSON');
    must(print('--version').trim() === manifest.version, `--version prints ${print('--version')}`);
    const { status, stderr } = spawnSync(process.execPath, [command, 'cost', '--price', 'much'], { encoding: 'utf8' });
    must(status === 2 && stderr.includes('--price'), `a wrong price ends with ${status}: ${stderr}`);
  });

  check('model-router/gpt-tokenizer does no harm where gpt-tokenizer is missing, and counts where it is not', () => {
    const tokenizer = (/** @type {string} */ ready) => `
      const count = gptTokenizer();
      count.ready.then(() => 1, () => undefined).then((tokens) => {
        if (tokens !== ${ready} || count({ text: 'a', model: 'b' }) !== ${ready}) throw new Error('it is not as it should be');
      });`;
    const use = (/** @type {string} */ ready) => {
      program('tokenizer.mjs', `import { gptTokenizer } from 'model-router/gpt-tokenizer';${tokenizer(ready)}`);
      program('tokenizer.cjs', `const { gptTokenizer } = require('model-router/gpt-tokenizer');${tokenizer(ready)}`);
    };
    use('undefined');
    link('gpt-tokenizer');
    use('1');
  });

  check('a router is an OpenAI to the compiler, in both module systems and with a bundler', () => {
    const typed = `
      import OpenAI from 'openai';
      import { ModelRouter } from 'model-router';
      import { answer as answering, fail, hang, startFakeProvider } from 'model-router/testing';
      const router = new ModelRouter({ apiKey: 'sk-check' });
      export const client: OpenAI = router;
      export const answer: Promise<OpenAI.ChatCompletion> = router.chat.completions.create({ model: 'a', messages: [] });
      export const start: (...args: never[]) => unknown = startFakeProvider;
      export const models = { good: answering(), down: fail(503), slow: hang() };
    `;
    for (const file of ['typed.mts', 'typed.cts']) writeFileSync(join(app, file), typed);
    // With `declaration`, each type that an export has must be exported by the package too.
    const common = {
      strict: true,
      exactOptionalPropertyTypes: true,
      declaration: true,
      noEmit: true,
      target: 'ES2022',
      types: ['node'],
    };
    /** @param {string} name @param {object} options @param {string[]} include */
    const project = (name, options, include) =>
      writeFileSync(join(app, name), JSON.stringify({ compilerOptions: { ...common, ...options }, include }));
    project('tsconfig.node.json', { module: 'NodeNext' }, ['typed.mts', 'typed.cts']);
    project('tsconfig.node16.json', { module: 'Node16' }, ['typed.mts']);
    project('tsconfig.bundler.json', { module: 'ESNext', moduleResolution: 'Bundler' }, ['typed.mts']);
    for (const name of ['node', 'node16', 'bundler'])
      run(resolve('node_modules/.bin/tsc'), '-p', `tsconfig.${name}.json`);
  });
} finally {
  rmSync(app, { recursive: true, force: true });
}

console.log(
  problems.length === 0 ? 'the package is as it should be' : `${problems.length} checks of the package failed`,
);
process.exitCode = problems.length === 0 ? 0 : 1;
