import type { Call } from '../../types.js';
import { judge, type Verdict } from './eligibility.js';
import { digestOf, keyParts, vectorKeys } from './key.js';

/** Shows why a call is cacheable or not, and its key: names and a hash, nothing that the request says. */
export function explainCache(call: Call): Verdict & { key: { hash: string; parts: string[] } | null } {
  const verdict = judge(call);
  const { cacheRequest: request, protocol } = call;
  if (!verdict.cacheable || request === undefined) return { ...verdict, key: null };
  try {
    const hash =
      protocol === 'embeddings' ? vectorKeys(call, request, [request.body?.input])[0] : digestOf(call, request);
    return { ...verdict, key: { hash: hash ?? '', parts: keyParts(call, request) } };
  } catch {
    return { cacheable: false, why: 'its body cannot be written as JSON', key: null };
  }
}
