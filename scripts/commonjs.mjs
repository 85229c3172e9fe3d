// Makes the CommonJS build of the ES build, file by file: both have the same modules, and entry points share their code.
// It lies in a folder of its own under the same names: npm packs files of one name side by side, and packs them smaller.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { transformSync } from 'esbuild';

const files = readdirSync('dist');
mkdirSync('dist/cjs');
writeFileSync('dist/cjs/package.json', '{ "type": "commonjs", "sideEffects": false }\n');

for (const name of files) {
  // The command is a program, not a module.
  if (name === 'cli.js') continue;
  if (name.endsWith('.d.ts')) copyFileSync(`dist/${name}`, `dist/cjs/${name}`);
  else if (name.endsWith('.js')) {
    const { code } = transformSync(readFileSync(`dist/${name}`, 'utf8'), {
      format: 'cjs',
      platform: 'node',
      target: 'node22',
      minifyWhitespace: true,
      lineLimit: 160,
      define: { 'import.meta.url': '__filename' },
    });
    writeFileSync(`dist/cjs/${name}`, code);
  }
}
