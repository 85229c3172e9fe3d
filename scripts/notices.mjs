// Writes THIRD-PARTY-NOTICES: the licences of the packages whose code is in `dist`, as the bundler lists them.
import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';

const metafile = 'dist/metafile-esm.json';
/** @type {{ inputs: Record<string, object> }} */
const { inputs } = JSON.parse(readFileSync(metafile, 'utf8'));
const names = Object.keys(inputs).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);

const notices = [...new Set(names)]
  .filter((name) => name !== undefined)
  .sort()
  .map((name) => {
    const folder = `node_modules/${name}`;
    /** @type {{ version: string; license: string }} */
    const { version, license } = JSON.parse(readFileSync(`${folder}/package.json`, 'utf8'));
    const file = readdirSync(folder).find((each) => /^licen[cs]e/i.test(each));
    if (file === undefined) throw new Error(`${name} has no licence file.`);
    return `${name} ${version} (${license})\n\n${readFileSync(`${folder}/${file}`, 'utf8').trim()}\n`;
  });

const line = `\n${'-'.repeat(80)}\n\n`;
writeFileSync('THIRD-PARTY-NOTICES', ['model-router contains code of these packages.\n', ...notices].join(line));
rmSync(metafile);
