import { formatProjection, projectCost } from 'model-router';
import { expect, it } from 'vitest';

it('prints a table', () => {
  const projection = projectCost({ tokensPerMonth: 5_000_000, models: { flash: 0.25, 'gpt-x': 10 } });
  expect(formatProjection(projection)).toBe(
    [
      'tokens a month  cost a month       gpt-x   saved',
      '            5M         $1.25      $50.00  97.5 %',
      '           50M        $12.50     $500.00  97.5 %',
      '          500M       $125.00   $5,000.00  97.5 %',
      '            5B     $1,250.00  $50,000.00  97.5 %',
    ].join('\n'),
  );
});

it('prints no comparison if there is nothing to compare, and shows small amounts too', () => {
  const projection = projectCost({ tokensPerMonth: 999, stages: [0, 1, 2, 2000, 1e10], models: { flash: 0.25 } });
  expect(formatProjection(projection)).toBe(
    [
      'tokens a month   cost a month',
      '             0          $0.00',
      '           999       $0.00025',
      '            2K        $0.0005',
      '            2M          $0.50',
      '         9.99T  $2,497,500.00',
    ].join('\n'),
  );
});

it('prints no percentage of nothing', () => {
  const projection = projectCost({ tokensPerMonth: 1, stages: [1], models: { a: 0, b: 0 } });
  expect(formatProjection(projection).split('\n')[1]).toBe('             1         $0.00  $0.00      -');
});
