import { expect, it } from 'vitest';
import { trusted } from '../../../src/util/safe-random.js';

it('returns the drawn number', () => {
  const draws = [0, 0.25, 1];
  const random = trusted(() => draws.shift() ?? 0.5);
  expect([random(), random(), random()]).toEqual([0, 0.25, 1]);
});

it.each<[string, () => number]>([
  [
    'throws',
    () => {
      throw new Error('boom');
    },
  ],
  ['gives no number', () => Number.NaN],
  ['gives too little', () => -0.1],
  ['gives too much', () => 1.1],
])('draws itself where the source %s', (_, random) => {
  const drawn = trusted(random)();
  expect(drawn).toBeGreaterThanOrEqual(0);
  expect(drawn).toBeLessThan(1);
});
