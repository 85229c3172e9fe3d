import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

/** What records call the table: with the version that is installed, where it can be read (in a bundle it cannot). */
export function tableVersion(): string {
  try {
    // The package does not export its manifest.
    const here = typeof __filename === 'string' ? __filename : import.meta.url;
    const main = createRequire(here).resolve('@pydantic/genai-prices');
    const manifest: { version?: unknown } = JSON.parse(readFileSync(join(main, '../../package.json'), 'utf8'));
    return typeof manifest.version === 'string' ? `genai-prices ${manifest.version}` : 'genai-prices';
  } catch {
    return 'genai-prices';
  }
}
