import type { Call, Target } from '../types.js';
import { isRecord } from '../util/is-record.js';
import { wantsLogprobs, withLogprobs } from './logprobs.js';

/**
 * A parameter that the router adds to a request. A server that refuses it gets the request without it, from then on.
 */
export type Addition = 'usage' | 'logprobs';

/**
 * How long a refused addition is omitted, in milliseconds. Whether a model supports probabilities may change with its
 * parameters.
 */
export const LEFT_OUT_MS: Readonly<Record<Addition, number>> = { usage: Number.POSITIVE_INFINITY, logprobs: 600_000 };

type Body = Readonly<Record<string, unknown>>;

/** How to write each addition into a body. A new addition is an entry here and a rule in `additionsFor`. */
const WRITE: Readonly<Record<Addition, (body: Body) => Body>> = {
  usage: (body) => ({
    ...body,
    stream_options: { ...(isRecord(body.stream_options) ? body.stream_options : {}), include_usage: true },
  }),
  logprobs: withLogprobs,
};

/** The additions to this call at this deployment. */
export function additionsFor(call: Call, { state, price }: Target): readonly Addition[] {
  const wanted: Addition[] = [];
  if (needsUsage(call, price !== undefined) && state.deployment.streamUsage) wanted.push('usage');
  if (call.needsLogprobs && !state.deployment.unsupported.has('logprobs') && !wantsLogprobs(call.protocol, call.body))
    wanted.push('logprobs');
  const now = performance.now();
  return wanted.length === 0 ? NONE : wanted.filter((each) => (state.refusedAdditions.get(each) ?? 0) <= now);
}

const NONE: readonly Addition[] = [];

/**
 * Whether a stream must report its usage, for its price or for the cache. The extra chunk is hidden from a caller that
 * did not request it.
 */
function needsUsage(call: Call, hasPrice: boolean): boolean {
  const canReport = call.protocol === 'chat' || call.protocol === 'completions';
  return call.stream && canReport && (hasPrice || call.isShared) && !call.wantsUsage;
}

export function withAdditions(body: Body, additions: readonly Addition[]): Body {
  return additions.reduce((made, each) => WRITE[each](made), body);
}

/** Whether a server refused the content of a request: an addition may be the reason. */
export function mayRefuseAddition(status: number | undefined): boolean {
  return status === 400 || status === 422;
}
