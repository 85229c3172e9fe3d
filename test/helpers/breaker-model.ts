import type { BreakerOutcome, BreakerSettings, BreakerState } from '../../src/state/circuit-breaker.js';

export interface ModelPermit {
  readonly generation: number;
  readonly kind: 'shared' | 'probe' | 'bypass';
  readonly leaseEnd: number;
  reported: boolean;
}

const BUCKETS = 10;

/**
 * The specification of `DeploymentBreaker`, as simple as possible and without opossum. It has two clocks: `now` always
 * advances, `ticks` stands still while the process is too busy to run its timers.
 */
export class BreakerModel {
  state: BreakerState = 'closed';
  generation = 0;
  now: number;
  readonly changes: BreakerState[] = [];
  #ticks = 0;
  #openUntil = 0;
  #timerAt = 0;
  /** When the failures of the current row ended. */
  #row: number[] = [];
  #lastSuccessAt = Number.NEGATIVE_INFINITY;
  #sharedOut = 0;
  /** All reports in the window: when, and whether they failed. */
  #window: { at: number; failed: boolean }[] = [];
  #probes: ModelPermit[] = [];

  readonly #settings: BreakerSettings;
  readonly #random: () => number;

  constructor(settings: BreakerSettings, random: () => number, now: number) {
    this.#settings = settings;
    this.#random = random;
    this.now = now;
  }

  get retryAt(): number {
    if (this.state === 'open') return this.now < this.#openUntil ? this.#openUntil : 0;
    return this.liveProbe?.leaseEnd ?? 0;
  }

  get liveProbe(): ModelPermit | undefined {
    return this.#probes.find((probe) => !probe.reported && this.now < probe.leaseEnd);
  }

  acquire(): ModelPermit | undefined {
    if (this.state === 'closed') return this.#shared();
    return this.retryAt === 0 ? this.#probe() : undefined;
  }

  force(): ModelPermit {
    if (this.state === 'closed') return this.#shared();
    if (this.state === 'halfOpen' && this.liveProbe) {
      return { generation: this.generation, kind: 'bypass', leaseEnd: 0, reported: false };
    }
    return this.#probe();
  }

  report(permit: ModelPermit, outcome: BreakerOutcome, startedAt: number): void {
    if (permit.generation !== this.generation) return;
    if (permit.kind === 'shared') this.#reportShared(outcome, startedAt);
    else if (!permit.reported) this.#reportHalfOpen(permit, outcome);
  }

  advance(ms: number): void {
    this.now += ms;
    this.#ticks += ms;
    if (this.state === 'open' && this.#ticks >= this.#timerAt) this.#change('halfOpen');
  }

  stall(ms: number): void {
    this.now += ms;
  }

  #reportHalfOpen(permit: ModelPermit, outcome: BreakerOutcome): void {
    permit.reported = true;
    if (outcome === 'success') this.#close();
    else if (outcome === 'failure' && permit.kind === 'probe') this.#open();
  }

  #reportShared(outcome: BreakerOutcome, startedAt: number): void {
    if (this.#sharedOut === 0) return;
    this.#sharedOut -= 1;
    if (outcome === 'neutral') return;
    const { failures: least, minRate, consecutive } = this.#settings;
    this.#window.push({ at: this.now, failed: outcome === 'failure' });
    if (outcome === 'success') {
      this.#row = [];
      this.#lastSuccessAt = this.now;
      return;
    }
    if (this.#lastSuccessAt > startedAt) this.#row = [];
    this.#row.push(this.now);
    const bucketOf = (at: number) => Math.floor(at / (this.#settings.windowMs / BUCKETS));
    const counted = this.#window.filter(({ at }) => bucketOf(this.now) - bucketOf(at) < BUCKETS);
    const failures = counted.filter(({ failed }) => failed).length;
    const often = failures >= least && failures / counted.length >= minRate;
    const [since = this.now] = this.#row;
    const inARow = this.#row.length >= consecutive && (consecutive === 1 || this.now - since >= 1000);
    if (often || inARow) this.#open();
  }

  #shared(): ModelPermit {
    this.#sharedOut += 1;
    return { generation: this.generation, kind: 'shared', leaseEnd: 0, reported: false };
  }

  #probe(): ModelPermit {
    if (this.state === 'open') this.#change('halfOpen');
    const leaseEnd = this.now + this.#settings.cooldownMs;
    const probe: ModelPermit = { generation: this.generation, kind: 'probe', leaseEnd, reported: false };
    this.#probes.push(probe);
    return probe;
  }

  #open(): void {
    const openMs = Math.max(1, Math.floor(this.#settings.cooldownMs * (1 - 0.2 * this.#random())));
    this.#openUntil = this.now + openMs;
    this.#timerAt = this.#ticks + openMs;
    this.#next('open');
  }

  #close(): void {
    this.#window = [];
    this.#next('closed');
  }

  #next(state: BreakerState): void {
    this.generation += 1;
    this.#row = [];
    this.#lastSuccessAt = Number.NEGATIVE_INFINITY;
    this.#sharedOut = 0;
    this.#probes = [];
    this.#change(state);
  }

  #change(state: BreakerState): void {
    this.state = state;
    this.changes.push(state);
  }
}
