import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const IMPORT = /^(?:import|export)\b[^;]*?from '([^']+)'|\bimport\('([^']+)'\)/gm;

/** The imports of each file, including types; the project's own files as paths in `src`. */
const imports = new Map(
  files.map((file) => {
    const paths = [...readFileSync(`src/${file}`, 'utf8').matchAll(IMPORT)].map(
      ([, from, dynamic]) => from ?? dynamic ?? '',
    );
    return [
      file,
      paths.map((path) => (path.startsWith('.') ? join(dirname(file), path).replace(/\.js$/, '.ts') : path)),
    ];
  }),
);

/** Folders that need Node. */
const NODE_ONLY = ['testing', 'cli', 'node', 'status/node'];

/** From the top: a file imports only from its own layer and from those below. */
const LAYERS = [
  ['testing/', 'simulate/', 'otel/', 'redis/', 'status/', 'node/', 'cli/', 'genai-prices/', 'gpt-tokenizer/'],
  ['index.ts'],
  ['model-router.ts', 'as-fetch.ts'],
  ['dispatch.ts', 'unrouted.ts', 'inspect/', 'setup.ts', 'router-parts.ts'],
  ['request/', 'engine.ts', 'router-life.ts', 'deployments.ts', 'fleet-host.ts', 'assemble.ts'],
  ['call/', 'plan/', 'attempt/'],
  ['state/', 'classify.ts', 'prices/', 'options/', 'sdk/', 'protocol/', 'tokens/', 'experiments/'],
  ['telemetry/'],
  ['types.ts', 'errors.ts', 'pipeline.ts', 'util/'],
];

describe('the source', () => {
  it('needs no Node builtin except in Node’s own entry points', () => {
    const portable = files.filter((file) => !NODE_ONLY.some((folder) => file.startsWith(folder)));
    const found = portable.filter(
      (file) =>
        imports.get(file)?.some(isBuiltin) ||
        /^(?! *(\*|\/\/|\/\*)).*\bBuffer[.(]/m.test(readFileSync(`src/${file}`, 'utf8')),
    );
    expect(found).toEqual([]);
  });

  it('has no import cycle, even of types', () => {
    // `types.ts` names the state that an attempt refers to, and the state stores attempts.
    const vocabulary = 'types.ts';
    const cycles: string[] = [];
    const done = new Set([vocabulary]);
    const visit = (file: string, path: readonly string[]): void => {
      if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' > '));
      if (path.includes(file) || done.has(file)) return;
      for (const each of imports.get(file) ?? []) visit(each, [...path, file]);
      done.add(file);
    };
    for (const file of files) visit(file, []);
    expect(cycles).toEqual([]);
  });

  it('imports downward only, types included', () => {
    const layerOf = (file: string) =>
      LAYERS.findIndex((layer) => layer.some((part) => (part.endsWith('/') ? file.startsWith(part) : file === part)));
    expect(files.filter((file) => layerOf(file) === -1)).toEqual([]);
    const upward = files
      // `types.ts` names the state that an attempt refers to.
      .filter((file) => file !== 'types.ts')
      .flatMap((file) =>
        (imports.get(file) ?? [])
          .filter((path) => path.endsWith('.ts') && layerOf(path) < layerOf(file))
          .map((path) => `${file} > ${path}`),
      );
    expect(upward).toEqual([]);
  });

  it.each([
    ['call/', ['attempt/']],
    ['plan/', ['call/', 'attempt/', 'sdk/', 'state/']],
    ['state/', ['sdk/']],
  ])('%s does not import %s', (room, others) => {
    const edges = files
      .filter((file) => file.startsWith(room))
      .flatMap((file) => (imports.get(file) ?? []).map((path) => ({ file, path })));
    expect(edges.filter(({ path }) => others.some((other) => path.startsWith(other)))).toEqual([]);
  });

  it('has no variable at module level', () => {
    // The script of the status page runs by itself in a browser.
    const found = files.filter(
      (file) => file !== 'status/assets/app.ts' && /^(?:export )?let /m.test(readFileSync(`src/${file}`, 'utf8')),
    );
    expect(found).toEqual([]);
  });
});
