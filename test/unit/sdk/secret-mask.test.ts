import { describe, expect, it } from 'vitest';
import { SecretMask } from '../../../src/sdk/secret-mask.js';

describe('SecretMask', () => {
  it('replaces the longest of secrets that begin alike', () => {
    const mask = new SecretMask(['sk-abcdef', 'sk-abcdef-more', 'sk-abcdef-mo']);
    expect(mask.mask('sk-abcdef sk-abcdef-more sk-abcdef-mo sk-abcdef-m')).toBe('*** *** *** ***-m');
  });

  it('does not change texts without secrets, and does not mask short secrets', () => {
    const mask = new SecretMask(['abcde', ' ', '']);
    expect(mask.mask('abcde abcdef')).toBe('abcde abcdef');
  });

  it('spares the excepted word', () => {
    expect(new SecretMask(['my-model', 'my-secret']).mask('my-model my-secret', 'my-model')).toBe('my-model ***');
  });

  it('masks the whole base64 text that contains a secret', () => {
    const text = `Basic ${btoa('sk-0123456789:rest of it')} and more`;
    expect(new SecretMask(['sk-0123456789']).mask(text)).toBe('Basic *** and more');
  });

  it('reads each place of a text once, for a thousand keys with the same beginning', () => {
    const keys = Array.from({ length: 1000 }, (_, i) => `sk-proj-${'x'.repeat(40)}${i}`);
    const mask = new SecretMask(keys);
    const text = 'sk-proj-'.repeat(8192);
    let reads = 0;
    const counted = Object.create(String.prototype, {
      length: { value: text.length },
      charCodeAt: { value: (at: number) => text.charCodeAt(at) },
      slice: {
        value: (from: number, to?: number) => {
          reads++;
          return text.slice(from, to);
        },
      },
    });
    mask.mask(counted);
    // The beginning, then one read for each length of the keys' forms: not one for each key.
    expect(reads).toBeLessThan(20 * text.length);
  });
});
