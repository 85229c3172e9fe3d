import { wasSent } from '../classify.js';
import { costOf } from '../prices/cost.js';
import type { DeliveredText } from '../protocol/delivered.js';
import type { Outcome, Price, Usage } from '../telemetry/record-types.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import { readInput } from '../tokens/read-input.js';
import type { Attempt, AttemptEnd } from '../types.js';

/** What was used and what it cost, where the provider told nothing of it. */
export interface Booking {
  readonly usage: Usage | null;
  readonly costUsd: number | null;
  readonly estimated: boolean;
}

const NOTHING: Booking = { usage: null, costUsd: 0, estimated: false };
const UNKNOWN: Booking = { usage: null, costUsd: null, estimated: false };

/** The request was taken, but what came of it was not told: it may have been billed. */
const MAY_BE_BILLED: ReadonlySet<Outcome> = new Set<Outcome>([
  'timeout',
  'deadline',
  'aborted',
  'connection',
  'server-error',
  'invalid-answer',
  'interrupted',
  'lost',
]);

/**
 * Books an attempt that ended without usage. An error status is not billed, nor is what was never sent. Otherwise it
 * counts as its input and what was delivered of a stream; an answer that nobody has read, or that tells no usage, counts
 * as the most it may have cost where there is a limit of money, and is unknown elsewhere.
 */
export function bookUntold(
  attempt: Attempt,
  { outcome, failure, status, delivered }: AttemptEnd,
  price: Price | undefined,
  estimator: InputEstimator,
): Booking {
  if (failure !== undefined && !mayBeBilled(outcome, failure.error, status)) return NOTHING;
  const { call, target } = attempt;
  const most = price && call.spend?.mostAt(target.state.id);
  // Images are not written: what they have come to cannot be read from them.
  if (outcome === 'success' && (delivered === undefined || call.protocol === 'json'))
    return most === undefined ? UNKNOWN : { usage: null, costUsd: most, estimated: true };
  if (price === undefined && (delivered === undefined || outcome === 'success')) return UNKNOWN;
  const { model } = target;
  const usage: Usage = {
    inputTokens: estimator.ofInput(readInput(call.body, call.protocol), model, call),
    outputTokens: delivered === undefined ? 0 : tokensOf(delivered(), (text) => estimate(text, attempt, estimator)),
    cachedInputTokens: 0,
    reasoningTokens: 0,
  };
  const costUsd = costOf(usage, price);
  return {
    usage: delivered === undefined ? null : usage,
    costUsd: costUsd === null || most === undefined ? costUsd : Math.min(costUsd, most),
    estimated: true,
  };
}

/** Of a long stream only the end is known: its beginning counts as much for its length. */
function tokensOf({ text, length }: DeliveredText, count: (text: string) => number): number {
  return text === '' ? 0 : Math.round((count(text) * length) / text.length);
}

function estimate(text: string, { call, target }: Attempt, estimator: InputEstimator): number {
  return estimator.ofInput({ texts: [text], images: [], messages: 0, flat: 0 }, target.model, call);
}

function mayBeBilled(outcome: Outcome, error: Error, status: number | undefined): boolean {
  // A stream that broke has the status of its beginning.
  if (outcome === 'interrupted') return true;
  return status === undefined && MAY_BE_BILLED.has(outcome) && wasSent(error);
}
