import { calibrate } from 'model-router';
import { mulberry32 } from './chance.ts';
import { type DrillOptions, type DrillResult, resultOf } from './result.ts';

const QUALITY = 0.98;
const RECORDS = 1000;

/** The probability that an answer with this confidence is good. */
const chance = (mean: number) => 1 / (1 + Math.exp(-(mean * 12 - 1)));

/** S14: `calibrate` keeps its guarantee, and keeps most cheap answers that are good enough. */
export async function run(options: DrillOptions & { readonly seeds: number }): Promise<DrillResult> {
  const { seeds, seed, onProgress } = options;
  let promised = 0;
  let kept = 0;
  for (let i = 0; i < seeds; i += 1) {
    const random = mulberry32(1000 * seed + i);
    const records = Array.from({ length: RECORDS }, () => {
      const mean = random();
      const scores = { mean, lowest: 0.3 * mean + 0.7 * random(), first: random() };
      return { scores, good: random() < chance(mean), costUsd: 0.01, servedModel: 'cheap' };
    });
    const found = calibrate(records, { quality: QUALITY });
    if (found.minConfidence === null || qualityAbove(found.minConfidence) >= QUALITY) promised += 1;
    if (found.minConfidence !== null) kept += found.keptShare;
    onProgress?.(i / seeds);
  }
  const best = bestShare();
  return resultOf({
    drill: 'S14',
    faults: `${RECORDS} judged answers, quality ${QUALITY}; one score tells good from bad, one a little, one nothing`,
    size: `${seeds} seeds`,
    measured: {
      'promise kept': (100 * promised) / seeds,
      'kept cheap': (100 * kept) / seeds,
      'kept cheap at best': 100 * best,
    },
    targets: {
      'promise kept': { least: 90, margin: 100 * 3.09 * Math.sqrt((0.9 * 0.1) / seeds), unit: '%' },
      // 60 % where 77 % is the best possible.
      'kept cheap': { least: (100 * best * 60) / 77, margin: 100 / Math.sqrt(seeds), unit: '%' },
    },
    broken: new Map(),
  });
}

const GRID = Array.from({ length: 10_000 }, (_, i) => (i + 0.5) / 10_000);

function qualityAbove(threshold: number): number {
  const kept = GRID.filter((mean) => mean >= threshold);
  return kept.reduce((sum, mean) => sum + chance(mean), 0) / kept.length;
}

/** The share that a perfect threshold could keep. */
function bestShare(): number {
  let sum = 0;
  let best = 0;
  for (const [i, mean] of [...GRID].reverse().entries()) {
    sum += chance(mean);
    if (sum / (i + 1) >= QUALITY) best = (i + 1) / GRID.length;
  }
  return best;
}
