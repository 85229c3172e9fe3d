import type { CallRecord, Outcome } from '../telemetry/record-types.js';

/** Milliseconds over all calls, including failed ones; `null` without calls. */
export interface Spread {
  p50: number | null;
  p95: number | null;
  p99: number | null;
  p999: number | null;
  max: number | null;
}

/** The results of one time step, for the calls that began in it. */
export interface SeriesStep {
  /** Milliseconds from the start. */
  atMs: number;
  calls: number;
  answered: number;
  upstreamCalls: number;
  p50Ms: number | null;
  p99Ms: number | null;
  /** Known costs in US dollars. */
  costUsd: number;
}

/** The results of a traffic. */
export interface SimulatedTraffic {
  calls: number;
  answered: number;
  failed: number;
  /**
   * The share of calls that were answered, 0 to 1; a stream counts when it has ended successfully. `null` without
   * calls.
   */
  availability: number | null;
  /** Until a call was over; for a stream, until its end. */
  latencyMs: Spread;
  /** For streams that began. */
  timeToFirstChunkMs: Spread;
  upstreamCalls: number;
  /** Upstream calls per call. */
  load: number | null;
  /** Known costs in US dollars; `null` without prices. */
  costUsd: number | null;
  /** Calls that failed, by the error's name. */
  errors: Record<string, number>;
  series: SeriesStep[];
}

/** A period in which a breaker was in one state. */
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
  /** For attempts that succeeded. */
  latencyMs: Spread;
  costUsd: number | null;
  /** From the start to the end, without gaps. */
  breaker: BreakerBand[];
  /** A pause that a server requested by `Retry-After`. */
  pauses: { fromMs: number; forMs: number; status: number | null }[];
}

/** A failed call. `record.id` is derived from the call's number. */
export interface FailedCall {
  startedMs: number;
  tookMs: number;
  stream: boolean;
  error: { name: string; status: number | null; code: string | null };
  record: CallRecord | null;
}

/** A simulated fault, in words. */
export interface FaultReport {
  at: string[];
  behavior: string;
  share: number;
  fromMs: number;
  toMs: number;
  burstMs: number | null;
  /** The number of requests that it affected. */
  struck: number;
  /** It prevents all answers of its deployments. */
  isOutage: boolean;
}

/** The plain client's results for the same traffic and faults. */
export interface Baseline extends SimulatedTraffic {
  /** A description of the client. */
  client: string;
}

/** The result as plain JSON. The same seed gives the same result. */
export interface Simulation extends SimulatedTraffic {
  seed: number;
  /** How long calls were started, in milliseconds. */
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
  /** Problems of the configuration that the simulation shows, each in a sentence. */
  advice: string[];
  baseline: Baseline | null;
}
