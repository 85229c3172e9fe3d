import { describe, expect, it, vi } from 'vitest';
import { RetryBudget, type RetryToken } from '../../../src/state/retry-budget.js';
import { useFakeTime } from '../../helpers/clock.js';
import fc from '../../helpers/property.js';

useFakeTime();

const budgetOf = (budget: number | false, minPerSecond: number) => new RetryBudget({ budget, minPerSecond });

function first(budget: RetryBudget, times: number): void {
  for (let i = 0; i < times; i += 1) budget.onFirstAttempt();
}

/** Takes tokens until one is refused, and returns them. */
function drain(budget: RetryBudget, most = 2000): RetryToken[] {
  const granted: RetryToken[] = [];
  while (granted.length < most) {
    const token = budget.tryTake();
    if (token === undefined) break;
    granted.push(token);
  }
  return granted;
}

describe('RetryBudget', () => {
  it('allows ten times minPerSecond in 10 s without any call', () => {
    expect(drain(budgetOf(0.2, 10))).toHaveLength(100);
  });

  it('allows the share of first attempts in addition', () => {
    const budget = budgetOf(0.2, 1);
    first(budget, 500);
    expect(budget.tokens).toBe(110);
    expect(drain(budget)).toHaveLength(110);
    first(budget, 4);
    expect(budget.tryTake()).toBeUndefined();
    first(budget, 1);
    expect(budget.tryTake()).toBeDefined();
  });

  it('adds shares up exactly: ten first attempts at 0.1 are one token', () => {
    const budget = budgetOf(0.1, 0);
    first(budget, 9);
    expect(budget.tryTake()).toBeUndefined();
    first(budget, 1);
    expect(budget.tryTake()).toBeDefined();
  });

  it('gets a token back after 10 s, not sooner, and forgets first attempts then', () => {
    const budget = budgetOf(0.5, 0.1);
    first(budget, 2);
    expect(drain(budget)).toHaveLength(2);
    vi.advanceTimersByTime(10_000);
    expect(budget.tryTake()).toBeUndefined();
    vi.advanceTimersByTime(100);
    expect(budget.tokens).toBe(1);
  });

  it('gets a token back from a retry that succeeds', () => {
    const budget = budgetOf(0, 0.2);
    const [one, two] = drain(budget);
    expect(budget.tryTake()).toBeUndefined();
    if (one) budget.returnToken(one);
    expect(budget.tokens).toBe(1);
    vi.advanceTimersByTime(60_000);
    // Its slice has left the window, so it has already been returned.
    if (two) budget.returnToken(two);
    expect(budget.tokens).toBe(2);
  });

  it('allows nothing with 0 and 0, and everything with false', () => {
    const none = budgetOf(0, 0);
    first(none, 1000);
    expect([none.allowsAny, none.tokens, none.tryTake()]).toEqual([false, 0, undefined]);
    const all = budgetOf(false, 0);
    expect(all.allowsAny).toBe(true);
    expect(drain(all)).toHaveLength(2000);
    expect(budgetOf(0, 1).allowsAny).toBe(true);
    expect(budgetOf(0.1, 0).allowsAny).toBe(true);
  });

  it('matches a plain list of times, and never allows more in 10 s than it may', () => {
    const op = fc.oneof(
      { weight: 3, arbitrary: fc.record({ firsts: fc.nat(60) }) },
      { weight: 3, arbitrary: fc.record({ takes: fc.nat(30) }) },
      { weight: 2, arbitrary: fc.record({ back: fc.nat(40) }) },
      { weight: 3, arbitrary: fc.record({ ms: fc.oneof(fc.nat(3000), fc.nat(30_000)) }) },
    );
    const share = fc.constantFrom(0, 0.125, 0.25, 1);
    fc.assert(
      fc.property(
        share,
        fc.constantFrom(0, 0.5, 2),
        fc.array(op, { maxLength: 60, size: 'max' }),
        (given, least, ops) => {
          vi.setSystemTime(0);
          const budget = budgetOf(given, least);
          let firsts: number[] = [];
          let out: { at: number; token: RetryToken; isBack: boolean }[] = [];
          for (const now of ops) {
            const at = performance.now();
            const slice = (ms: number) => Math.floor(ms / 100);
            firsts = firsts.filter((each) => slice(at) - slice(each) <= 100);
            if ('ms' in now) vi.advanceTimersByTime(now.ms);
            if ('firsts' in now) {
              first(budget, now.firsts);
              firsts.push(...Array.from({ length: now.firsts }, () => at));
            }
            for (let i = 0; 'takes' in now && i < now.takes; i += 1) {
              out = out.filter((each) => !each.isBack && slice(at) - slice(each.at) <= 100);
              const expected = given * firsts.length + 10 * least - out.length >= 1;
              const token = budget.tryTake();
              expect(token !== undefined).toBe(expected);
              if (token === undefined) continue;
              out.push({ at, token, isBack: false });
              const inTenSeconds = out.filter((each) => at - each.at <= 10_000).length;
              expect(inTenSeconds).toBeLessThanOrEqual(given * firsts.length + 10 * least);
            }
            const returned = 'back' in now ? out.at(-1 - now.back) : undefined;
            if (returned && !returned.isBack) {
              returned.isBack = true;
              budget.returnToken(returned.token);
            }
          }
        },
      ),
      { numRuns: 300 },
    );
  });
});
