import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// Modes: `openai6` runs the same tests on the older SDK, `drills` the reliability tests at their full length.
export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^model-router$/, replacement: path('./src/index.ts') },
      { find: /^model-router\/testing$/, replacement: path('./src/testing/index.ts') },
      ...(mode === 'openai6' ? [{ find: /^openai(?=\/|$)/, replacement: 'openai-6' }] : []),
    ],
  },
  test: {
    include: mode === 'drills' ? ['test/reliability/**/*.test.ts'] : ['test/**/*.test.ts'],
    exclude: [...configDefaults.exclude, 'test/types/**'],
    env: { DRILLS: mode === 'drills' ? 'full' : 'short' },
    pool: 'forks',
    maxWorkers: 2,
    execArgv: ['--expose-gc'],
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    testTimeout: mode === 'drills' ? 600_000 : 20_000,
    hookTimeout: 20_000,
    coverage: { provider: 'v8', include: ['src/**/*.ts'], exclude: ['**/*.d.ts'], reporter: ['text', 'html'] },
  },
}));
