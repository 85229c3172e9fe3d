import { rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type Options } from 'tsup';
import { entries } from './scripts/entries.mjs';

rmSync('dist', { recursive: true, force: true });

type Plugin = NonNullable<Options['esbuildPlugins']>[number];

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

/** Libraries that are bundled and import a Node builtin get it from us, or are taken in their build without it. */
const withoutBuiltins: Plugin = {
  name: 'without-builtins',
  setup(build) {
    build.onResolve({ filter: /^events$/ }, () => ({ path: 'events', namespace: 'builtin' }));
    build.onLoad({ filter: /^events$/, namespace: 'builtin' }, () => ({
      contents: `const { EventEmitter } = require('./event-emitter.ts');
        module.exports = Object.assign(EventEmitter, { EventEmitter });`,
      resolveDir: path('./src/util'),
    }));
    build.onResolve({ filter: /^lru-cache$/ }, () => ({
      path: path('./node_modules/lru-cache/dist/esm/browser/index.js'),
    }));
  },
};

export default defineConfig({
  // The command is a program, not a module: it has no declarations, and one format is enough.
  entry: { ...entries, cli: 'src/cli/index.ts' },
  dts: { entry: entries },
  format: 'esm',
  splitting: true,
  tsconfig: 'tsconfig.build.json',
  target: 'node22',
  platform: 'neutral',
  removeNodeProtocol: false,
  // What is not a peer is bundled: opossum requires `events`, which breaks ES bundles, Workers and browsers.
  external: [
    /^node:/,
    'openai',
    '@opentelemetry/api',
    '@pydantic/genai-prices',
    'gpt-tokenizer',
    '@sinonjs/fake-timers',
  ],
  esbuildPlugins: [withoutBuiltins],
  esbuildOptions(options) {
    // opossum has nothing but `main`.
    options.mainFields = ['module', 'main'];
    // Every name stays, so stacks can be read; the reasons in comments are in the repository.
    options.minifyWhitespace = true;
    options.lineLimit = 160;
  },
  metafile: true,
});
