import { sha256 } from '../util/sha256.js';
import { cut, MAX_NAME } from '../util/shown.js';

/**
 * A tenant's stored name. A very long name is shortened, and its hash distinguishes it from others with the same start.
 */
export function boundedTenant(tenant: string): string {
  return tenant.length <= MAX_NAME ? tenant : `${cut(tenant, MAX_NAME - 44)}~${sha256(tenant)}`;
}
