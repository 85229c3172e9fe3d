import { bimodal, empirical, lognormal, seededRandom } from 'model-router/simulate';
import { expect, it } from 'vitest';

function quantiles(draw: (random: () => number) => number): (q: number) => number {
  const random = seededRandom(1);
  const sorted = Array.from({ length: 50_000 }, () => draw(random)).sort((a, b) => a - b);
  return (q) => sorted[Math.ceil(q * sorted.length) - 1] ?? Number.NaN;
}

it('lognormal has the given median, and the tail of its sigma', () => {
  const at = quantiles(lognormal({ medianMs: 350, sigma: 0.45 }));
  expect(Math.abs(at(0.5) - 350)).toBeLessThan(5);
  // 350 * e ** (0.45 * 1.645)
  expect(Math.abs(at(0.95) - 734)).toBeLessThan(12);
});

it('bimodal is slow for the given share', () => {
  const at = quantiles(bimodal({ medianMs: 10, slowShare: 0.05, slowFactor: 10 }));
  expect(at(0.94)).toBe(10);
  expect(at(0.96)).toBe(100);
});

it('empirical draws the measured values evenly', () => {
  const random = seededRandom(2);
  const draw = empirical([5, 50, 500]);
  const counts = new Map<number, number>();
  for (let i = 0; i < 3000; i += 1) counts.set(draw(random), (counts.get(draw(random)) ?? 0) + 1);
  expect([...counts.keys()].sort((a, b) => a - b)).toEqual([5, 50, 500]);
});
