const RECENT = 20;
const RECENT_MS = 60_000;
/** This many samples are used whatever their age: with a few calls a minute, nothing would be known otherwise. */
const LEAST = 3;
const MOST_CREDIT = 9;
const FIRST_WAIT_MS = 1000;
const LONGEST_WAIT_MS = 60_000;

export interface LatencyScoreOptions {
  /** 0 to 1. */
  readonly percentile: number;
  /** How much slower than the best counts as equally fast, as a share. */
  readonly band: number;
  /** The share of calls that may probe whether slower deployments have recovered. */
  readonly explore: number;
}

/** The decision for one call. The same state gives the same decision; `commit` updates the state. */
export interface LatencyDecision {
  readonly order: readonly string[];
  /** The deployment that is tried first to measure how fast it is. */
  readonly probe: string | undefined;
}

interface Sample {
  readonly at: number;
  readonly ms: number;
}

class Scored {
  readonly samples: Sample[] = [];
  credit = 0;
  isProbing = false;
  /** No probe before this time. Each failed probe moves it further. */
  probeAt = Number.NEGATIVE_INFINITY;
  waitMs = FIRST_WAIT_MS;
  #score: number | undefined;
  #validUntil = Number.NEGATIVE_INFINITY;

  add(sample: Sample): void {
    this.samples.push(sample);
    if (this.samples.length > RECENT) this.samples.shift();
    this.#validUntil = Number.NEGATIVE_INFINITY;
  }

  get last(): number {
    return this.samples.at(-1)?.ms ?? 0;
  }

  /** `undefined` with fewer than three samples. */
  score(percentile: number, now: number): number | undefined {
    if (this.samples.length < LEAST) return undefined;
    if (now < this.#validUntil) return this.#score;
    const fresh = this.samples.findIndex((each) => each.at > now - RECENT_MS);
    const from = Math.min(fresh === -1 ? this.samples.length : fresh, this.samples.length - LEAST);
    const used = this.samples.slice(from).map((each) => each.ms);
    used.sort((a, b) => a - b);
    this.#score = used[Math.min(used.length - 1, Math.max(0, Math.ceil(percentile * used.length) - 1))];
    const oldest = this.samples[from]?.at ?? now;
    this.#validUntil = oldest > now - RECENT_MS ? oldest + RECENT_MS : Number.POSITIVE_INFINITY;
    return this.#score;
  }
}

/**
 * How fast the deployments of a route have answered recently, and which call probes a slower one. Each deployment earns
 * its own credit for probes, so that the slowest is probed too, only less often.
 */
export class LatencyScores {
  readonly #scored = new Map<string, Scored>();

  constructor(readonly options: LatencyScoreOptions) {}

  /** Records the time of an answer or of a timeout. Errors are no samples: a fast 429 must not attract traffic. */
  record(id: string, ms: number, now: number): void {
    this.#of(id).add({ at: now, ms });
  }

  /**
   * @param draw breaks ties within the band by the call's assignment key, which keeps prompt caches warm; without a
   * key, the deployment with the fewest attempts goes first.
   */
  decide(
    deployments: readonly { readonly id: string; readonly inFlight: number }[],
    now: number,
    draw: ((id: string) => number) | undefined,
  ): LatencyDecision {
    const { percentile, band } = this.options;
    const rows = deployments.map(({ id, inFlight }) => {
      const scored = this.#of(id);
      return { id, inFlight, scored, score: scored.score(percentile, now) };
    });
    const known = rows.filter((row) => row.score !== undefined).sort((a, b) => (a.score ?? 0) - (b.score ?? 0));
    const best = known[0]?.score;
    const limit = best === undefined ? 0 : best * (1 + band);
    const inBand = known.filter((row) => (row.score ?? 0) <= limit);
    const order =
      draw === undefined
        ? inBand.sort((a, b) => a.inFlight - b.inFlight)
        : inBand.sort((a, b) => draw(a.id) - draw(b.id));
    const slower = known.filter((row) => (row.score ?? 0) > limit);
    const unknown = rows.filter((row) => row.score === undefined);
    const probe =
      unknown.find(({ scored }) => !scored.isProbing && now >= scored.probeAt) ??
      slower.find(
        (row) =>
          !row.scored.isProbing && now >= row.scored.probeAt && this.#creditOf(row, rows.length) >= cost(row, best),
      );
    const ids = [...order, ...slower, ...unknown].map((row) => row.id);
    if (probe === undefined) return { order: ids, probe: undefined };
    return { order: [probe.id, ...ids.filter((id) => id !== probe.id)], probe: probe.id };
  }

  /** Applies a decision: all but the best earn credit, and the probed one pays. */
  commit({ order, probe }: LatencyDecision, now: number): void {
    const { percentile } = this.options;
    const rows = order.map((id) => {
      const scored = this.#of(id);
      return { scored, score: scored.score(percentile, now) ?? Number.POSITIVE_INFINITY };
    });
    const best = Math.min(...rows.map(({ score }) => score));
    for (const { scored, score } of rows) if (score !== best) scored.credit = this.#creditOf({ scored }, order.length);
    if (probe === undefined) return;
    const probed = this.#of(probe);
    const score = probed.score(percentile, now);
    if (score !== undefined) probed.credit -= cost({ scored: probed, score }, best);
    probed.isProbing = true;
  }

  /** The probe of `id` has ended: it gave a sample (`true`), failed, or was never sent (`undefined`). */
  endProbe(id: string, succeeded: boolean | undefined, now: number): void {
    const scored = this.#of(id);
    scored.isProbing = false;
    if (succeeded === undefined) return;
    if (succeeded) {
      scored.waitMs = FIRST_WAIT_MS;
      scored.probeAt = Number.NEGATIVE_INFINITY;
      return;
    }
    scored.probeAt = now + scored.waitMs;
    scored.waitMs = Math.min(LONGEST_WAIT_MS, 2 * scored.waitMs);
  }

  /** The credit, including what this call earns. */
  #creditOf({ scored }: { scored: Scored }, count: number): number {
    return Math.min(MOST_CREDIT, scored.credit + this.options.explore / Math.max(1, count - 1));
  }

  #of(id: string): Scored {
    const known = this.#scored.get(id);
    if (known !== undefined) return known;
    const scored = new Scored();
    this.#scored.set(id, scored);
    return scored;
  }
}

/** Probing a deployment that is nine times slower costs as much as nine probes of one that is twice as slow. */
function cost({ scored, score }: { scored: Scored; score: number | undefined }, best = 1): number {
  return Math.min(MOST_CREDIT, Math.max(0, Math.min(scored.last, score ?? 0) / best - 1));
}

/** Makes answers of different length comparable: raw times penalise a long answer, times per token a short one. */
export function comparableMs(ms: number, outputTokens: number | undefined): number {
  return outputTokens === undefined ? ms : (ms * 2000) / (500 + 10 * outputTokens);
}
