import { sha256 as portable } from '@noble/hashes/sha2.js';
import { encodeBase64 } from './base64.js';
import { nodeModule } from './node-module.js';

/**
 * SHA-256 of the text's UTF-8 bytes, 43 characters of base64url. The platform's own where there is one: it is many
 * times as fast. Workers without Node's modules and browsers have only an asynchronous one, so they get a library's.
 */
export function sha256(text: string): string {
  const crypto = nodeModule('node:crypto');
  if (crypto !== undefined) return crypto.createHash('sha256').update(text).digest('base64url');
  return encodeBase64(portable(new TextEncoder().encode(text)))
    .replace(/\+/g, '-')
    .replace(/\//g, '_')
    .replace('=', '');
}
