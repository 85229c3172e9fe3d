import { logGamma } from '../util/log-gamma.js';

/** A difference between two variants lies within these bounds, at every look. */
export type Interval = readonly [low: number, high: number];

/** Sums over one bucket of keys. Calls of one key are similar, so keys, not calls, vary independently. */
export interface BucketSum {
  readonly calls: number;
  readonly sum: number;
}

/** The mean per call and its variance, from buckets (a ratio estimator). */
export function meanOf(buckets: readonly BucketSum[]): {
  mean: number;
  variance: number;
  calls: number;
  filled: number;
} {
  const filled = buckets.filter((each) => each.calls > 0);
  const calls = filled.reduce((sum, each) => sum + each.calls, 0);
  const mean = filled.reduce((sum, each) => sum + each.sum, 0) / calls;
  const squares = filled.reduce((sum, each) => sum + (each.sum - mean * each.calls) ** 2, 0);
  const variance = (filled.length / (filled.length - 1)) * (squares / calls ** 2);
  return { mean, variance, calls, filled: filled.length };
}

/**
 * Half the width of an asymptotic confidence sequence for a mean: unlike a fixed-horizon test, it holds at every look.
 * `r2` tunes it to be narrowest around 5,000 calls. Waudby-Smith, Arbour, Sinha, Kennedy and Ramdas, arXiv 2103.06476.
 */
export function halfWidth(standardError: number, n: number, alpha: number): number {
  const r2 = (-2 * Math.log(alpha) + Math.log(-2 * Math.log(alpha)) + 1) / 5000;
  const spread = ((n * r2 + 1) / (n * n * r2)) * Math.log((n * r2 + 1) / alpha ** 2);
  return standardError * Math.sqrt(n) * Math.sqrt(spread);
}

/**
 * How far below and above a quantile's rank to look, so that it lies between them at every look. Howard and Ramdas,
 * arXiv 1906.09712.
 */
export function quantileRanks(q: number, n: number, alpha: number): Interval {
  const from = 32;
  const l = (1.4 * Math.log(Math.log((2.1 * Math.max(n, from)) / from)) + Math.log(10 / alpha)) / n;
  const width = (p: number) => 1.5 * Math.sqrt(p * (1 - p) * l) + 0.8 * l;
  return [q - width(q), q + width(q)];
}

/**
 * Whether keys are not distributed by the weights. The Bayes factor of any other split against the planned one is a
 * martingale, so it may be checked after each key. Lindon and Malek, arXiv 2011.03567.
 */
export function sampleRatioMismatch(
  variants: readonly { readonly keys: number; readonly weight: number }[],
  alpha: number,
): boolean {
  const positive = variants.filter((each) => each.weight > 0);
  const weight = positive.reduce((sum, each) => sum + each.weight, 0);
  const keys = positive.reduce((sum, each) => sum + each.keys, 0);
  if (positive.length < 2 || keys === 0) return false;
  // A Dirichlet prior around the planned split, with the weight of this many keys. It detects splits that
  // are off by a few per cent: a weaker prior needs more keys to see 53 % in place of 50 %.
  const prior = 500;
  let log = logGamma(prior) - logGamma(prior + keys);
  for (const each of positive) {
    const share = each.weight / weight;
    log += logGamma(prior * share + each.keys) - logGamma(prior * share) - each.keys * Math.log(share);
  }
  return log >= Math.log(1 / alpha);
}
