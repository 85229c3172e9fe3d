import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type BreakerOutcome,
  type BreakerSettings,
  type BreakerState,
  DeploymentBreaker,
  type Permit,
} from '../../../src/state/circuit-breaker.js';
import { BreakerModel, type ModelPermit } from '../../helpers/breaker-model.js';
import fc from '../../helpers/property.js';

type Op =
  | { do: 'acquire' }
  | { do: 'force' }
  /** `back`: the permit's index, counted from the newest, including reported ones. */
  | { do: 'report'; back: number; outcome: BreakerOutcome }
  | { do: 'call'; outcome: BreakerOutcome }
  /** `stall`: the clock moves, but no timer fires. */
  | { do: 'advance'; ms: number }
  | { do: 'stall'; ms: number };

const COOLDOWN = 100;

const outcome = fc.constantFrom<BreakerOutcome>('failure', 'failure', 'failure', 'success', 'success', 'neutral');
const ms = fc.oneof(
  fc.integer({ min: 0, max: 130 }),
  fc.constantFrom(79, 80, 99, 100),
  fc.integer({ min: 300, max: 1100 }),
);
const op: fc.Arbitrary<Op> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('acquire' as const) }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('force' as const) }) },
  { weight: 4, arbitrary: fc.record({ do: fc.constant('report' as const), back: fc.nat(3), outcome }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('report' as const), back: fc.nat(40), outcome }) },
  { weight: 6, arbitrary: fc.record({ do: fc.constant('call' as const), outcome }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('advance' as const), ms }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('stall' as const), ms }) },
);
const settings: fc.Arbitrary<BreakerSettings> = fc.record({
  failures: fc.integer({ min: 1, max: 5 }),
  windowMs: fc.constantFrom(300, 1000, 3000),
  minRate: fc.constantFrom(0, 0.5, 0.75, 1),
  consecutive: fc.constantFrom(1, 2, 3, 5, Number.POSITIVE_INFINITY),
  cooldownMs: fc.constant(COOLDOWN),
});
const chance = fc.array(fc.oneof(fc.constantFrom(0, 0.05, 0.999_999), fc.double({ min: 0, max: 0.999, noNaN: true })), {
  minLength: 1,
  maxLength: 5,
});

let skew = 0;

beforeEach(() => {
  vi.useFakeTimers();
  const unskewed = performance.now.bind(performance);
  vi.spyOn(performance, 'now').mockImplementation(() => unskewed() + skew);
});
afterEach(() => {
  vi.useRealTimers();
});

/** Returns sources that draw the same numbers in turn. */
function source(numbers: readonly number[]): () => number {
  let next = 0;
  return () => numbers[next++ % numbers.length] ?? 0;
}

function run(given: BreakerSettings, numbers: readonly number[], ops: readonly Op[], seen: Map<string, number>): void {
  const changes: BreakerState[] = [];
  const breaker = new DeploymentBreaker(given, {
    random: source(numbers),
    onChange: (state) => {
      changes.push(state);
      throw new Error('a listener that throws');
    },
  });
  const model = new BreakerModel(given, source(numbers), performance.now());
  const permits: { real: Permit; model: ModelPermit; startedAt: number; leaseEnd: number; reported: boolean }[] = [];
  let state: BreakerState = 'closed';
  let generation = 0;
  let openedAt = 0;
  let openTicks = 0;

  const count = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  const give = (real: Permit | undefined, expected: ModelPermit | undefined) => {
    expect(real?.generation).toBe(expected?.generation);
    expect(real?.probe).toBe(expected && expected.kind === 'probe');
    if (real === undefined || expected === undefined) return;
    const now = performance.now();
    if (real.probe) {
      const live = permits.filter((p) => p.real.probe && p.real.generation === generation && !p.reported);
      for (const other of live) expect(now, 'two live probes').toBeGreaterThanOrEqual(other.leaseEnd);
    }
    count(expected.kind);
    permits.push({ real, model: expected, startedAt: now, leaseEnd: now + COOLDOWN, reported: false });
  };
  const acquire = () => {
    const mustGive = state === 'open' && performance.now() - openedAt >= COOLDOWN;
    const real = breaker.tryAcquire();
    if (mustGive) expect(real?.probe, 'open for longer than its cooldown').toBe(true);
    give(real, model.acquire());
    return real !== undefined;
  };
  const report = (back: number, how: BreakerOutcome) => {
    const permit = permits.at(-1 - back);
    if (permit === undefined) return;
    const late = permit.real.generation < generation;
    const before = changes.length;
    breaker.report(permit.real, how, permit.startedAt);
    model.report(permit.model, how, permit.startedAt);
    permit.reported = true;
    if (late) expect(changes.length, 'a late result changed the state').toBe(before);
    if (late) count(`late ${how}`);
  };

  try {
    for (const step of ops) {
      const before = changes.length;
      if (step.do === 'acquire') acquire();
      else if (step.do === 'force') give(breaker.force(), model.force());
      else if (step.do === 'report') report(step.back, step.outcome);
      else if (step.do === 'call') {
        if (acquire()) report(0, step.outcome);
      } else if (step.do === 'advance') {
        vi.advanceTimersByTime(step.ms);
        openTicks += step.ms;
        model.advance(step.ms);
      } else {
        skew += step.ms;
        model.stall(step.ms);
      }

      for (const change of changes.slice(before)) {
        const legal: BreakerState[] =
          state === 'closed' ? ['open'] : state === 'open' ? ['halfOpen'] : ['open', 'closed'];
        expect(legal).toContain(change);
        count(`${state} to ${change}`);
        state = change;
        if (change !== 'halfOpen') generation += 1;
        if (change === 'open') openedAt = performance.now();
        if (change === 'open') openTicks = 0;
      }
      expect(breaker.state).toBe(state);
      expect(breaker.state).toBe(model.state);
      expect(breaker.retryAt).toBe(model.retryAt);
      expect(changes).toEqual(model.changes);
      if (state === 'open') expect(openTicks, 'open for longer than its cooldown').toBeLessThan(COOLDOWN);
    }
  } finally {
    breaker.close();
  }
  expect(vi.getTimerCount()).toBe(0);
}

describe('DeploymentBreaker compared with a simple model', () => {
  it('behaves the same over random histories', { timeout: 60_000 }, () => {
    const seen = new Map<string, number>();
    fc.assert(
      fc.property(
        settings,
        chance,
        fc.array(op, { minLength: 10, maxLength: 80, size: 'max' }),
        (given, numbers, ops) => run(given, numbers, ops, seen),
      ),
      { numRuns: 1500 },
    );
    // Proves that the histories covered all transitions.
    for (const what of ['closed to open', 'open to halfOpen', 'halfOpen to open', 'halfOpen to closed']) {
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(200);
    }
    for (const what of ['late success', 'late failure', 'late neutral', 'bypass', 'probe', 'shared']) {
      expect(seen.get(what) ?? 0, what).toBeGreaterThan(100);
    }
  });
});
