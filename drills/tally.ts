import type { AttemptRecord, CallRecord } from 'model-router';

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
  retries = 0;
  hedges = 0;
  /** Upstream calls by deployment, including resends. */
  readonly perDeployment = new Map<string, number>();
  /** Calls that failed, by the error's class. */
  readonly errors = new Map<string, number>();
  readonly #took: number[] = [];

  add({ tookMs, error, record }: Settled): void {
    this.calls += 1;
    this.#took.push(tookMs);
    if (error === undefined) this.answered += 1;
    else count(this.errors, error instanceof Error ? error.constructor.name : typeof error);
    const { attempts = [] } = record ?? {};
    const sent = attempts.reduce((sum, { resends }) => sum + 1 + resends, 0);
    this.attempts += sent;
    this.attemptsSquared += sent ** 2;
    this.retries += retriesOf(attempts);
    this.hedges += hedgesOf(attempts);
    for (const { deployment, resends } of attempts) count(this.perDeployment, deployment, 1 + resends);
  }

  get failed(): number {
    return this.calls - this.answered;
  }

  get answeredPercent(): number {
    return (100 * this.answered) / this.calls;
  }

  /** Upstream calls per call. */
  get load(): number {
    return this.attempts / this.calls;
  }

  /** Over all calls, including failed ones, in milliseconds. */
  quantile(q: number): number {
    const sorted = Float64Array.from(this.#took).sort();
    return sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? 0;
  }
}

/** Attempts at a deployment that the same call has tried before. */
function retriesOf(attempts: readonly AttemptRecord[]): number {
  return attempts.length - new Set(attempts.map(({ deployment }) => deployment)).size;
}

/** Those that did not succeed: their token is not returned. */
export function retriesInVain(attempts: readonly AttemptRecord[]): number {
  const isRetry = ({ deployment }: AttemptRecord, index: number) =>
    attempts.slice(0, index).some((each) => each.deployment === deployment);
  return attempts.filter((each, index) => isRetry(each, index) && each.outcome !== 'success').length;
}

/** Attempts that were started beside another one. */
export function hedgesOf(attempts: readonly AttemptRecord[]): number {
  return attempts.filter(({ hedge }) => hedge === true).length;
}

export function count(counts: Map<string, number>, key: string, by = 1): void {
  counts.set(key, (counts.get(key) ?? 0) + by);
}
