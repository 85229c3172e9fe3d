/** The table's name in records, with the installed version if it can be read, which a bundle prevents. */
export function tableVersion(): string {
  try {
    // Not imports, because the module must load where there are no files.
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
