import type { Deployment, Failure } from '../types.js';
import type { DeploymentBreaker } from './circuit-breaker.js';
import { LatencyHistogram } from './latency-histogram.js';
import { newTotals } from './totals.js';

/** What is known of one account: when it refuses its key or has no quota, none of its deployments is of use. */
export interface ClientState {
  readonly name: string;
  /** `performance.now()` time. */
  setAsideUntil: number;
}

/** What the router remembers of one deployment, for as long as it lives. */
export class DeploymentState {
  readonly latency = new LatencyHistogram();
  readonly timeToFirstChunk = new LatencyHistogram();
  readonly totals = newTotals();
  inFlight = 0;
  /** `performance.now()` time until which the server asked us to stay away, and the failure that said so. */
  pausedUntil = 0;
  pausedBy: Failure | undefined;

  constructor(
    readonly deployment: Deployment,
    readonly client: ClientState,
    /** `undefined` where breakers are off. */
    readonly breaker: DeploymentBreaker | undefined,
  ) {}

  get id(): string {
    return this.deployment.id;
  }

  /** What an attempt waits for: a stream's first content, or a whole answer. */
  latencies(stream: boolean): LatencyHistogram {
    return stream ? this.timeToFirstChunk : this.latency;
  }

  /** The longer pause wins: a short `Retry-After` never ends a longer one. */
  pause(until: number, failure: Failure): void {
    if (until <= this.pausedUntil) return;
    this.pausedUntil = until;
    this.pausedBy = failure;
  }
}
