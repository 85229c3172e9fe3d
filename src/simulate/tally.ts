import { round } from '../prices/cost.js';
import { errorName } from '../sdk/sdk-errors.js';
import type { SeriesStep, SimulatedTraffic, Spread } from './result.js';
import type { Settled } from './send-call.js';

/** Times, collected for percentiles at the end. */
export class Times {
  readonly #all: number[] = [];

  add(ms: number): void {
    this.#all.push(ms);
  }

  /** By nearest rank. */
  spread(): Spread {
    const sorted = Float64Array.from(this.#all).sort();
    const at = (q: number) => sorted[Math.max(0, Math.ceil(q * sorted.length) - 1)] ?? null;
    return { p50: at(0.5), p95: at(0.95), p99: at(0.99), p999: at(0.999), max: at(1) };
  }
}

interface Step {
  calls: number;
  answered: number;
  upstreamCalls: number;
  costUsd: number;
  readonly times: Times;
}

/** Sums over the calls of one run. */
export class Tally {
  calls = 0;
  readonly #stepMs: number;
  readonly #times = new Times();
  readonly #firstChunks = new Times();
  readonly #steps: Step[] = [];
  readonly #errors = new Map<string, number>();
  #answered = 0;
  #costUsd = 0;
  #isPriced = false;

  constructor(stepMs: number, durationMs: number) {
    this.#stepMs = stepMs;
    const steps = Math.max(1, Math.ceil(durationMs / stepMs));
    for (let i = 0; i < steps; i += 1) this.#steps.push(newStep());
  }

  add({ startedMs, tookMs, firstChunkMs, error, record }: Settled): void {
    const step = this.#step(startedMs);
    this.calls += 1;
    step.calls += 1;
    this.#times.add(tookMs);
    step.times.add(tookMs);
    if (firstChunkMs !== undefined) this.#firstChunks.add(firstChunkMs);
    if (error === undefined) {
      this.#answered += 1;
      step.answered += 1;
    } else {
      const { name } = errorOf(error);
      this.#errors.set(name, (this.#errors.get(name) ?? 0) + 1);
    }
    for (const { costUsd, outcome } of record?.attempts ?? []) {
      if (costUsd === null) continue;
      this.#costUsd += costUsd;
      step.costUsd += costUsd;
      this.#isPriced ||= outcome === 'success';
    }
  }

  addUpstreamCall(): void {
    this.#step(performance.now()).upstreamCalls += 1;
  }

  result(upstreamCalls: number): SimulatedTraffic {
    const { calls } = this;
    return {
      calls,
      answered: this.#answered,
      failed: calls - this.#answered,
      availability: calls === 0 ? null : this.#answered / calls,
      latencyMs: this.#times.spread(),
      timeToFirstChunkMs: this.#firstChunks.spread(),
      upstreamCalls,
      load: calls === 0 ? null : upstreamCalls / calls,
      costUsd: this.#isPriced ? round(this.#costUsd) : null,
      errors: Object.fromEntries([...this.#errors].sort()),
      series: this.#steps.map((step, index) => this.#seriesStep(step, index)),
    };
  }

  #seriesStep({ calls, answered, upstreamCalls, costUsd, times }: Step, index: number): SeriesStep {
    const { p50, p99 } = times.spread();
    const atMs = index * this.#stepMs;
    return { atMs, calls, answered, upstreamCalls, p50Ms: p50, p99Ms: p99, costUsd: round(costUsd) };
  }

  #step(startedMs: number): Step {
    const index = Math.floor(startedMs / this.#stepMs);
    while (this.#steps.length <= index) this.#steps.push(newStep());
    return this.#steps[index] ?? newStep();
  }
}

function newStep(): Step {
  return { calls: 0, answered: 0, upstreamCalls: 0, costUsd: 0, times: new Times() };
}

/** The publishable part of an error, without its text, which comes from an upstream. */
export function errorOf(error: unknown): { name: string; status: number | null; code: string | null } {
  if (!(error instanceof Error)) return { name: typeof error, status: null, code: null };
  const status: unknown = Reflect.get(error, 'status');
  const code: unknown = Reflect.get(error, 'code');
  return {
    name: errorName(error),
    status: typeof status === 'number' ? status : null,
    code: typeof code === 'string' ? code : null,
  };
}
