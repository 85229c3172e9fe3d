type Names = 'node:crypto' | 'node:diagnostics_channel' | 'node:fs';

/**
 * A Node module, if the runtime has it. Looked up at run time, because an import would not load elsewhere. In Next.js's
 * edge runtime, the functions of `process` throw.
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
