import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../../src/util/sha256.js';

afterEach(() => vi.unstubAllGlobals());

/** The `process` of Next.js's edge runtime: Node's functions exist, and throw. */
function nextEdgeProcess() {
  return {
    getBuiltinModule() {
      throw new Error('A Node.js API is used (process.getBuiltinModule) which is not supported in the Edge Runtime.');
    },
  };
}

describe('sha256', () => {
  it.each(['', 'abc', 'é😀漢', 'x'.repeat(100_000)])('is the same with and without the platform’s own (%#)', (text) => {
    const expected = createHash('sha256').update(text).digest('base64url');
    expect(sha256(text)).toBe(expected);
    vi.stubGlobal('process', { getBuiltinModule: () => ({ createHash }) });
    expect(sha256(text)).toBe(expected);
    vi.stubGlobal('process', undefined);
    expect(sha256(text)).toBe(expected);
    vi.stubGlobal('process', { getBuiltinModule: () => undefined });
    expect(sha256(text)).toBe(expected);
    vi.stubGlobal('process', nextEdgeProcess());
    expect(sha256(text)).toBe(expected);
  });
});
