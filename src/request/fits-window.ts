import { outputLimitOf } from '../protocol/output-limit.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import type { Call, Excluded, Target } from '../types.js';

/** An estimate runs up to 58 % over: without its margin of 25 %, and less 20 %, it is surely not. */
const SURE = 0.8 / 1.25;
/** A text with fewer characters than this share of a window has room in it, in any script. */
const SHORT = 1 / 3;

/**
 * Leaves out deployments whose context window is surely too small for the input and the output that is requested. Where
 * that would be all of them, the one with the largest window is tried.
 */
export function exclusionsBySize(call: Call, estimator: InputEstimator): readonly Excluded[] {
  const limited = call.targets.filter(({ state }) => state.deployment.contextWindow !== undefined);
  if (limited.length === 0) return NONE;
  const output = outputLimitOf(call.body) ?? 0;
  const smallest = limited.reduce((least, target) => Math.min(least, windowOf(target)), Number.POSITIVE_INFINITY);
  const { texts, flat } = estimator.inputOf(call);
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  if (characters + flat + output < SHORT * smallest) return NONE;
  const excluded = limited.flatMap((target): Excluded[] => {
    const input = Math.floor(SURE * estimator.ofCallAt(call, target.model));
    if (input + output <= windowOf(target)) return [];
    const andOutput = output === 0 ? '' : ` and ${output} of output`;
    return [
      {
        target,
        why: `its context window of ${windowOf(target)} tokens is too small for at least ${input} of input${andOutput}`,
      },
    ];
  });
  if (excluded.length < call.targets.length) return excluded;
  const largest = excluded.reduce((best, each) => (windowOf(each.target) > windowOf(best.target) ? each : best));
  return excluded.filter((each) => each !== largest);
}

const NONE: readonly Excluded[] = [];
const windowOf = ({ state }: Target) => state.deployment.contextWindow ?? Number.POSITIVE_INFINITY;
