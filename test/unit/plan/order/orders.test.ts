import { createHash } from 'node:crypto';
import { seededRandom } from 'model-router/simulate';
import { describe, expect, it } from 'vitest';
import { drawByKey, drawByNumber, hash53 } from '../../../../src/plan/order/draw.js';
import { leastBusyOrder } from '../../../../src/plan/order/least-busy.js';
import { lowestCostOrder } from '../../../../src/plan/order/lowest-cost.js';
import { weightedOrder } from '../../../../src/plan/order/weighted.js';
import fc from '../../../helpers/property.js';

const ids = (deployments: readonly { id: string }[]) => deployments.map(({ id }) => id);

describe('weighted', () => {
  const variants = [
    { id: 'a', weight: 70 },
    { id: 'b', weight: 25 },
    { id: 'c', weight: 5 },
  ];

  it.each([
    ['by number', (i: number) => drawByNumber(7, i)],
    ['by key', (i: number) => drawByKey('chat', `user-${i}`)],
  ])('gives each its share: %s', (_, draw) => {
    const calls = 100_000;
    const counts = new Map<string, number>();
    for (let i = 0; i < calls; i += 1) {
      const first = weightedOrder(variants, draw(i))[0]?.id ?? '';
      counts.set(first, (counts.get(first) ?? 0) + 1);
    }
    for (const { id, weight } of variants) {
      const share = weight / 100;
      const sigma = Math.sqrt(calls * share * (1 - share));
      expect(Math.abs((counts.get(id) ?? 0) - calls * share)).toBeLessThan(3 * sigma);
    }
  });

  it('moves about the fewest keys when a weight changes', () => {
    const before = [
      { id: 'a', weight: 1 },
      { id: 'b', weight: 1 },
    ];
    const after = [
      { id: 'a', weight: 1 },
      { id: 'b', weight: 1.5 },
    ];
    const keys = 20_000;
    let moved = 0;
    for (let i = 0; i < keys; i += 1) {
      const draw = drawByKey('chat', `user-${i}`);
      const [old, now] = [weightedOrder(before, draw)[0]?.id, weightedOrder(after, draw)[0]?.id];
      if (old === now) continue;
      moved += 1;
      // Only the variant that gained weight gains keys.
      expect(now).toBe('b');
    }
    const d = 1.5 / 2.5 - 1 / 2;
    expect(moved / keys).toBeLessThan(1.05 * ((2 * d) / (1 + d)));
  });

  it('assigns a key to the same variant in every process and language', () => {
    const golden = Array.from(
      { length: 100 },
      (_, i) => weightedOrder(variants, drawByKey('chat', `user-${i}`))[0]?.id,
    ).join('');
    expect(golden).toMatchSnapshot();
  });

  it('draws from the top 53 bits of SHA-256', () => {
    const text = 'chat\0variant\0user-1';
    const hex = createHash('sha256').update(text).digest('hex');
    expect(BigInt(hash53(text))).toBe(BigInt(`0x${hex}`) >> 203n);
  });

  it('puts weight 0 last, in listed order', () => {
    const listed = [{ id: 'x', weight: 0 }, { id: 'y', weight: 0 }, ...variants];
    expect(ids(weightedOrder(listed, drawByNumber(1, 1))).slice(3)).toEqual(['x', 'y']);
  });
});

describe('least-busy', () => {
  const busy = (id: string, inFlight: number, weight = 1, maxConcurrent?: number) => ({
    id,
    inFlight,
    weight,
    maxConcurrent,
  });

  it('sorts by attempts in flight per unit of weight', () => {
    const listed = [busy('a', 4, 1), busy('b', 6, 2), busy('c', 9, 4)];
    expect(ids(leastBusyOrder(listed, () => 0.5))).toEqual(['c', 'b', 'a']);
  });

  it('sorts by the share of slots in use if every deployment has slots', () => {
    const listed = [busy('a', 4, 1, 5), busy('b', 6, 1, 60)];
    expect(ids(leastBusyOrder(listed, () => 0.5))).toEqual(['b', 'a']);
    expect(ids(leastBusyOrder([...listed, busy('c', 5)], () => 0.5))).toEqual(['a', 'c', 'b']);
  });

  it('breaks ties at random, so that the first listed does not get all', () => {
    const random = seededRandom(3);
    const counts = { a: 0, b: 0, c: 0 };
    for (let i = 0; i < 3000; i += 1) {
      const draws = new Map([
        ['a', random()],
        ['b', random()],
        ['c', random()],
      ]);
      const [first] = ids(leastBusyOrder([busy('a', 0), busy('b', 0), busy('c', 0)], (id) => draws.get(id) ?? 0));
      counts[first as 'a'] += 1;
    }
    for (const count of Object.values(counts)) expect(count).toBeGreaterThan(900);
  });
});

describe('lowest-cost', () => {
  const priced = (id: string, expectedCostUsd: number | undefined, p95Ms?: number) => ({ id, expectedCostUsd, p95Ms });

  it('puts the cheapest first and an unknown price last', () => {
    const listed = [
      priced('none', undefined),
      priced('dear', 0.02),
      priced('cheap', 0.001),
      priced('also none', undefined),
    ];
    expect(ids(lowestCostOrder(listed, undefined))).toEqual(['cheap', 'dear', 'none', 'also none']);
  });

  it('puts slow ones last, and does not exclude them', () => {
    const listed = [priced('slow', 0.001, 3000), priced('quick', 0.02, 400), priced('unseen', 0.01)];
    expect(ids(lowestCostOrder(listed, 1000))).toEqual(['unseen', 'quick', 'slow']);
  });
});

it('every order is a permutation, and deterministic', () => {
  const deployment = fc.record({
    weight: fc.constantFrom(0, 0.5, 1, 3, 100),
    inFlight: fc.nat(20),
    maxConcurrent: fc.option(fc.integer({ min: 1, max: 9 }), { nil: undefined }),
    expectedCostUsd: fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined }),
    p95Ms: fc.option(fc.nat(5000), { nil: undefined }),
  });
  fc.assert(
    fc.property(fc.array(deployment, { maxLength: 8 }), fc.nat(), (drawn, seed) => {
      const listed = drawn.map((each, i) => ({ ...each, id: `d${i}` }));
      const draw = drawByNumber(seed, 1);
      for (const order of [
        () => weightedOrder(listed, draw),
        () => leastBusyOrder(listed, draw),
        () => lowestCostOrder(listed, 1000),
      ]) {
        expect(ids(order()).sort()).toEqual(ids(listed).sort());
        expect(order()).toEqual(order());
      }
    }),
  );
});
