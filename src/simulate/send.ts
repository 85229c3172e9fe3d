import type { VirtualClock } from './clock.js';
import type { Settled } from './send-call.js';
import type { DueCall } from './traffic.js';

/** A call that has not ended this many milliseconds after its deadline never will. */
const GRACE_MS = 60_000;

export interface Sending {
  readonly clock: VirtualClock;
  readonly calls: Iterator<DueCall>;
  readonly durationMs: number;
  /** The longest that a call may take. */
  readonly longestMs: number;
  readonly send: (due: DueCall) => Promise<Settled>;
  readonly onSettled: (settled: Settled) => void;
  /** Checked after each step: an error ends the simulation. */
  readonly problem: () => Error | undefined;
  readonly onProgress: ((share: number) => void) | undefined;
}

/** Starts each call at its time, regardless of the others, and returns when the last one is over. */
export async function sendAll(sending: Sending): Promise<void> {
  const { clock, calls, durationMs, longestMs, send, onSettled, problem, onProgress } = sending;
  let running = 0;
  /** An error of the simulation or of a listener; failed calls do not reject. */
  let broken: unknown;
  let next = calls.next();
  let reported = 0;

  const start = (due: DueCall): void => {
    running += 1;
    send(due)
      .then(onSettled)
      .catch((error: unknown) => {
        broken ??= error;
      })
      .finally(() => {
        running -= 1;
      });
  };
  const startDue = (): void => {
    while (!next.done && next.value.atMs <= performance.now()) {
      start(next.value);
      next = calls.next();
    }
    // Timers take whole milliseconds. Rounded down, one would fire early, several times in a row.
    if (!next.done) setTimeout(startDue, Math.ceil(next.value.atMs - performance.now()));
  };

  startDue();
  await clock.flush();
  while (running > 0 || !next.done) {
    await clock.step();
    const error = broken ?? problem();
    if (error !== undefined) throw error;
    const now = performance.now();
    if (now > durationMs + longestMs + GRACE_MS) {
      throw new Error(`${running} calls of the simulation have not ended ${GRACE_MS} ms after their deadline.`);
    }
    const percent = Math.floor((100 * now) / durationMs);
    if (percent > reported && percent <= 100) {
      reported = percent;
      onProgress?.(percent / 100);
    }
  }
  await clock.finishMoment();
}
