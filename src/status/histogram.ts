import { DURATION_BUCKETS } from '../telemetry/metric-names.js';

/** Counts of durations, in the buckets of the Prometheus metrics. */
export class Histogram {
  /** One more than there are bounds, for values above the last one. */
  readonly counts = new Uint32Array(DURATION_BUCKETS.length + 1);
  sumSeconds = 0;

  record(ms: number): void {
    const seconds = ms / 1000;
    const found = DURATION_BUCKETS.findIndex((bound) => seconds <= bound);
    const bucket = found === -1 ? DURATION_BUCKETS.length : found;
    this.counts[bucket] = (this.counts[bucket] ?? 0) + 1;
    this.sumSeconds += seconds;
  }
}
