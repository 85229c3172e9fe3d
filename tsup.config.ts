import { rmSync } from 'node:fs';
import { defineConfig, type Options } from 'tsup';

// Here and not by tsup's `clean`: the two builds run at the same time, and one would remove what the other has written.
rmSync('dist', { recursive: true, force: true });

const shared: Options = {
  entry: { index: 'src/index.ts', testing: 'src/testing/index.ts', 'gpt-tokenizer': 'src/gpt-tokenizer/index.ts' },
  tsconfig: 'tsconfig.build.json',
  target: 'node22',
  platform: 'node',
  sourcemap: true,
  dts: true,
  external: ['openai', 'gpt-tokenizer'],
};

export default defineConfig([
  { ...shared, format: 'esm', splitting: true },
  // p-retry and is-network-error are ESM only, so the CommonJS build carries them. No splitting: there tsup rewrites
  // the code (`?.` and `??` become helper calls).
  { ...shared, format: 'cjs', splitting: false, noExternal: ['p-retry', 'is-network-error'] },
]);
