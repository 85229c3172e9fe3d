import { seededRandom } from 'model-router/simulate';
import { describe, expect, it } from 'vitest';
import { LatencyScores } from '../../../../src/state/latency-scores.js';

interface Run {
  readonly perSecond: number;
  readonly seconds: number;
  /** The median of each deployment at a time; a missing deployment answers 429 in 5 ms. */
  readonly medians: (second: number) => Readonly<Record<string, number | undefined>>;
  readonly seed: number;
}

const IDS = ['slow', 'fast', 'middle'];
const normal = (random: () => number) => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());

/** Calls at a fixed rate, with their own clock; answers come independently. */
function simulateCalls({ perSecond, seconds, medians, seed }: Run) {
  const random = seededRandom(seed);
  const scores = new LatencyScores({ percentile: 0.5, band: 0.1, explore: 0.03 });
  const inFlight = new Map(IDS.map((id) => [id, 0]));
  let pending: { at: number; end: () => void }[] = [];
  const calls: { at: number; id: string; ms: number }[] = [];
  for (let i = 0; i < perSecond * seconds; i += 1) {
    const now = (i * 1000) / perSecond;
    for (const each of pending.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at)) each.end();
    pending = pending.filter(({ at }) => at > now);
    const view = IDS.map((id) => ({ id, inFlight: inFlight.get(id) ?? 0 }));
    const decision = scores.decide(view, now, undefined);
    expect(scores.decide(view, now, undefined)).toEqual(decision);
    expect([...decision.order].sort()).toEqual([...IDS].sort());
    scores.commit(decision, now);
    const id = decision.order[0] ?? '';
    const median = medians(now / 1000)[id];
    const ms = median === undefined ? 5 : median * Math.exp(0.45 * normal(random)) * (random() < 0.02 ? 8 : 1);
    calls.push({ at: now / 1000, id, ms });
    inFlight.set(id, (inFlight.get(id) ?? 0) + 1);
    pending.push({
      at: now + ms,
      end: () => {
        inFlight.set(id, (inFlight.get(id) ?? 0) - 1);
        if (median !== undefined) scores.record(id, ms, now + ms);
        if (decision.probe === id) scores.endProbe(id, median !== undefined, now + ms);
      },
    });
  }
  return calls;
}

const MEAN_FACTOR = Math.exp(0.45 ** 2 / 2) * (1 + 0.02 * 7);

/** How much more calls took on average than at the deployment with the lowest median. */
function excess(calls: readonly { ms: number; id: string; at: number }[], medians: Run['medians']): number {
  const expected = (id: string, at: number) => (medians(at)[id] ?? 0) * MEAN_FACTOR;
  const sum = calls.reduce((total, { id, at }) => total + expected(id, at), 0);
  const best = calls.reduce(
    (total, { at }) => total + Math.min(...IDS.map((id) => expected(id, at) || Number.POSITIVE_INFINITY)),
    0,
  );
  return sum / best - 1;
}

const steady = () => ({ slow: 900, fast: 350, middle: 500 });
const swapped = (second: number) => (second < 120 ? steady() : { slow: 350, fast: 900, middle: 500 });

describe('lowest-latency', () => {
  it.each([2, 5, 20])('stays within 10 percent of the fastest at %i calls a second', (perSecond) => {
    const runs = [1, 2, 3, 4, 5].map((seed) => simulateCalls({ perSecond, seconds: 600, medians: steady, seed }));
    for (const calls of runs) expect(excess(calls, steady)).toBeLessThan(0.1);
  });

  it.each([
    [20, 10],
    [5, 30],
  ])('at %i calls a second finds the new fastest within %i s of a swap', (perSecond, within) => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const calls = simulateCalls({ perSecond, seconds: 420, medians: swapped, seed });
      const after = calls.filter(({ at }) => at >= 120);
      expect(excess(after, swapped)).toBeLessThan(0.15);
      const settled = after.filter(({ at }) => at >= 120 + within && at < 120 + within + 30);
      const share = settled.filter(({ id }) => id === 'slow').length / settled.length;
      expect(share).toBeGreaterThan(0.7);
    }
  });

  it('sends a deployment that refuses quickly only its probes', () => {
    const medians = () => ({ slow: 900, fast: undefined, middle: 500 });
    const calls = simulateCalls({ perSecond: 20, seconds: 300, medians, seed: 1 });
    // The wait doubles from 1 s to 60 s: six probes in the first minute, then one a minute.
    expect(calls.filter(({ id }) => id === 'fast').length).toBeLessThanOrEqual(12);
  });

  it('uses the last three samples whatever their age, so that 500 calls a day leave the first listed deployment', () => {
    for (let seed = 1; seed <= 5; seed += 1) {
      const calls = simulateCalls({ perSecond: 1 / 173, seconds: 173 * 1000, medians: steady, seed });
      expect(calls.filter(({ id }) => id === 'slow').length / calls.length).toBeLessThan(0.1);
      expect(excess(calls, steady)).toBeLessThan(0.3);
    }
  });
});
