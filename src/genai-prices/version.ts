/** What records call the table: with the installed version, where it can be read (in a bundle it cannot). */
export function tableVersion(): string {
  try {
    // Not by imports: the module must load where there are no files.
    const { createRequire } = process.getBuiltinModule('node:module');
    const { readFileSync } = process.getBuiltinModule('node:fs');
    const { join } = process.getBuiltinModule('node:path');
    // The package does not export its manifest.
    const main = createRequire(import.meta.url).resolve('@pydantic/genai-prices');
    const manifest: { version?: unknown } = JSON.parse(readFileSync(join(main, '../../package.json'), 'utf8'));
    return typeof manifest.version === 'string' ? `genai-prices ${manifest.version}` : 'genai-prices';
  } catch {
    return 'genai-prices';
  }
}
