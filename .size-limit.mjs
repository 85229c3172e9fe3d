// What an application's bundle holds of each entry point: minified, without its peers.
import { buildSync } from 'esbuild';
import { entries } from './scripts/entries.mjs';

/** Gzipped. `index` is what a browser bundle adds to that of `openai`; the goal is 60 KiB. @type {Record<string, string>} */
const limits = { index: '150 kB', redis: '22 kB', simulate: '45 kB', testing: '22 kB', status: '16 kB' };
/** Of an entry point that is not listed. */
const usual = '10 kB';

buildSync({
  entryPoints: Object.keys(entries).map((name) => `dist/${name}.js`),
  outdir: '.size',
  bundle: true,
  minify: true,
  format: 'esm',
  logLevel: 'error',
  platform: 'neutral',
  external: [
    'node:*',
    'openai',
    '@opentelemetry/api',
    '@pydantic/genai-prices',
    'gpt-tokenizer',
    '@sinonjs/fake-timers',
  ],
});

export default Object.keys(entries).map((name) => ({
  name: name === 'index' ? 'model-router' : `model-router/${name}`,
  path: `.size/${name}.js`,
  gzip: true,
  limit: limits[name] ?? usual,
}));
