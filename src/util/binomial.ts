import { logGamma } from './log-gamma.js';

/** The probability of at least `successes` in `trials` when each succeeds with probability `p`. */
export function binomialTail(successes: number, trials: number, p: number): number {
  if (successes <= 0) return 1;
  if (successes > trials || p <= 0) return 0;
  if (p >= 1) return 1;
  const logChoose = logGamma(trials + 1) - logGamma(successes + 1) - logGamma(trials - successes + 1);
  let term = Math.exp(logChoose + successes * Math.log(p) + (trials - successes) * Math.log1p(-p));
  let sum = 0;
  for (let k = successes; k <= trials; k += 1) {
    sum += term;
    term *= ((trials - k) / (k + 1)) * (p / (1 - p));
    if (term < sum * 1e-16 && k > trials * p) break;
  }
  return Math.min(1, sum);
}

/** The exact (Clopper-Pearson) lower bound of a probability: the true one is below it with probability `risk` at most. */
export function binomialLowerBound(successes: number, trials: number, risk: number): number {
  if (successes === 0) return 0;
  let low = 0;
  let high = successes / trials;
  for (let i = 0; i < 60; i += 1) {
    const middle = (low + high) / 2;
    if (binomialTail(successes, trials, middle) <= risk) low = middle;
    else high = middle;
  }
  return low;
}
