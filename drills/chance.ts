export { seededRandom as mulberry32 } from 'model-router/simulate';

/** The probability of exceeding the bounds below by chance alone. */
const ALPHA = 0.001;
/** The same in standard deviations. */
const Z = 3.09;

/**
 * How many of `n` may fail, if each fails with probability `q`, before chance no longer explains it: the largest number
 * that is reached with a probability of at least 0.001.
 */
export function mostByChance(n: number, q: number): number {
  let probability = (1 - q) ** n;
  // Too small to differ from 0: with this many, the normal curve is close enough.
  if (probability === 0) return Math.ceil(n * q + Z * Math.sqrt(n * q * (1 - q)));
  let fewer = 0;
  let k = 0;
  while (k <= n && 1 - fewer >= ALPHA) {
    fewer += probability;
    probability *= ((n - k) / (k + 1)) * (q / (1 - q));
    k += 1;
  }
  return k - 1;
}

/** How far the mean of a sample may deviate from the truth, by its own spread. */
export function marginOfMean(n: number, sum: number, sumOfSquares: number): number {
  const mean = sum / n;
  return Z * Math.sqrt(Math.max(0, sumOfSquares / n - mean * mean) / n);
}
