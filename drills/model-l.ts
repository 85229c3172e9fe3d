import { lognormal } from 'model-router/simulate';
import { answer, type Choose, fail, hang } from 'model-router/testing';

/** The fault model behind the bounds: each attempt draws independently, without a common cause. */
export const MODEL_L = {
  medianMs: 350,
  sigma: 0.45,
  slowShare: 0.02,
  slowFactor: 8,
  hangShare: 0.001,
  primaryErrors: 0.01,
  otherErrors: 0.005,
} as const;

export const MODEL_L_IN_WORDS =
  'model L: lognormal (median 350 ms, sigma 0.45), 2 % take 8 times as long, 0.1 % hang, ' +
  'the primary fails 1 %, each other 0.5 %, all independent';

const usualMs = lognormal({ medianMs: MODEL_L.medianMs, sigma: MODEL_L.sigma });

/** One attempt's time in milliseconds; `Infinity` hangs. */
export function drawMs(random: () => number): number {
  const { slowShare, slowFactor, hangShare } = MODEL_L;
  const ms = usualMs(random);
  const kind = random();
  if (kind < hangShare) return Number.POSITIVE_INFINITY;
  return kind < hangShare + slowShare ? ms * slowFactor : ms;
}

/** A deployment with this behaviour. Errors come after the time that an answer would have taken. */
export function modelL(random: () => number, errorShare: number): Choose {
  return () => {
    const latencyMs = drawMs(random);
    const fails = random() < errorShare;
    if (latencyMs === Number.POSITIVE_INFINITY) return hang();
    return fails ? fail(500, { latencyMs }) : answer({ latencyMs });
  };
}
