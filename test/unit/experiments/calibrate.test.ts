import { calibrate } from 'model-router';
import { seededRandom } from 'model-router/simulate';
import { describe, expect, it } from 'vitest';
import type { CalibrationGoal, CalibrationRecord } from '../../../src/experiments/calibrate.js';

/** Answers whose probability of being good rises with `mean`; `first` is useless, `lowest` nearly so. */
function judged(n: number, random: () => number): (CalibrationRecord & { chance: number })[] {
  return Array.from({ length: n }, () => {
    const mean = random();
    const chance = 1 / (1 + Math.exp(-(mean * 12 - 1)));
    const scores = { mean, lowest: 0.3 * mean + 0.7 * random(), first: random() };
    return { scores, good: random() < chance, costUsd: 0.01, servedModel: 'cheap-2', chance };
  });
}

/**
 * The true quality of the answers that a threshold keeps, and the largest share that a perfect threshold could keep.
 */
function truth(minConfidence: number, quality: number) {
  const grid = Array.from({ length: 10_000 }, (_, i) => (i + 0.5) / 10_000);
  const chance = (mean: number) => 1 / (1 + Math.exp(-(mean * 12 - 1)));
  const kept = grid.filter((mean) => mean >= minConfidence);
  const seen = kept.reduce((sum, mean) => sum + chance(mean), 0) / kept.length;
  let best = 0;
  let sum = 0;
  for (const [i, mean] of [...grid].reverse().entries()) {
    sum += chance(mean);
    if (sum / (i + 1) >= quality) best = (i + 1) / grid.length;
  }
  return { quality: seen, best };
}

describe('calibrate', () => {
  it('keeps its guarantee in at least 90 % of the runs, and keeps most cheap answers that are good enough', () => {
    const quality = 0.98;
    let promised = 0;
    let kept = 0;
    for (let seed = 1; seed <= 200; seed += 1) {
      const found = calibrate(judged(1000, seededRandom(seed)), { quality });
      if (found.minConfidence === null) {
        promised += 1;
        continue;
      }
      expect(found.score).toBe('mean');
      if (truth(found.minConfidence, quality).quality >= quality) promised += 1;
      kept += found.keptShare;
    }
    const { best } = truth(0, quality);
    expect(best).toBeGreaterThan(0.7);
    expect(promised).toBeGreaterThanOrEqual(180);
    expect(kept / 200).toBeGreaterThan(0.78 * best);
  });

  it('reports the share to keep, and the cost of escalating the rest', () => {
    const found = calibrate(judged(1000, seededRandom(1)), { share: 0.8 });
    expect(found.minConfidence).toBeCloseTo(0.2, 1);
    expect(found).toMatchObject({ keptShare: 0.8, score: 'mean', servedModel: 'cheap-2' });
    expect(found.minConfidence === null ? undefined : found.costUsd).toBeCloseTo(0.002, 6);
  });

  it('finds the threshold for a given cost', () => {
    const found = calibrate(judged(1000, seededRandom(2)), { costUsd: 0.003 });
    expect(found.minConfidence === null ? undefined : found.keptShare).toBeCloseTo(0.7, 2);
  });

  it('reports that there are too few records', () => {
    expect(calibrate(judged(40, seededRandom(1)), { quality: 0.95 })).toMatchObject({
      minConfidence: null,
      reason: expect.stringContaining('45 good ones are the least'),
    });
  });

  it('reports that the answers are not good enough', () => {
    const records = judged(1000, seededRandom(1)).map((each, i) => ({ ...each, good: i % 3 !== 0 }));
    expect(calibrate(records, { quality: 0.95 })).toMatchObject({
      minConfidence: null,
      reason: expect.stringMatching(/of the 40 % most confident answers, 6\d\.\d % were good/),
    });
  });

  it('leaves out records without a judgement and unknown scores', () => {
    const records = judged(1000, seededRandom(3)).map(({ scores, ...each }, i) => ({
      ...each,
      scores: { ...scores, mean: i % 2 === 0 ? null : scores.mean },
    }));
    const unjudged = records.map((each) => ({ ...each, good: null }));
    expect(calibrate([...records, ...unjudged], { share: 0.5 })).toMatchObject({ score: 'lowest' });
    expect(calibrate(unjudged, { share: 0.5 })).toMatchObject({ minConfidence: null });
    expect(calibrate([], { quality: 0.9 })).toMatchObject({ minConfidence: null });
  });

  it.each([
    [{}, 'exactly one'],
    [{ quality: 0.9, share: 0.5 }, 'exactly one'],
    [{ quality: 95 }, 'a share above 0'],
    [{ costUsd: -1 }, 'US dollars a call'],
    [{ precision: 1 }, 'no such option'],
  ])('refuses the goal %j', (goal, message) => {
    expect(() => calibrate([], goal as CalibrationGoal)).toThrow(
      expect.objectContaining({ code: 'invalid_option', message: expect.stringContaining(message) }),
    );
  });
});
