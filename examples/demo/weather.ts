// The faults of the cheap model over time. Both sides of the demo get the same faults at the same time.

import { seededRandom } from 'model-router/simulate';
import {
  answer,
  type Behaviour,
  cut,
  endEarly,
  type FakeProvider,
  fail,
  hang,
  startFakeProvider,
} from 'model-router/testing';
import { cheap, other, prices, pro } from './models.ts';

export interface Phase {
  readonly name: string;
  readonly seconds: number;
  readonly does: (stream: boolean, n: number) => Behaviour;
}

/** The text of every answer; a shorter answer was cut. */
export const reply = 'Refunds take five working days. They go back to the card that was charged.';
const usage = { inputTokens: 900, outputTokens: 250 };
const tokens = usage.inputTokens + usage.outputTokens;
const whole = { content: reply, chunks: 8, chunkMs: 25, usage };

/** Milliseconds, drawn from the provider's seeded random source. */
const between = (least: number, most: number) => (random: () => number) => least + (most - least) * random();

const usual = answer({ ...whole, latencyMs: between(120, 260) });

/** Streams that break before their first piece, in the middle, and in the middle without an error. */
const broken = [
  cut({ ...whole, latencyMs: 80, afterChunks: 0 }),
  cut({ ...whole, latencyMs: 80, afterChunks: 3 }),
  endEarly({ ...whole, latencyMs: 80, afterChunks: 3 }),
];

const phases: readonly Phase[] = [
  { name: 'the cheap model answers', seconds: 4, does: () => usual },
  { name: 'the cheap model is slow', seconds: 4, does: () => answer({ ...whole, latencyMs: between(700, 1300) }) },
  { name: 'the cheap model fails (503)', seconds: 5, does: () => fail(503, { latencyMs: between(30, 90) }) },
  { name: 'the cheap model answers again', seconds: 4, does: () => usual },
  { name: 'the cheap model hangs', seconds: 5, does: () => hang() },
  { name: 'the cheap model answers again', seconds: 4, does: () => usual },
  {
    name: 'the streams of the cheap model are cut',
    seconds: 5,
    does: (stream, n) => (stream ? (broken[n % broken.length] ?? usual) : usual),
  },
  { name: 'the cheap model has recovered', seconds: 3, does: () => usual },
];

export const totalMs = 1000 * phases.reduce((sum, { seconds }) => sum + seconds, 0);

/** The phase at a time after the start; the last one does not end. */
export function phaseAt(ms: number): Phase | undefined {
  let left = ms;
  for (const phase of phases) {
    left -= phase.seconds * 1000;
    if (left < 0) return phase;
  }
  return phases.at(-1);
}

/** A provider with all of these faults. `elapsed` returns the milliseconds since the start. */
export function startProvider(seed: number, elapsed: () => number): Promise<FakeProvider> {
  let streams = 0;
  return startFakeProvider({
    random: seededRandom(seed),
    models: {
      [cheap]: ({ stream }) => phaseAt(elapsed())?.does(stream, stream ? streams++ : 0) ?? usual,
      [other]: answer({ ...whole, latencyMs: between(180, 360) }),
      [pro]: answer({ ...whole, latencyMs: between(220, 400) }),
    },
  });
}

/** The provider's bill in US dollars: each request that it answered with 200, even if it broke off. */
export function billOf(provider: FakeProvider): number {
  const billed = provider.requests.filter(({ status }) => status === 200);
  return billed.reduce((sum, { model = '' }) => sum + ((prices[model] ?? 0) * tokens) / 1e6, 0);
}
