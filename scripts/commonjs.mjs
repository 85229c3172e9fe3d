// Converts the ES build to CommonJS, file by file: both have the same modules, and entry points share their code.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { transformSync } from 'esbuild';

/** The imports of the package's own files, under their CommonJS names. @param {string} code */
const siblings = (code) => code.replaceAll(/(from ?|import\(|import ?)(["'])(\.\/[\w-]+)\.js\2/g, '$1$2$3.cjs$2');

for (const name of readdirSync('dist')) {
  // The command is a program, not a module.
  if (name === 'cli.js') continue;
  const file = `dist/${name}`;
  if (name.endsWith('.d.ts')) {
    writeFileSync(file.replace(/\.ts$/, '.cts'), siblings(readFileSync(file, 'utf8')));
  } else if (name.endsWith('.js')) {
    const { code } = transformSync(siblings(readFileSync(file, 'utf8')), {
      format: 'cjs',
      platform: 'node',
      target: 'node22',
      minifyWhitespace: true,
      lineLimit: 160,
      define: { 'import.meta.url': '__filename' },
    });
    writeFileSync(file.replace(/\.js$/, '.cjs'), code);
  }
}
