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
});
