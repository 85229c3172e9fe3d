// Writes docs/api.md: everything that the package exports, by entry point, with its docblocks. A change of the public
// surface so shows in review. `npm run api` writes the page, `npm run api -- --check` fails if it is not up to date.
import { readFileSync, writeFileSync } from 'node:fs';
import { relative } from 'node:path';
import ts from 'typescript';
import { entries } from './entries.mjs';

const page = 'docs/api.md';
const config = ts.getParsedCommandLineOfConfigFile(
  'tsconfig.json',
  {},
  { ...ts.sys, onUnRecoverableConfigFileDiagnostic: (problem) => console.error(problem.messageText) },
);
const program = ts.createProgram(Object.values(entries), { ...config?.options, noEmit: true });
const checker = program.getTypeChecker();

/** The declaration with its docblock, up to `end`. @param {ts.Node} node @param {ts.Node} [end] */
function textOf(node, end) {
  const file = node.getSourceFile();
  return file.text
    .slice(node.getStart(file, true), end === undefined ? node.end : end.getFullStart())
    .replace(/^export (default )?/m, '')
    .trimEnd();
}

/** A member of a class as its users see it, without private ones. @param {ts.ClassElement} member */
function memberOf(member) {
  const hidden = ts.ModifierFlags.Private | ts.ModifierFlags.Protected;
  const { name } = member;
  if (ts.isClassStaticBlockDeclaration(member) || ts.getCombinedModifierFlags(member) & hidden) return undefined;
  if (name !== undefined && ts.isPrivateIdentifier(name)) return undefined;
  // Well-known symbols are public; a module's own symbols are not.
  if (name !== undefined && ts.isComputedPropertyName(name) && !name.getText().startsWith('[Symbol.')) return undefined;
  const body = 'body' in member ? /** @type {ts.Node | undefined} */ (member.body) : undefined;
  const text = textOf(member, body).replace(/\b(async|declare|override) /g, (word, _, at, whole) =>
    // Only before the name, not in the docblock.
    at > whole.lastIndexOf('*/') ? '' : word,
  );
  return text.endsWith(';') ? text : `${text};`;
}

/** @param {ts.Declaration} node @param {string} name */
function declarationOf(node, name) {
  if (ts.isClassDeclaration(node)) {
    const [first] = node.members;
    const members = node.members.map(memberOf).filter((text) => text !== undefined);
    const head = first === undefined ? textOf(node) : textOf(node, first).replace(/\{$/, '').trimEnd();
    return `${head} {\n${members.map((text) => `  ${text}`).join('\n')}\n}`;
  }
  if (ts.isFunctionDeclaration(node)) return `${textOf(node, node.body).replace(/;$/, '')};`;
  if (ts.isVariableDeclaration(node)) {
    const statement = node.parent.parent;
    const type = checker.typeToString(checker.getTypeAtLocation(node), node, ts.TypeFormatFlags.NoTruncation);
    const [doc] = ts.getJSDocCommentsAndTags(statement).map((part) => part.getText());
    return `${doc === undefined ? '' : `${doc}\n`}const ${name}: ${type};`;
  }
  return textOf(node);
}

/** @type {string[]} */
const undocumented = [];

/** Each export has a docblock, and so has each option. @param {ts.Declaration} node @param {ts.Symbol} exported */
function checkDocs(node, exported) {
  const hasDocs = (/** @type {ts.Symbol | undefined} */ symbol) =>
    symbol?.getDocumentationComment(checker).length !== 0;
  const { name } = exported;
  if (!hasDocs(checker.getTypeAtLocation(node).symbol ?? exported) && ts.getJSDocCommentsAndTags(node).length === 0)
    undocumented.push(name);
  if (!ts.isInterfaceDeclaration(node) || !name.endsWith('Options')) return;
  for (const member of node.members) {
    if (member.name !== undefined && !hasDocs(checker.getSymbolAtLocation(member.name)))
      undocumented.push(`${name}.${member.name.getText()}`);
  }
}

const specifierOf = (/** @type {string} */ entry) => (entry === 'index' ? 'model-router' : `model-router/${entry}`);
const order = Object.keys(entries).sort((a, b) => Number(b === 'index') - Number(a === 'index') || (a < b ? -1 : 1));
/** @type {Map<ts.Symbol, string>} */
const written = new Map();
const parts = [
  '# API reference',
  '',
  'Everything that the package exports, with its docblocks, by entry point. `npm run api` writes this page from the sources.',
  'The options have pages of their own: [all options](options.md).',
];

for (const entry of order) {
  const source = program.getSourceFile(entries[entry] ?? '');
  const module = source && checker.getSymbolAtLocation(source);
  if (module === undefined) throw new Error(`${entry} exports nothing`);
  parts.push('', `## \`${specifierOf(entry)}\``);
  const names = checker.getExportsOfModule(module).sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const exported of names) {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported;
    const nodes = symbol.declarations ?? [];
    const file = relative('.', nodes[0]?.getSourceFile().fileName ?? '');
    const earlier = written.get(symbol);
    parts.push('', `### ${exported.name}`, '');
    if (earlier !== undefined) {
      parts.push(`The same as in \`${earlier}\`.`);
    } else if (!file.startsWith('src/')) {
      parts.push(`From \`${/node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? file}\`.`);
    } else {
      written.set(symbol, specifierOf(entry));
      for (const node of nodes) checkDocs(node, exported);
      // Of an overloaded function, only the signatures that callers see.
      const seen = nodes.length > 1 ? nodes.filter((node) => !('body' in node && node.body)) : nodes;
      // `tsx`: coloured as code, but not compiled by `npm run docs:check`.
      parts.push('```tsx', ...seen.map((node) => declarationOf(node, exported.name)), '```');
    }
  }
}

if (undocumented.length > 0) {
  console.error(`No docblock: ${undocumented.join(', ')}`);
  process.exitCode = 1;
}

const text = `${parts.join('\n')}\n`;
if (!process.argv.includes('--check')) writeFileSync(page, text);
else if (readFileSync(page, 'utf8') !== text) {
  console.error(
    `${page} does not show the package's exports as they are. Run \`npm run api\`, and look at the change.`,
  );
  process.exitCode = 1;
}
