import { existsSync, readdirSync } from 'node:fs';

const names = readdirSync('src').filter((name) => existsSync(`src/${name}/index.ts`));

/** What the package exports, by name: a folder of `src` with an `index.ts` is an entry point. The command is a program. */
export const entries = Object.fromEntries([
  ['index', 'src/index.ts'],
  ...names.filter((name) => name !== 'cli').map((name) => [name, `src/${name}/index.ts`]),
]);

/** The files of `dist` that the build must have made. */
export const outputs = Object.keys(entries).flatMap((name) =>
  ['dist', 'dist/cjs'].flatMap((folder) => [`${folder}/${name}.js`, `${folder}/${name}.d.ts`]),
);
