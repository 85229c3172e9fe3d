import { describe, expect, it, vi } from 'vitest';
import { Capacity, type Place, Slots, type Waiting } from '../../../src/state/capacity.js';
import { RateLimit } from '../../../src/state/rate-limit.js';
import fc from '../../helpers/property.js';

const NONE = { maxConcurrent: undefined, rpm: undefined, tpm: undefined };
const place = (id: string, maxConcurrent: number | undefined, client = new Slots(NONE), maxQueue = 1000): Place => ({
  id,
  slots: new Slots({ ...NONE, maxConcurrent }),
  client,
  maxQueue,
});
const noTokens = () => 0;
const flush = () => Promise.resolve();

type Step =
  | { type: 'call'; places: readonly number[]; rank: number }
  | { type: 'end'; which: number }
  | { type: 'cancel'; which: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      type: fc.constant('call' as const),
      places: fc.uniqueArray(fc.nat(2), { minLength: 1 }),
      rank: fc.nat(2),
    }),
  },
  { weight: 4, arbitrary: fc.record({ type: fc.constant('end' as const), which: fc.nat(20) }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('cancel' as const), which: fc.nat(20) }) },
);

describe('capacity', () => {
  it('never exceeds its slots, never leaves one free that a waiting call could use, and serves by rank, then in turn', async () => {
    const limits = fc.tuple(
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 3 }),
      fc.integer({ min: 1, max: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(limits, fc.array(step, { maxLength: 60 }), async ([a, b, shared], steps) => {
        const client = new Slots({ ...NONE, maxConcurrent: shared });
        const places = [place('a', a, client), place('b', b, client), place('c', 2)];
        const capacity = new Capacity();
        const running: Place[] = [];
        let waiting: { waiting: Waiting; places: readonly Place[]; rank: number; order: number }[] = [];
        let order = 0;
        for (const each of steps) {
          if (each.type === 'call') {
            const allowed = each.places.flatMap((i) => places[i] ?? []);
            const free = allowed.find((one) => capacity.hasRoom(one, 0, 0));
            if (free !== undefined) {
              capacity.take(free, 0, 0);
              running.push(free);
            } else {
              const made = capacity.wait(allowed, noTokens, each.rank, 0, () => expect.unreachable());
              expect(made).toBeDefined();
              if (made === undefined) continue;
              const entry = { waiting: made, places: allowed, rank: each.rank, order: order++ };
              waiting.push(entry);
              void made.granted.then((granted) => {
                // No call before it could have used this place.
                const better = waiting.filter(
                  (other) =>
                    other.places.includes(granted) &&
                    (other.rank < entry.rank || (other.rank === entry.rank && other.order < entry.order)),
                );
                expect(better).toEqual([]);
                waiting = waiting.filter((other) => other !== entry);
                running.push(granted);
              });
            }
          } else if (each.type === 'end') {
            const [ended] = running.splice(each.which % Math.max(1, running.length), 1);
            if (ended !== undefined) capacity.release(ended, 0, undefined, 0);
          } else {
            const [cancelled] = waiting.splice(each.which % Math.max(1, waiting.length), 1);
            cancelled?.waiting.cancel();
          }
          await flush();
          await flush();
          for (const one of places) expect(one.slots.inFlight).toBeLessThanOrEqual(one.slots.maxConcurrent ?? 0);
          expect(client.inFlight).toBeLessThanOrEqual(shared);
          expect(places.reduce((sum, one) => sum + one.slots.inFlight, 0)).toBe(running.length);
          const usable = waiting.filter((one) => one.places.some((at) => !at.slots.isBusy && !at.client.isBusy));
          expect(usable).toEqual([]);
        }
      }),
    );
  });

  it('refuses the newest of the lowest priority where the queue is full', async () => {
    const only = place('a', 1, new Slots(NONE), 2);
    const capacity = new Capacity();
    capacity.take(only, 0, 0);
    const refused: string[] = [];
    const wait = (name: string, rank: number) => capacity.wait([only], noTokens, rank, 0, () => refused.push(name));
    expect(wait('first standard', 1)).toBeDefined();
    expect(wait('second standard', 1)).toBeDefined();
    expect(wait('third standard', 1)).toBeUndefined();
    expect(wait('premium', 0)).toBeDefined();
    expect(refused).toEqual(['second standard']);
    expect(wait('second premium', 0)).toBeDefined();
    expect(wait('third premium', 0)).toBeUndefined();
    expect(refused).toEqual(['second standard', 'first standard']);
  });

  it('serves a rate when it allows, with one timer that ends with the last waiting call', async () => {
    vi.useFakeTimers({ now: 0 });
    try {
      const client = new Slots(NONE);
      const limited: Place = { id: 'a', slots: new Slots({ ...NONE, rpm: 60 }), client, maxQueue: 10 };
      const capacity = new Capacity();
      for (let i = 0; i < 10; i += 1) {
        expect(capacity.hasRoom(limited, 0, performance.now())).toBe(true);
        capacity.take(limited, 0, performance.now());
      }
      expect(capacity.hasRoom(limited, 0, performance.now())).toBe(false);
      let granted = 0;
      for (let i = 0; i < 3; i += 1)
        void capacity.wait([limited], noTokens, 0, performance.now(), () => undefined)?.granted.then(() => granted++);
      await vi.advanceTimersByTimeAsync(999);
      expect(granted).toBe(0);
      await vi.advanceTimersByTimeAsync(2);
      expect(granted).toBe(1);
      await vi.advanceTimersByTimeAsync(2001);
      expect(granted).toBe(3);
      expect(vi.getTimerCount()).toBe(0);
    } finally {
      vi.useRealTimers();
    }
  });
});

describe('a rate', () => {
  it('allows a burst of ten seconds, then its rate; never more than both', () => {
    const arrivals = fc.array(fc.record({ gapMs: fc.nat(20_000), amount: fc.integer({ min: 1, max: 400 }) }), {
      maxLength: 80,
    });
    fc.assert(
      fc.property(arrivals, (list) => {
        const perMinute = 600;
        const limit = new RateLimit(perMinute, 1);
        let now = 0;
        let taken = 0;
        let largest = 0;
        for (const { gapMs, amount } of list) {
          now += gapMs;
          if (limit.availableAt(amount) > now) continue;
          limit.take(amount, now);
          taken += amount;
          largest = Math.max(largest, amount);
          expect(taken).toBeLessThanOrEqual(100 + (perMinute * now) / 60_000 + largest + 1e-6);
        }
      }),
    );
  });

  it('lets an amount larger than the burst pass when the bucket is full, and corrects it to the actual use', () => {
    const limit = new RateLimit(600, 0);
    expect(limit.availableAt(5000)).toBeLessThanOrEqual(0);
    limit.take(5000, 0);
    expect(limit.availableAt(1)).toBeCloseTo(490_100, -2);
    limit.settle(5000, 50, 0);
    expect(limit.availableAt(50)).toBeLessThanOrEqual(0);
    expect(limit.availableAt(51)).toBeGreaterThan(0);
  });

  it('allows one request at a time, however low it is', () => {
    const limit = new RateLimit(1, 1);
    expect(limit.availableAt(1)).toBeLessThanOrEqual(0);
    limit.take(1, 0);
    expect(limit.availableAt(1)).toBe(60_000);
  });
});
