// Compiles every ```ts block of README.md and docs/*.md as a module of its own against the built package, and checks
// that what they link to exists, headings included, and is in the package. Two comments, invisible on the page, may stand right before a block:
//   <!-- given: const messages: ChatMessage[]; const router: ModelRouter -->   names that the block may use undeclared
//   <!-- continues -->                                                         the block continues the one before it
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, matchesGlob, sep } from 'node:path';

const out = '.docs-check';
const docs = existsSync('docs')
  ? readdirSync('docs', { recursive: true, encoding: 'utf8' }).map((file) => join('docs', file))
  : [];
const files = [
  'README.md',
  'CHANGELOG.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  join('examples', 'README.md'),
  ...docs.sort(),
].filter((file) => file.endsWith('.md') && existsSync(file));
/** @type {{ files: string[] }} */
const manifest = JSON.parse(readFileSync('package.json', 'utf8'));
/** What npm packs by itself, and what `files` adds. */
const packed = ['README.md', 'LICENSE', 'package.json', ...manifest.files.filter((each) => !each.startsWith('!'))];
const left = manifest.files.filter((each) => each.startsWith('!')).map((each) => each.slice(1));

/**
 * The blocks of one page. Each is the whole page with all other lines emptied, so that the compiler's line numbers are the page's.
 * @param {string} text
 */
function blocksOf(text) {
  const lines = text.split('\n');
  /** @type {{ line: number; code: string[] }[]} */
  const blocks = [];
  let fence = '';
  let isCode = false;
  /** @type {string[]} */
  let code = [];
  let comment = '';
  for (const [index, line] of lines.entries()) {
    const mark = /^\s*(`{3,}|~{3,})\s*(\w*)/.exec(line);
    if (fence === '' && mark?.[1] !== undefined) {
      fence = mark[1];
      isCode = mark[2] === 'ts' || mark[2] === 'typescript';
      if (!isCode) continue;
      const given = /<!--\s*given:([\s\S]*?)-->/.exec(comment)?.[1];
      const earlier = /<!--\s*continues\s*-->/.test(comment) ? blocks.at(-1) : undefined;
      code = earlier === undefined ? [] : [...earlier.code];
      while (code.length <= index) code.push('');
      if (given !== undefined) code[index] = declarations(given);
    } else if (fence !== '' && line.trim().startsWith(fence)) {
      if (isCode) blocks.push({ line: index + 1, code });
      fence = '';
      isCode = false;
      comment = '';
    } else if (isCode) {
      code[index] = line;
    } else if (fence === '') {
      // A comment counts only right before its block: any other text ends it.
      const inComment = comment.lastIndexOf('<!--') > comment.lastIndexOf('-->');
      comment = inComment || line.trimStart().startsWith('<!--') || line.trim() === '' ? `${comment}\n${line}` : '';
    }
  }
  return blocks;
}

/** `const a: A; function f(): void` as ambient declarations on one line. @param {string} given */
function declarations(given) {
  return given
    .split(/;\s*(?=(?:const|let|function|class|type|interface|import)\b)|;\s*$/)
    .map((part) => part.replaceAll(/\s+/g, ' ').trim())
    .filter((part) => part !== '')
    .map((part) => (part.startsWith('import') ? `${part};` : `declare ${part};`))
    .join(' ');
}

/** The headings of a page as GitHub and npm name them in links. @param {string} file */
function anchorsOf(file) {
  const lines = readFileSync(file, 'utf8')
    .replaceAll(/^(`{3,})[\s\S]*?^\1\s*$/gm, '')
    .matchAll(/^#+\s+(.*)$/gm);
  return new Set(
    [...lines].map(([, heading = '']) =>
      heading
        .trim()
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, '')
        .replaceAll(/\s/g, '-'),
    ),
  );
}

/** @param {string} file @param {string} text */
function brokenLinks(file, text) {
  const prose = text.replaceAll(/^\s*(`{3,})[\s\S]*?^\s*\1\s*$/gm, '').replaceAll(/`[^`\n]*`/g, '');
  return [...prose.matchAll(/\]\(([^)\s#]*)(?:#([^)\s]+))?[^)]*\)/g)].flatMap(([, path = '', anchor]) => {
    if (/^[a-z]+:/.test(path)) return [];
    const target = path === '' ? file : join(dirname(file), path);
    if (!existsSync(target)) return [`${file}: links to ${path}, which does not exist`];
    const holds = (/** @type {string} */ each) => matchesGlob(target, each) || target.startsWith(`${each}${sep}`);
    if (!packed.some(holds) || left.some(holds)) return [`${file}: links to ${path}, which is not in the package`];
    if (anchor !== undefined && target.endsWith('.md') && !anchorsOf(target).has(anchor))
      return [`${file}: links to ${path}#${anchor}, and there is no such heading`];
    return [];
  });
}

rmSync(out, { recursive: true, force: true });
mkdirSync(out);
writeFileSync(
  join(out, 'tsconfig.json'),
  // Without `paths` the package resolves itself by its `exports`, as for a user.
  JSON.stringify({ extends: '../tsconfig.json', compilerOptions: { paths: {} }, include: ['*.ts'] }),
);

/** @type {Map<string, string>} */
const pages = new Map();
/** @type {string[]} */
const problems = [];
for (const file of files) {
  const text = readFileSync(file, 'utf8');
  problems.push(...brokenLinks(file, text));
  for (const { line, code } of blocksOf(text)) {
    const name = `${file.replaceAll(/[^\w]/g, '_')}_${line}.ts`;
    pages.set(name, file);
    writeFileSync(join(out, name), `${code.join('\n')}\nexport {};\n`);
  }
}

if (pages.size > 0) {
  const { status, stdout, stderr } = spawnSync('tsc', ['-p', out, '--pretty', 'false'], {
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) {
    const named = `${stdout}${stderr}`.replaceAll(
      /^(?:\.docs-check[\\/])?(\w+\.ts)\((\d+),(\d+)\)/gm,
      (whole, name, line, column) => (pages.has(name) ? `${pages.get(name)}:${line}:${column}` : whole),
    );
    problems.push(named.trim() || `tsc did not run (${status})`);
  }
}
rmSync(out, { recursive: true, force: true });

for (const problem of problems) console.error(problem);
console.log(`${pages.size} code blocks of ${files.length} pages compiled${problems.length > 0 ? ', with errors' : ''}`);
process.exitCode = problems.length > 0 ? 1 : 0;
