import type { CallRecord } from 'model-router';

/** How one call ended. Times are in milliseconds. */
export interface Settled {
  readonly startedMs: number;
  readonly tookMs: number;
  readonly error: unknown;
  readonly record: CallRecord | undefined;
}

/** Sums over calls that have ended. */
export class Tally {
  calls = 0;
  answered = 0;
  attempts = 0;
  attemptsSquared = 0;
  /** Attempts at a deployment that the same call had asked before. */
  retries = 0;
  readonly perDeployment = new Map<string, number>();
  /** Failures by the error's class. */
  readonly errors = new Map<string, number>();
  readonly #took: number[] = [];

  add({ tookMs, error, record }: Settled): void {
    this.calls += 1;
    this.#took.push(tookMs);
    if (error === undefined) this.answered += 1;
    else count(this.errors, error instanceof Error ? error.constructor.name : typeof error);
    if (record === undefined) return;
    const { attempts } = record;
    this.attempts += attempts.length;
    this.attemptsSquared += attempts.length ** 2;
    for (const [index, { deployment }] of attempts.entries()) {
      count(this.perDeployment, deployment);
      if (attempts.findIndex((each) => each.deployment === deployment) < index) this.retries += 1;
    }
  }

  get failed(): number {
    return this.calls - this.answered;
  }

  get answeredShare(): number {
    return this.answered / this.calls;
  }

  /** Upstream calls per call. */
  get load(): number {
    return this.attempts / this.calls;
  }

  /** Of all calls, failed ones too, in milliseconds. */
  quantile(q: number): number {
    const sorted = Float64Array.from(this.#took).sort();
    return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  }

  slowerThan(ms: number): number {
    return this.#took.reduce((total, took) => total + (took > ms ? 1 : 0), 0);
  }
}

export function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
