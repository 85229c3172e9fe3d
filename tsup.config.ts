import { rmSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

// Here and not by tsup's `clean`: the two builds run at the same time, and one would remove what the other has written.
rmSync('dist', { recursive: true, force: true });

const entry = {
  index: 'src/index.ts',
  testing: 'src/testing/index.ts',
  simulate: 'src/simulate/index.ts',
  'genai-prices': 'src/genai-prices/index.ts',
  'gpt-tokenizer': 'src/gpt-tokenizer/index.ts',
};

const shared: Options = {
  entry,
  tsconfig: 'tsconfig.build.json',
  target: 'node22',
  platform: 'node',
  sourcemap: true,
  dts: true,
  external: ['openai', '@pydantic/genai-prices', 'gpt-tokenizer', '@sinonjs/fake-timers'],
};

export default defineConfig([
  // The command is a program, not a module: it has no declarations, and one format is enough.
  { ...shared, entry: { ...entry, cli: 'src/cli/index.ts' }, dts: { entry }, format: 'esm', splitting: true },
  // p-retry, is-network-error and @noble/hashes are ESM only, so the CommonJS build carries them. No splitting: there tsup rewrites
  // the code (`?.` and `??` become helper calls).
  { ...shared, format: 'cjs', splitting: false, noExternal: ['p-retry', 'is-network-error', /^@noble\/hashes/] },
]);
