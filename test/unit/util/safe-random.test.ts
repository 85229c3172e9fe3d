import { expect, it } from 'vitest';
import { safeRandom } from '../../../src/util/safe-random.js';

it('returns the drawn number', () => {
  const draws = [0, 0.25, 1];
  const random = safeRandom(() => draws.shift() ?? 0.5);
  expect([random(), random(), random()]).toEqual([0, 0.25, 1]);
});

it.each<[string, () => number]>([
  [
    'throws',
    () => {
      throw new Error('boom');
    },
  ],
  ['returns no number', () => Number.NaN],
  ['returns too little', () => -0.1],
  ['returns too much', () => 1.1],
])('draws itself where the source %s', (_, random) => {
  const drawn = safeRandom(random)();
  expect(drawn).toBeGreaterThanOrEqual(0);
  expect(drawn).toBeLessThan(1);
});
