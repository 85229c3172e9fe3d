import { checkNumber, invalidOption } from '../util/check.js';
import { normal } from './seeded-random.js';

type Draw = (random: () => number) => number;

const ABOVE_ZERO = { above: 0, most: Number.MAX_VALUE, what: 'milliseconds above 0' };

/**
 * The latency of most models: half below `medianMs`, and a tail that grows with `sigma` (0.45: p95 is twice the
 * median).
 */
export function lognormal({
  medianMs,
  sigma = 0.45,
}: {
  readonly medianMs: number;
  readonly sigma?: number | undefined;
}): Draw {
  checkNumber('lognormal.medianMs', medianMs, ABOVE_ZERO);
  checkNumber('lognormal.sigma', sigma, { least: 0, most: 10, what: 'a number from 0 to 10' });
  return (random) => medianMs * Math.exp(sigma * normal(random));
}

/** Options of `bimodal`. */
export interface BimodalOptions {
  /** The median of the fast ones, in milliseconds. */
  readonly medianMs: number;
  /** Spread of both humps. @default 0 */
  readonly sigma?: number | undefined;
  /** The share of slow ones, 0 to 1. @default 0.05 */
  readonly slowShare?: number | undefined;
  /** How many times longer these take. @default 10 */
  readonly slowFactor?: number | undefined;
}

/** Mostly fast, with a share that is many times slower. */
export function bimodal({ medianMs, sigma = 0, slowShare = 0.05, slowFactor = 10 }: BimodalOptions): Draw {
  const usual = lognormal({ medianMs, sigma });
  checkNumber('bimodal.slowShare', slowShare, { least: 0, most: 1, what: 'a share from 0 to 1' });
  checkNumber('bimodal.slowFactor', slowFactor, { above: 0, most: Number.MAX_VALUE, what: 'a number above 0' });
  return (random) => usual(random) * (random() < slowShare ? slowFactor : 1);
}

/** One of the measured latencies in milliseconds, each with the same probability. */
export function empirical(measuredMs: readonly number[]): Draw {
  const what = 'a list of milliseconds from 0 on, at least one';
  if (!Array.isArray(measuredMs) || measuredMs.length === 0) invalidOption('empirical', measuredMs, what);
  const all: readonly number[] = measuredMs.map((ms, i) =>
    checkNumber(`empirical[${i}]`, ms, { least: 0, most: Number.MAX_VALUE, what: 'milliseconds from 0 on' }),
  );
  return (random) => all[Math.floor(random() * all.length)] ?? 0;
}
