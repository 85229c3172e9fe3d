import type { CallRecord, Outcome } from '../telemetry/record-types.js';

/** Milliseconds over all calls, failed ones too; `null` where there was none. */
export interface Spread {
  p50: number | null;
  p95: number | null;
  p99: number | null;
  p999: number | null;
  max: number | null;
}

/** What happened in one step of time, to the calls that began in it. */
export interface SeriesStep {
  /** Milliseconds from the start. */
  atMs: number;
  calls: number;
  answered: number;
  upstreamCalls: number;
  p50Ms: number | null;
  p99Ms: number | null;
  /** US dollars, of what is known. */
  costUsd: number;
}

/** How a traffic went. */
export interface SimulatedTraffic {
  calls: number;
  answered: number;
  failed: number;
  /** The share of calls that were answered, 0 to 1; a stream is when it has ended well. `null` where there was no call. */
  availability: number | null;
  /** Until a call was over; a stream's until its end. */
  latencyMs: Spread;
  /** Of streams that began. */
  timeToFirstChunkMs: Spread;
  upstreamCalls: number;
  /** Upstream calls per call. */
  load: number | null;
  /** US dollars, of what is known; `null` where no price is. */
  costUsd: number | null;
  /** Calls that failed, by the error's name. */
  errors: Record<string, number>;
  series: SeriesStep[];
}

/** A time in which a breaker was in one state. */
export interface BreakerBand {
  state: 'closed' | 'open' | 'halfOpen';
  fromMs: number;
  toMs: number;
}

/** One deployment, as the router used it. */
export interface SimulatedDeployment {
  /** Attempts there. */
  attempts: number;
  /** Calls that it answered. */
  answered: number;
  outcomes: Partial<Record<Outcome, number>>;
  /** Attempts while a fault with a `share` of 1 prevented all answers. */
  wasted: number;
  /** Retries that the retry budget did not allow. */
  retriesWithheld: number;
  /** Of attempts that succeeded. */
  latencyMs: Spread;
  costUsd: number | null;
  /** From the start to the end, without gaps. */
  breaker: BreakerBand[];
  /** A pause that a server requested by `Retry-After`. */
  pauses: { fromMs: number; forMs: number; status: number | null }[];
}

/** A call that failed. `record.id` is made from the call's number. */
export interface FailedCall {
  startedMs: number;
  tookMs: number;
  stream: boolean;
  error: { name: string; status: number | null; code: string | null };
  record: CallRecord | null;
}

/** A fault as it was simulated, in words. */
export interface FaultReport {
  at: string[];
  behavior: string;
  share: number;
  fromMs: number;
  toMs: number;
  burstMs: number | null;
  /** Requests that it has struck. */
  struck: number;
  /** It prevents all answers of its deployments. */
  isOutage: boolean;
}

/** What the plain client made of the same traffic and faults. */
export interface Baseline extends SimulatedTraffic {
  /** Which client it was, in words. */
  client: string;
}

/** What came of it, as plain JSON. The same seed gives the same. */
export interface Simulation extends SimulatedTraffic {
  seed: number;
  /** How long calls were made, in milliseconds. */
  trafficMs: number;
  /** Until the last call was over. */
  durationMs: number;
  /** Milliseconds of one step of `series`. */
  stepMs: number;
  deployments: Record<string, SimulatedDeployment>;
  /** Attempts while a fault with a `share` of 1 prevented all answers of the deployment. */
  wasted: number;
  /** The first of the calls that failed. */
  failedCalls: FailedCall[];
  faults: FaultReport[];
  /** What is wrong with the configuration, as far as it shows; each in a sentence. */
  advice: string[];
  baseline: Baseline | null;
}
