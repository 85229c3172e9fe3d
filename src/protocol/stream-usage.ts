import type { Attempt } from '../types.js';

/**
 * Whether the router asks for a stream's usage on its own account: a price is of no use without it, nor is
 * an answer in the cache. The extra chunk is then kept from the caller, who did not ask.
 */
export function asksForUsage({ call, target }: Attempt): boolean {
  const { streamUsage } = target.state.deployment;
  const tellsUsage = call.protocol === 'chat' || call.protocol === 'completions';
  const isOfUse = target.price !== undefined || call.isShared;
  return call.stream && tellsUsage && isOfUse && streamUsage && !call.wantsUsage;
}
