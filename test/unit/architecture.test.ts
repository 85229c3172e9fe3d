import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';

const files = readdirSync('src', { recursive: true, encoding: 'utf8' }).filter((file) => file.endsWith('.ts'));
const IMPORT = /^(?:import|export)\b[^;]*?from '([^']+)'|\bimport\('([^']+)'\)/gm;

/** What each file imports, types included; files of ours as paths in `src`. */
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

/** Node's by nature. */
const NODE_ONLY = ['testing', 'cli', 'node', 'status/node'];

describe('the source', () => {
  it('needs no Node builtin but where it is Node’s by nature', () => {
    const portable = files.filter((file) => !NODE_ONLY.some((folder) => file.startsWith(folder)));
    const found = portable.filter(
      (file) =>
        imports.get(file)?.some(isBuiltin) ||
        /^(?! *(\*|\/\/|\/\*)).*\bBuffer[.(]/m.test(readFileSync(`src/${file}`, 'utf8')),
    );
    expect(found).toEqual([]);
  });

  it('has no import cycle, of types neither', () => {
    // The vocabulary names the state that an attempt carries, and the state remembers attempts.
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

  it.each([
    ['call/', ['attempt/']],
    ['plan/', ['call/', 'attempt/', 'sdk/', 'state/']],
    ['state/', ['call/', 'plan/', 'attempt/', 'request/', 'sdk/', 'inspect/']],
    ['telemetry/', ['call/', 'plan/', 'attempt/', 'request/', 'state/', 'inspect/', 'experiments/']],
    ['util/', ['call/', 'plan/', 'attempt/', 'request/', 'sdk/', 'state/', 'options/', 'telemetry/', 'inspect/']],
  ])('%s imports nothing of the layers above it', (layer, above) => {
    const found = files
      .filter((file) => file.startsWith(layer))
      .flatMap((file) => (imports.get(file) ?? []).map((path) => `${file} > ${path}`))
      .filter((edge) => above.some((folder) => edge.includes(`> ${folder}`)));
    expect(found).toEqual([]);
  });
});
