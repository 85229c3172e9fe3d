import { describe, expect, it } from 'vitest';
import { type DrillResult, meets } from '../../drills/result.ts';
import { run as s16 } from '../../drills/s16.ts';

// The drills of choosing a deployment, short: a target may be missed by as much as chance makes of a sample this small.
const SEED = 1;

function check({ broken, measured, targets }: DrillResult): void {
  expect([...broken]).toEqual([]);
  const missed = Object.entries(targets)
    .filter(([name, target]) => !meets(measured[name], target, 1))
    .map(([name, target]) => ({ name, measured: measured[name], ...target }));
  expect(missed).toEqual([]);
}

describe('short drills of choosing, in virtual time', { timeout: 60_000 }, () => {
  it('S16: explain() in random states, under every strategy', async () => {
    const result = await s16({ states: 600, seed: SEED });
    check(result);
    // The states are not all alike.
    expect(result.measured['after a wait']).toBeGreaterThan(5);
    expect(Object.keys(result.measured).filter((name) => name.startsWith('excluded: '))).toHaveLength(4);
  });
});
