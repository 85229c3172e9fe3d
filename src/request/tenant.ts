import { sha256 } from '../util/sha256.js';
import { cut, MAX_NAME } from '../util/shown.js';

/** A tenant's name as it is kept: a very long one is cut, and told from others that begin alike by its hash. */
export function boundedTenant(tenant: string): string {
  return tenant.length <= MAX_NAME ? tenant : `${cut(tenant, MAX_NAME - 44)}~${sha256(tenant)}`;
}
