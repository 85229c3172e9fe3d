import { setImmediate as realImmediate } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { LatencyHistogram } from '../../../src/state/latency-histogram.js';
import fc from '../../helpers/property.js';

const SLOT = 30_000;
const WINDOW = 10 * SLOT;
const LONGEST = 30 * 60_000;

beforeEach(() => {
  vi.useFakeTimers();
  vi.advanceTimersByTime(SLOT - (performance.now() % SLOT));
});
afterEach(() => {
  vi.useRealTimers();
});

function recordTimes(histogram: LatencyHistogram, times: number, ms: number): void {
  for (let i = 0; i < times; i += 1) histogram.record(ms);
}

/** Equal within the width of a bucket. */
function expectNear(actual: number | undefined, expected: number): void {
  expect(actual).toBeGreaterThan(expected * 0.99);
  expect(actual).toBeLessThan(expected * 1.01);
}

describe('quantile', () => {
  it('is within 1 % of the exact value', () => {
    const log = fc.double({ min: Math.log(0.05), max: Math.log(LONGEST), noNaN: true });
    const values = fc.array(log.map(Math.exp), { minLength: 1, maxLength: 300, size: 'max' });
    const q = fc.oneof(fc.constantFrom(0, 0.5, 0.9, 0.95, 0.99, 0.999, 1), fc.double({ min: 0, max: 1, noNaN: true }));
    fc.assert(
      fc.property(values, q, (recorded, share) => {
        const histogram = new LatencyHistogram();
        for (const value of recorded) histogram.record(value);
        const sorted = recorded.toSorted((a, b) => a - b);
        const exact = sorted[Math.max(1, Math.ceil(share * sorted.length)) - 1] ?? Number.NaN;
        expect(Math.abs((histogram.quantile(share) ?? Number.NaN) / exact - 1)).toBeLessThan(0.01);
        expect(histogram.count).toBe(recorded.length);
        expect(histogram.min).toBeCloseTo(Math.max(0.05, sorted[0] ?? Number.NaN), 9);
      }),
      { numRuns: 500 },
    );
  });

  it('is undefined while empty', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.quantile(0.5)).toBeUndefined();
    expect(histogram.live(0.5)).toBeUndefined();
    expect(histogram.min).toBeUndefined();
    expect(histogram.count).toBe(0);
  });

  it('is never below the smallest value', () => {
    const histogram = new LatencyHistogram();
    for (const ms of [100, 101, 102, 103]) {
      histogram.record(ms);
      expect(histogram.quantile(0)).toBeGreaterThanOrEqual(100);
      expect(histogram.min).toBe(100);
    }
  });

  it.each([-5, 0, 0.001, Number.NEGATIVE_INFINITY])('treats %d as the shortest', (ms) => {
    const histogram = new LatencyHistogram();
    histogram.record(ms);
    expect(histogram.min).toBe(0.05);
    expectNear(histogram.quantile(1), 0.05);
  });

  it.each([LONGEST, LONGEST + 1, 1e12, Number.POSITIVE_INFINITY])('treats %d as the longest', (ms) => {
    const histogram = new LatencyHistogram();
    histogram.record(ms);
    expect(histogram.count).toBe(1);
    expect(histogram.min).toBe(LONGEST);
    expectNear(histogram.quantile(0), LONGEST);
  });

  it('leaves out NaN', () => {
    const histogram = new LatencyHistogram();
    histogram.record(Number.NaN);
    expect(histogram.count).toBe(0);
    histogram.record(100);
    expectNear(histogram.quantile(1), 100);
  });
});

