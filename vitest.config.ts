import { matchesGlob } from 'node:path';
import { fileURLToPath } from 'node:url';
import { configDefaults, defineConfig } from 'vitest/config';

const path = (relative: string) => fileURLToPath(new URL(relative, import.meta.url));

// Long histories, simulations, and what starts browsers and many servers: `npm run test:slow`. CI and `npm run check` run them too.
const SLOW = [
  'test/reliability/**',
  'test/**/*.property.test.ts',
  'test/behaviour/simulate/**',
  'test/unit/experiments/**',
  'test/behaviour/seeing/status-in-chromium.test.ts',
  'test/redis/complaints.test.ts',
  'test/unit/util/heap-bytes.test.ts',
  'test/unit/plan/order/lowest-latency.test.ts',
];
// What depends on the SDK: `npm run test:openai6` runs it on the older one.
const ON_THE_SDK = ['test/behaviour', 'test/contracts', 'test/security', 'test/unit/sdk', 'test/unit/protocol'];

// What counts memory, timers or instances of modules: each of these files has a process of its own. The others share two
// processes, so a module is loaded twice, not once for each file.
const ALONE = [
  'test/behaviour/cache/unread.test.ts',
  'test/behaviour/kept-answers.test.ts',
  'test/behaviour/record-fields.test.ts',
  'test/unit/at-rest.test.ts',
  'test/unit/state/circuit-breaker-lifetime.test.ts',
  'test/unit/state/latency-histogram.test.ts',
];

const include = (mode: string) => {
  if (mode === 'slow') return SLOW.map((glob) => glob.replace(/\*\*$/, '**/*.test.ts'));
  return mode === 'openai6' ? ON_THE_SDK.map((folder) => `${folder}/**/*.test.ts`) : ['test/**/*.test.ts'];
};
const exclude = [...configDefaults.exclude, 'test/types/**'];

/** Which files run, and which of them share a process. */
function selection(mode: string) {
  // The slow files are alone anyway.
  if (mode === 'slow' || mode === 'all') return { include: include(mode), exclude };
  const fast = [...exclude, ...SLOW];
  const alone = include(mode).flatMap((glob) => ALONE.filter((file) => matchesGlob(file, glob)));
  return {
    projects: [
      {
        extends: true as const,
        test: { name: 'shared', isolate: false, include: include(mode), exclude: [...fast, ...ALONE] },
      },
      { extends: true as const, test: { name: 'alone', include: alone, exclude: fast } },
    ],
  };
}

export default defineConfig(({ mode }) => ({
  resolve: {
    alias: [
      { find: /^model-router$/, replacement: path('./src/index.ts') },
      { find: /^model-router\/(.+)$/, replacement: `${path('./src/')}$1/index.ts` },
      ...(mode === 'openai6' ? [{ find: /^openai(?=\/|$)/, replacement: 'openai-6' }] : []),
    ],
  },
  test: {
    ...selection(mode),
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
