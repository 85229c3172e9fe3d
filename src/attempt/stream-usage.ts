import type { Attempt } from '../types.js';

/**
 * Whether the router asks for a stream's usage on its own account: a price is of no use without it. The extra chunk is
 * then kept from the caller, who did not ask.
 */
export function asksForUsage({ call, target }: Attempt): boolean {
  const { price, streamUsage } = target.state.deployment;
  const tellsUsage = call.protocol === 'chat' || call.protocol === 'completions';
  return call.stream && tellsUsage && price !== undefined && streamUsage && !call.wantsUsage;
}
