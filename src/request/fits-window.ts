import { outputLimitOf } from '../protocol/output-limit.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import type { Call, Excluded, Target } from '../types.js';

/** An estimate may be up to 58 % too high: less its margin of 25 % and another 20 %, it surely is not. */
const SURE = 0.8 / 1.25;
/** A text with fewer characters than this share of a window fits, in any script. */
const SHORT = 1 / 3;

/**
 * Excludes deployments whose context window is surely too small for the input and the requested output. If that would
 * exclude all, the one with the largest window is tried.
 *
 * @param smallest no context window is smaller, so that most calls need not look at all of them
 */
export function exclusionsBySize(call: Call, smallest: number, estimator: InputEstimator): readonly Excluded[] {
  if (smallest === Number.POSITIVE_INFINITY) return NONE;
  const output = outputLimitOf(call.body) ?? 0;
  const { texts, flat } = estimator.inputOf(call);
  const characters = texts.reduce((sum, text) => sum + text.length, 0);
  if (characters + flat + output < SHORT * smallest) return NONE;
  const excluded = call.targets.flatMap((target): Excluded[] => {
    if (windowOf(target) === Number.POSITIVE_INFINITY) return [];
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
/** The smallest context window of all targets; `Infinity` if none is declared. */
export function smallestWindow(targets: readonly Target[]): number {
  return targets.reduce((least, target) => Math.min(least, windowOf(target)), Number.POSITIVE_INFINITY);
}

const windowOf = ({ state }: Target) => state.deployment.contextWindow ?? Number.POSITIVE_INFINITY;
