import type { Call } from '../../types.js';
import { TooManyValuesError } from '../../util/json-copy.js';
import { type Eligibility, eligibilityOf } from './eligibility.js';
import { copyOfRequest, keyOf, keyParts, vectorKeys } from './key.js';

/**
 * Shows why a call is cacheable or not, and its key: the names of its parts and a hash, without any value of the
 * request.
 */
export function explainCache(call: Call): Eligibility & { key: { hash: string; parts: string[] } | null } {
  const eligibility = eligibilityOf(call);
  const { cacheRequest: request, protocol } = call;
  if (!eligibility.cacheable || request === undefined) return { ...eligibility, key: null };
  try {
    const copy = copyOfRequest(request);
    const hash = protocol === 'embeddings' ? vectorKeys(call, copy).ofInput(copy.body.input) : keyOf(call, copy);
    return { ...eligibility, key: { hash, parts: keyParts(call, copy) } };
  } catch (error) {
    const why =
      error instanceof TooManyValuesError
        ? 'its body has more than 100,000 values'
        : 'its body cannot be written as JSON';
    return { cacheable: false, why, key: null };
  }
}
