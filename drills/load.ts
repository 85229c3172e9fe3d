import { setMaxListeners } from 'node:events';
import { callRecord } from 'model-router';
import type { VirtualClock } from './clock.ts';
import { type Fleet, ROUTE } from './fleet.ts';
import { Invariants, PROMPT } from './invariants.ts';
import type { Settled } from './tally.ts';

export interface Load {
  readonly clock: VirtualClock;
  readonly fleet: Fleet;
  readonly calls: number;
  /** Milliseconds between two bursts, regardless of running calls. */
  readonly stepMs: number;
  /** Calls in a burst. @default 1 */
  readonly atOnce?: number;
  /** Every nth call is a stream. @default none */
  readonly streamEvery?: number;
  readonly onSettled: (settled: Settled) => void;
  readonly onProgress?: ((share: number) => void) | undefined;
}

const MESSAGES = [{ role: 'user' as const, content: PROMPT }];
/** A call that has not settled by then never will. */
const GRACE_MS = 60_000;
const PROGRESS_STEPS = 100;

/** Sends calls at their times, waits for the last one, and checks at once what is left. */
export async function sendLoad(load: Load): Promise<Invariants> {
  const { clock, fleet, calls, stepMs, atOnce = 1, streamEvery = Number.POSITIVE_INFINITY } = load;
  const invariants = new Invariants(clock, fleet);
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  let started = 0;
  let settled = 0;

  const start = (): void => {
    started += 1;
    const startedMs = performance.now();
    const [promise, text] = started % streamEvery === 0 ? startStream(fleet, signal) : startCall(fleet, signal);
    const settle = (answer: string | undefined, error: unknown): void => {
      settled += 1;
      const end: Settled = { startedMs, tookMs: performance.now() - startedMs, error, record: callRecord(promise) };
      invariants.look(end, answer);
      load.onSettled(end);
      if (settled % Math.ceil(calls / PROGRESS_STEPS) === 0) load.onProgress?.(settled / calls);
    };
    text.then(
      (answer) => settle(answer, undefined),
      (error: unknown) => settle(undefined, error),
    );
  };
  const burst = (): void => {
    for (let i = 0; i < atOnce && started < calls; i += 1) start();
    if (started < calls) setTimeout(burst, stepMs);
  };

  const end = performance.now() + Math.ceil(calls / atOnce) * stepMs + fleet.deadlineMs + GRACE_MS;
  burst();
  await clock.flush();
  while (settled < calls && performance.now() < end) await clock.step();
  await clock.finishMoment();
  invariants.lookAtTheEnd(calls, signal);
  return invariants;
}

/** The SDK's promise, which has the record, and the answer's text. */
type Started = [promise: object, text: Promise<string>];

function startCall({ router }: Fleet, signal: AbortSignal): Started {
  const promise = router.chat.completions.create({ model: ROUTE, messages: MESSAGES }, { signal });
  return [promise, promise.then(({ choices }) => choices[0]?.message.content ?? '')];
}

function startStream({ router }: Fleet, signal: AbortSignal): Started {
  const promise = router.chat.completions.create({ model: ROUTE, messages: MESSAGES, stream: true }, { signal });
  const read = async () => {
    let text = '';
    for await (const chunk of await promise) text += chunk.choices[0]?.delta.content ?? '';
    return text;
  };
  return [promise, read()];
}
