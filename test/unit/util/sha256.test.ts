import { createHash } from 'node:crypto';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { sha256 } from '../../../src/util/sha256.js';

afterEach(() => vi.unstubAllGlobals());

describe('sha256', () => {
  it.each(['', 'abc', 'é😀漢', 'x'.repeat(100_000)])('is the same with and without the platform’s own (%#)', (text) => {
    const expected = createHash('sha256').update(text).digest('base64url');
    expect(sha256(text)).toBe(expected);
    vi.stubGlobal('process', undefined);
    expect(sha256(text)).toBe(expected);
    vi.stubGlobal('process', { getBuiltinModule: () => undefined });
    expect(sha256(text)).toBe(expected);
  });
});