describe('the window', () => {
  it('drops a slot ten slots after it began', () => {
    const histogram = new LatencyHistogram();
    vi.advanceTimersByTime(SLOT - 1);
    histogram.record(100);
    vi.advanceTimersByTime(WINDOW - SLOT);
    expect(histogram.count).toBe(1);
    expect(histogram.min).toBe(100);
    expectNear(histogram.quantile(0.5), 100);
    vi.advanceTimersByTime(1);
    expect(histogram.count).toBe(0);
    expect(histogram.min).toBeUndefined();
    expect(histogram.quantile(0.5)).toBeUndefined();
  });

  it('drops slots one by one', () => {
    const histogram = new LatencyHistogram();
    recordTimes(histogram, 3, 10);
    vi.advanceTimersByTime(SLOT);
    recordTimes(histogram, 2, 1000);
    vi.advanceTimersByTime(WINDOW - SLOT - 1);
    expect(histogram.count).toBe(5);
    expect(histogram.min).toBe(10);
    expectNear(histogram.quantile(0.5), 10);
    vi.advanceTimersByTime(1);
    expect(histogram.count).toBe(2);
    expect(histogram.min).toBe(1000);
    expectNear(histogram.quantile(0.5), 1000);
    vi.advanceTimersByTime(SLOT);
    expect(histogram.count).toBe(0);
  });

  it('matches a plain list of the last ten slots', () => {
    const step = fc.record({
      values: fc.array(fc.double({ min: 1, max: 1000, noNaN: true }), { maxLength: 8 }),
      wait: fc.oneof(fc.constantFrom(0, 1, SLOT - 1, SLOT, WINDOW), fc.nat(2 * SLOT)),
      read: fc.constantFrom('none', 'count', 'min', 'quantile'),
      q: fc.constantFrom(0, 0.25, 0.5, 0.75, 1),
    });
    const slotNow = () => Math.floor(performance.now() / SLOT);
    fc.assert(
      fc.property(fc.array(step, { maxLength: 40, size: 'max' }), (steps) => {
        const histogram = new LatencyHistogram();
        let model: { value: number; slot: number }[] = [];
        for (const { values, wait, read, q } of steps) {
          for (const value of values) {
            histogram.record(value);
            model.push({ value, slot: slotNow() });
          }
          vi.advanceTimersByTime(wait);
          model = model.filter(({ slot }) => slotNow() - slot < 10);
          const sorted = model.map(({ value }) => value).sort((a, b) => a - b);
          if (read === 'count') expect(histogram.count).toBe(sorted.length);
          else if (read === 'min') expect(histogram.min).toBe(sorted[0]);
          else if (read === 'quantile' && sorted.length === 0) expect(histogram.quantile(q)).toBeUndefined();
          else if (read === 'quantile') {
            expectNear(histogram.quantile(q), sorted[Math.max(1, Math.ceil(q * sorted.length)) - 1] ?? Number.NaN);
          }
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([1, 9, 10, 11, 1000])('ages if %i slots passed without a read', (slots) => {
    const histogram = new LatencyHistogram();
    recordTimes(histogram, 3, 10);
    vi.advanceTimersByTime(slots * SLOT);
    histogram.record(1000);
    expect(histogram.count).toBe(slots < 10 ? 4 : 1);
    expect(histogram.min).toBe(slots < 10 ? 10 : 1000);
  });

  it('can have other slots', () => {
    const histogram = new LatencyHistogram({ slots: 2, slotMs: 100 });
    histogram.record(5);
    vi.advanceTimersByTime(199);
    expect(histogram.count).toBe(1);
    vi.advanceTimersByTime(1);
    expect(histogram.count).toBe(0);
  });

  it('needs no timer', () => {
    new LatencyHistogram().record(1);
    expect(vi.getTimerCount()).toBe(0);
  });
});

describe('live', () => {
  it('is up to a second old', () => {
    const histogram = new LatencyHistogram();
    recordTimes(histogram, 100, 100);
    expectNear(histogram.live(0.95), 100);
    recordTimes(histogram, 50, 1000);
    vi.advanceTimersByTime(999);
    expectNear(histogram.live(0.95), 100);
    expectNear(histogram.live(0.99), 1000);
    vi.advanceTimersByTime(1);
    expectNear(histogram.live(0.95), 1000);
  });

  it('is recomputed at once when the count has doubled', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.live(0.95)).toBeUndefined();
    histogram.record(10);
    expectNear(histogram.live(0.95), 10);
    recordTimes(histogram, 99, 100);
    expectNear(histogram.live(0.95), 100);
    recordTimes(histogram, 99, 1000);
    expectNear(histogram.live(0.95), 100);
    histogram.record(1000);
    expectNear(histogram.live(0.95), 1000);
  });

  it('forgets with the window', () => {
    const histogram = new LatencyHistogram();
    histogram.record(100);
    vi.advanceTimersByTime(WINDOW - 1);
    expectNear(histogram.live(0.5), 100);
    vi.advanceTimersByTime(1000);
    expect(histogram.live(0.5)).toBeUndefined();
  });
});

describe('memory of a range', () => {
  /** The bytes of all arrays of counts in memory. */
  async function countArrays(use: (histogram: LatencyHistogram) => void): Promise<number> {
    const arrays: WeakRef<Uint32Array>[] = [];
    class Counted extends Uint32Array {
      constructor(length: number) {
        super(length);
        arrays.push(new WeakRef(this));
      }
    }
    vi.stubGlobal('Uint32Array', Counted);
    const histogram = new LatencyHistogram();
    use(histogram);
    // A WeakRef holds its target until the end of the turn.
    await realImmediate();
    globalThis.gc?.();
    const held = arrays.reduce((sum, array) => sum + (array.deref()?.byteLength ?? 0), 0);
    use(histogram);
    return held;
  }

  it('uses no memory while idle', async () => {
    expect(globalThis.gc).toBeTypeOf('function');
    expect(await countArrays((histogram) => histogram.count)).toBe(0);
  });

  it('is one slot and the sum for a few calls', async () => {
    expect(await countArrays((histogram) => recordTimes(histogram, 10, 100))).toBeLessThan(2 * 3600);
  });

  it('is bounded under load', async () => {
    const held = await countArrays((histogram) => {
      for (let slot = 0; slot < 100; slot += 1) {
        for (let ms = 0.01; ms < 1e7; ms *= 1.5) histogram.record(ms);
        vi.advanceTimersByTime(SLOT);
      }
    });
    expect(held).toBeGreaterThan(0);
    expect(held).toBeLessThan(11 * 3600);
  });

  it('is released when the window has passed', async () => {
    const held = await countArrays((histogram) => {
      recordTimes(histogram, 10, 100);
      vi.advanceTimersByTime(WINDOW);
      expect(histogram.count).toBe(0);
    });
    expect(held).toBe(0);
  });
});

describe('memory', () => {
  it('depends on the range in use: an empty histogram has none, one of similar latencies little', () => {
    const histogram = new LatencyHistogram();
    expect(histogram.bytes).toBe(0);
    for (let slot = 0; slot < 10; slot += 1) {
      for (let ms = 200; ms < 2000; ms *= 1.01) histogram.record(ms);
      vi.advanceTimersByTime(SLOT);
    }
    // 117 buckets lie between 200 ms and 2 s; all 880 in ten slots and their sum would take 38 KB.
    expect(histogram.bytes).toBeLessThan(11 * 4 * (117 + 2 * 32));
    vi.advanceTimersByTime(WINDOW);
    expect(histogram.count).toBe(0);
    expect(histogram.bytes).toBe(0);
  });
});
