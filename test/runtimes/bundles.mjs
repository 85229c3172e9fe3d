// The scenario's program, by each bundler for each platform. All return the path of one file.
import { join } from 'node:path';
import commonjs from '@rollup/plugin-commonjs';
import resolve from '@rollup/plugin-node-resolve';
import * as esbuild from 'esbuild';
import { rollup } from 'rollup';
import * as vite from 'vite';
import webpack from 'webpack';

const here = import.meta.dirname;
const program = join(here, 'program.mjs');

/**
 * @param {string} out
 * @param {import('esbuild').BuildOptions} options
 */
export async function withEsbuild(out, options) {
  await esbuild.build({
    entryPoints: [program],
    bundle: true,
    minify: true,
    outfile: out,
    logLevel: 'error',
    ...options,
  });
  return out;
}

/** @param {string} out */
export async function withRollup(out) {
  const bundle = await rollup({
    input: program,
    plugins: [resolve({ preferBuiltins: true }), commonjs()],
    external: [/^node:/],
    onwarn() {},
  });
  await bundle.write({ file: out, format: 'es', inlineDynamicImports: true });
  return out;
}

/** @param {string} out @param {'node' | 'web' | 'webworker'} target @param {string} [entry] */
export async function withWebpack(out, target, entry = program) {
  await new Promise((done, failed) => {
    webpack(
      {
        entry,
        mode: 'production',
        target,
        output: { path: join(out, '..'), filename: out.split('/').at(-1) },
        optimization: { splitChunks: false },
        performance: { hints: false },
      },
      (error, stats) => {
        if (error || stats?.hasErrors()) failed(error ?? new Error(stats?.toString({ all: false, errors: true })));
        else done(undefined);
      },
    );
  });
  return out;
}

/** @param {string} out @param {'browser' | 'ssr'} place */
export async function withVite(out, place) {
  const fileName = out.split('/').at(-1) ?? '';
  await vite.build({
    root: here,
    configFile: false,
    logLevel: 'error',
    ssr: { noExternal: true },
    build: {
      outDir: join(out, '..'),
      emptyOutDir: false,
      minify: true,
      ...(place === 'ssr'
        ? { ssr: program, rollupOptions: { output: { entryFileNames: fileName } } }
        : { lib: { entry: program, formats: ['iife'], name: 'program', fileName: () => fileName } }),
    },
  });
  return out;
}
