import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// Long histories and simulations: `npm run test:slow`. CI and `npm run check` run them too.
const SLOW = [
  'test/reliability/**',
  'test/**/*.property.test.ts',
  'test/behaviour/simulate/**',
  'test/unit/experiments/**',
  'test/unit/plan/order/lowest-latency.test.ts',
];
// What depends on the SDK: `npm run test:openai6` runs it on the older one.
const ON_THE_SDK = ['test/behaviour', 'test/contracts', 'test/security', 'test/unit/sdk', 'test/unit/protocol'];

const include = (mode: string) => {
  if (mode === 'slow') return SLOW.map((glob) => glob.replace(/\*\*$/, '**/*.test.ts'));
  return mode === 'openai6' ? ON_THE_SDK.map((folder) => `${folder}/**/*.test.ts`) : ['test/**/*.test.ts'];
};

export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^model-router$/, replacement: path('./src/index.ts') },
      { find: /^model-router\/(.+)$/, replacement: `${path('./src/')}$1/index.ts` },
      ...(mode === 'openai6' ? [{ find: /^openai(?=\/|$)/, replacement: 'openai-6' }] : []),
    ],
  },
  test: {
    include: include(mode),
    exclude: [...configDefaults.exclude, 'test/types/**', ...(mode === 'slow' || mode === 'all' ? [] : SLOW)],
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
