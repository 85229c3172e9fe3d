import { describe, expect, it } from 'vitest';
import { mergeStretches, minutesBetween, type Stretch } from '../../../src/state/service-history.js';
import { SlidingCounts } from '../../../src/state/sliding-counts.js';
import fc from '../../helpers/property.js';

describe('SlidingCounts', () => {
  it('sum the thirty slots that end with the newest', () => {
    const events = fc.array(
      fc.record({
        afterMs: fc.integer({ min: 0, max: 4000 }),
        backMs: fc.integer({ min: 0, max: 5000 }),
        bad: fc.boolean(),
      }),
      { maxLength: 100 },
    );
    fc.assert(
      fc.property(events, (all) => {
        const window = new SlidingCounts(3000);
        let now = 0;
        const added: { slot: number; bad: boolean }[] = [];
        for (const { afterMs, backMs, bad } of all) {
          now += afterMs;
          window.age(now);
          window.add(now - backMs, bad ? 0 : 1, bad ? 1 : 0);
          added.push({ slot: Math.floor((now - backMs) / 100), bad });
          const newest = Math.floor(now / 100);
          const inside = added.filter(({ slot }) => slot > newest - 30);
          const count = (isBad: boolean) => inside.filter((each) => each.bad === isBad).length;
          // An event that is too old is not added, and an event leaves the window by its slot.
          expect([window.good, window.bad]).toEqual([count(false), count(true)]);
        }
      }),
    );
  });
});

describe('periods of minutes', () => {
  const stretches = fc.array(fc.tuple(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 1, max: 9 })), {
    maxLength: 12,
  });
  const minutesOf = (all: readonly Stretch[]) =>
    new Set(all.flatMap(([start, minutes]) => Array.from({ length: minutes }, (_, i) => start + i)));

  it('merge to the minutes of all, in order and apart, and merging again changes nothing', () => {
    fc.assert(
      fc.property(stretches, stretches, (a, b) => {
        const merged = mergeStretches([a, b]);
        expect(minutesOf(merged)).toEqual(new Set([...minutesOf([...a, ...b])].sort((x, y) => x - y)));
        for (const [i, [start]] of merged.entries()) {
          const before = merged[i - 1];
          if (before !== undefined) expect(start).toBeGreaterThan(before[0] + before[1]);
        }
        expect(mergeStretches([merged, a, b])).toEqual(merged);
        const inside = [...minutesOf(merged)].filter((minute) => minute >= 10 && minute < 20);
        expect(minutesBetween(merged, 10 * 60_000, 20 * 60_000)).toBe(inside.length);
      }),
    );
  });
});
