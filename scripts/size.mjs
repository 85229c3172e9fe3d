// How much an application's bundle grows, minified by esbuild and gzipped at level 9. Fails above a limit.
import { gzipSync } from 'node:zlib';
import { buildSync } from 'esbuild';
import { entries } from './entries.mjs';

/**
 * KiB. `index` is the growth of a browser bundle that already contains `openai`. The goal, 60 KiB, is not reached: a
 * bundler can drop nothing, because every option and method of the one class may be used, and they are synchronous, so
 * none can load lazily.
 * @type {Record<string, number>}
 */
const limits = { index: 145, redis: 21, simulate: 44, testing: 24, status: 15 };
/** The limit of an entry point that is not listed. */
const usual = 10;

/** @param {import('esbuild').BuildOptions} options */
function sizeOf(options) {
  const { outputFiles = [] } = buildSync({
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    logLevel: 'error',
    ...options,
  });
  return outputFiles.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0) / 1024;
}

/** A page that creates a client. @param {string} imports @param {string} client */
function pageWith(imports, client) {
  const contents = `${imports}\nglobalThis.client = new ${client}({ apiKey: 'a', dangerouslyAllowBrowser: true });`;
  return sizeOf({ stdin: { contents, resolveDir: '.' }, platform: 'browser' });
}

/** An entry point by itself, without its peers. @param {string} name */
function alone(name) {
  const external = ['node:*', 'openai', '@opentelemetry/api', '@pydantic/genai-prices', 'gpt-tokenizer', '@sinonjs/*'];
  return sizeOf({ entryPoints: [`dist/${name}.js`], outdir: 'dist', platform: 'neutral', external });
}

const plain = pageWith("import OpenAI from 'openai';", 'OpenAI');
const both = pageWith("import OpenAI from 'openai';\nimport { ModelRouter } from './dist/index.js';", 'ModelRouter');
console.log(`a page with openai ${plain.toFixed(1)} KiB, with model-router beside it ${both.toFixed(1)} KiB`);

for (const name of Object.keys(entries)) {
  const [label, size] =
    name === 'index' ? ['model-router, added to openai', both - plain] : [`model-router/${name}`, alone(name)];
  const limit = limits[name] ?? usual;
  const isOver = size > limit;
  console.log(`${isOver ? 'FAILED ' : 'ok     '} ${label}: ${size.toFixed(1)} KiB, limit ${limit} KiB`);
  if (isOver) process.exitCode = 1;
}
