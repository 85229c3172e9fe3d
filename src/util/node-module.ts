type Names = 'node:crypto' | 'node:diagnostics_channel' | 'node:fs';

/**
 * A module of Node, where the runtime has it. Looked up at run time: an import would not load elsewhere. Next.js's edge
 * runtime has a `process` whose functions throw.
 */
export function nodeModule<Name extends Names>(
  name: Name,
): ReturnType<typeof process.getBuiltinModule<Name>> | undefined {
  try {
    return globalThis.process?.getBuiltinModule?.(name);
  } catch {
    return undefined;
  }
}
