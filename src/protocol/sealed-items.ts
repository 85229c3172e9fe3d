import { isRecord } from '../util/is-record.js';
import { sha256 } from '../util/sha256.js';

/** How many sealed items of one answer or request are remembered. */
const MAX_ITEMS = 256;

/**
 * Keys of items that only their own account can read: reasoning (`rs_…`), and anything with `encrypted_content`. An
 * item's keys are its id and, because some clients omit ids, the hash of its sealed content.
 */
export function sealedKeys(items: unknown): string[] {
  if (!Array.isArray(items)) return [];
  return items.filter(isSealed).slice(-MAX_ITEMS).flatMap(keysOf);
}

function isSealed(item: unknown): item is Record<string, unknown> {
  if (!isRecord(item) || item.type === 'item_reference') return false;
  return typeof item.encrypted_content === 'string' || (typeof item.id === 'string' && item.id.startsWith('rs_'));
}

function keysOf({ id, encrypted_content: sealed }: Record<string, unknown>): string[] {
  const keys = typeof id === 'string' && id !== '' ? [id] : [];
  if (typeof sealed === 'string' && sealed !== '') keys.push(`sealed:${sha256(sealed)}`);
  return keys;
}
