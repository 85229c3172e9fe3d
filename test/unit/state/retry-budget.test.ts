import { describe, expect, it } from 'vitest';
import { RetryBudget } from '../../../src/state/retry-budget.js';
import fc from '../../helpers/property.js';

function first(budget: RetryBudget, times: number): void {
  for (let i = 0; i < times; i += 1) budget.onFirstAttempt();
}

/** Takes until refused; how many were granted. */
function drain(budget: RetryBudget): number {
  let granted = 0;
  while (granted < 1000 && budget.tryTake()) granted += 1;
  return granted;
}

describe('RetryBudget', () => {
  it('starts with 10 tokens', () => {
    const budget = new RetryBudget(0.1);
    expect(budget.tokens).toBe(10);
    expect(drain(budget)).toBe(10);
    expect(budget.tokens).toBe(0);
  });

  it('earns one token with ten first attempts, not with nine', () => {
    const budget = new RetryBudget(0.1);
    drain(budget);
    first(budget, 9);
    expect(budget.tryTake()).toBe(false);
    first(budget, 1);
    expect(budget.tryTake()).toBe(true);
    expect(budget.tryTake()).toBe(false);
  });

  it('holds 100 at most', () => {
    const budget = new RetryBudget(0.5);
    first(budget, 179);
    expect(budget.tokens).toBe(99.5);
    first(budget, 1);
    expect(budget.tokens).toBe(100);
    first(budget, 10_000);
    expect(budget.tokens).toBe(100);
    expect(drain(budget)).toBe(100);
  });

  it('never has a token with ratio 0', () => {
    const budget = new RetryBudget(0);
    expect(budget.tokens).toBe(0);
    first(budget, 1000);
    expect(budget.tokens).toBe(0);
    expect(budget.tryTake()).toBe(false);
  });

  it('grants no more than 10 and the ratio of first attempts, whatever the order', () => {
    const ratio = fc.oneof(fc.constantFrom(0, 0.1, 0.05, 0.29, 1), fc.double({ min: 0, max: 1, noNaN: true }));
    const step = fc.oneof(
      fc.record({ firsts: fc.nat(40) }),
      fc.record({ firsts: fc.nat(2000) }),
      fc.record({ takes: fc.nat(150) }),
    );
    fc.assert(
      fc.property(ratio, fc.array(step, { maxLength: 40, size: 'max' }), (given, steps) => {
        const budget = new RetryBudget(given);
        let firsts = 0;
        let granted = 0;
        for (const now of steps) {
          if ('firsts' in now) first(budget, now.firsts);
          if ('firsts' in now) firsts += now.firsts;
          for (let i = 0; 'takes' in now && i < now.takes; i += 1) {
            if (budget.tryTake()) granted += 1;
            expect(granted).toBeLessThanOrEqual(given === 0 ? 0 : 10 + given * firsts);
          }
          expect(budget.tokens).toBeGreaterThanOrEqual(0);
          expect(budget.tokens).toBeLessThanOrEqual(100);
        }
      }),
      { numRuns: 300 },
    );
  });

  it('does what a plain bucket of sixty-fourths does', () => {
    const op = fc.oneof(
      { weight: 2, arbitrary: fc.record({ firsts: fc.nat(300) }) },
      { weight: 3, arbitrary: fc.record({ takes: fc.nat(60) }) },
    );
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 64 }), fc.array(op, { maxLength: 50, size: 'max' }), (parts, ops) => {
        const budget = new RetryBudget(parts / 64);
        let model = 10 * 64;
        for (const now of ops) {
          if ('firsts' in now) first(budget, now.firsts);
          if ('firsts' in now) model = Math.min(100 * 64, model + parts * now.firsts);
          for (let i = 0; 'takes' in now && i < now.takes; i += 1) {
            const expected = model >= 64;
            if (expected) model -= 64;
            expect(budget.tryTake()).toBe(expected);
          }
          expect(budget.tokens).toBe(model / 64);
        }
      }),
      { numRuns: 300 },
    );
  });
});
