import type { PlannedTraffic, SimulatedCall, SteadyTraffic, Traffic, TrafficShare } from './options.js';
import { seededRandom, seedFor } from './seeded-random.js';

/** A call of the traffic, at its time. */
export interface DueCall {
  /** From 0. */
  readonly number: number;
  /** Milliseconds from the start. */
  readonly atMs: number;
  readonly stream: boolean;
  readonly call: SimulatedCall;
}

export function isPlanned(traffic: Traffic): traffic is PlannedTraffic {
  return 'calls' in traffic;
}

/** How long calls are made, in milliseconds. */
export function durationOf(traffic: Traffic): number {
  if (!isPlanned(traffic)) return traffic.durationMs;
  return traffic.calls.reduce((latest, { atMs }) => Math.max(latest, atMs), 0);
}

/** The different kinds of calls. */
export function kindsOf(traffic: Traffic): readonly (TrafficShare | SimulatedCall)[] {
  return isPlanned(traffic) ? traffic.calls : (traffic.mix ?? [traffic]);
}

/** The calls in order of their times, the same for the same seed. */
export function* dueCalls(traffic: Traffic, seed: number): Generator<DueCall> {
  if (!isPlanned(traffic)) return yield* steady(traffic, seed);
  const ordered = [...traffic.calls].sort((a, b) => a.atMs - b.atMs);
  for (const [number, call] of ordered.entries()) {
    yield { number, atMs: call.atMs, stream: call.stream ?? false, call };
  }
}

function* steady(traffic: SteadyTraffic, seed: number): Generator<DueCall> {
  const { perSecond, durationMs, arrivals = 'poisson', mix = [traffic] } = traffic;
  const gap = seededRandom(seedFor(seed, 'arrivals'));
  const kind = seededRandom(seedFor(seed, 'mix'));
  const meanMs = 1000 / perSecond;
  let atMs = arrivals === 'even' ? 0 : -Math.log(1 - gap()) * meanMs;
  for (let number = 0; atMs < durationMs; number += 1) {
    const call = draw(mix, kind());
    yield { number, atMs, stream: kind() < (call.streamShare ?? 0), call };
    // Computed from the number instead of a running sum, so that a rate of 3 per second stays exact.
    atMs = arrivals === 'even' ? (number + 1) * meanMs : atMs - Math.log(1 - gap()) * meanMs;
  }
}

function draw(mix: readonly TrafficShare[], random: number): TrafficShare {
  const weight = ({ share = 1 }: TrafficShare) => share;
  let left = random * mix.reduce((total, each) => total + weight(each), 0);
  for (const each of mix) {
    left -= weight(each);
    if (left < 0) return each;
  }
  return mix.at(-1) ?? {};
}
