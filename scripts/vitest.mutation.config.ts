import { defineConfig } from 'vitest/config';
import base from '../vitest.config.ts';

// Only the tests of the current group of `mutation.mjs`, in workers that accept no flags of the process.
export default defineConfig((env) => {
  const { test, ...rest } = base({ ...env, mode: 'all' });
  const include = (process.env.MUTATION_TESTS ?? '').split(' ');
  return { ...rest, test: { ...test, root: process.cwd(), execArgv: [], include } };
});
