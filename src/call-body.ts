import type { Call } from './types.js';
import { isRecord } from './util/is-record.js';

/** A request's body: every door has it there. */
export function bodyOf({ source }: Pick<Call, 'source'>): unknown {
  return isRecord(source) ? source.body : undefined;
}
