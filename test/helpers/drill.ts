import { expect } from 'vitest';
import { type DrillResult, meets } from '../../drills/result.ts';

/** No invariant was violated, and no target is missed by more than chance explains for a small sample. */
export function check({ broken, measured, targets }: DrillResult): void {
  expect([...broken]).toEqual([]);
  const missed = Object.entries(targets)
    .filter(([name, target]) => !meets(measured[name], target, 1))
    .map(([name, target]) => ({ name, measured: measured[name], ...target }));
  expect(missed).toEqual([]);
}
