import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// The mode `openai6` runs the same tests on the older SDK.
export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^model-router$/, replacement: path('./src/index.ts') },
      { find: /^model-router\/(.+)$/, replacement: `${path('./src/')}$1/index.ts` },
      ...(mode === 'openai6' ? [{ find: /^openai(?=\/|$)/, replacement: 'openai-6' }] : []),
    ],
  },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/types/**'],
    pool: 'forks',
    maxWorkers: 2,
    execArgv: ['--expose-gc'],
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    testTimeout: 20_000,
    hookTimeout: 20_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['**/*.d.ts'], reporter: ['text', 'html'] },
  },
}));
