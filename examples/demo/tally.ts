// The results of one side's calls.
import { StreamInterruptedError } from 'model-router';

export class Tally {
  answered = 0;
  failed = 0;
  /** Ended without an error, with a part of the answer missing. */
  halves = 0;
  /** Failed streams that ended with an error after a part of the answer. */
  interrupted = 0;
  waiting = 0;
  readonly #times: number[] = [];

  get calls(): number {
    return this.answered + this.failed + this.halves;
  }

  /**
   * Counts a call when it has ended; `call` resolves to whether its answer was complete. A call that `signal` ended is
   * not counted.
   */
  async watch(call: Promise<boolean>, signal: AbortSignal): Promise<void> {
    const startedAt = performance.now();
    this.waiting += 1;
    const outcome = await call.then(
      (whole) => (whole ? 'answered' : 'halves'),
      (error: unknown) => (error instanceof StreamInterruptedError ? 'interrupted' : 'failed'),
    );
    this.waiting -= 1;
    if (signal.aborted) return;
    if (outcome === 'interrupted') this.failed += 1;
    this[outcome] += 1;
    this.#times.push(performance.now() - startedAt);
  }

  /** The quantile `q` of the calls in milliseconds, until their answer or their error. */
  quantile(q: number): number {
    const sorted = this.#times.toSorted((a, b) => a - b);
    return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  }
}

export interface Row {
  readonly name: string;
  readonly tally: Tally;
  readonly upstreamCalls: number;
  readonly costUsd: number;
}

/** The final table of the demo, as lines of text. */
export function table(rows: readonly Row[]): string[] {
  const [calls, ...others] = rows.map(({ tally }) => tally.calls);
  const title = others.every((each) => each === calls) ? `${calls} calls each` : '';
  const head = [title, 'answered', 'failed', 'cut unseen', 'p50', 'p99', 'upstream', 'cost'];
  const body = rows.map(({ name, tally, upstreamCalls, costUsd }) => [
    name,
    `${((100 * tally.answered) / Math.max(1, tally.calls)).toFixed(1)} %`,
    `${tally.failed}`,
    `${tally.halves}`,
    `${tally.quantile(0.5).toFixed(0)} ms`,
    `${tally.quantile(0.99).toFixed(0)} ms`,
    `${upstreamCalls}`,
    `$${costUsd.toFixed(4)}`,
  ]);
  const widths = head.map((title, i) => Math.max(title.length, ...body.map((row) => row[i]?.length ?? 0)));
  return [head, ...body].map((row) =>
    row.map((cell, i) => (i === 0 ? cell.padEnd(widths[i] ?? 0) : cell.padStart(widths[i] ?? 0))).join('  '),
  );
}
