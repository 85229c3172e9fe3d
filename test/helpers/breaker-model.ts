import type { BreakerOutcome, BreakerSettings, BreakerState } from '../../src/state/circuit-breaker.js';

export interface ModelPermit {
  readonly generation: number;
  readonly kind: 'shared' | 'probe' | 'bypass';
  readonly leaseEnd: number;
  reported: boolean;
}

const BUCKETS = 10;

/**
 * What `DeploymentBreaker` should do, written as plainly as possible and without opossum. It has two clocks:
 * `now` always moves on, `ticks` stands still while the process is too busy to run its timers.
 */
export class BreakerModel {
  state: BreakerState = 'closed';
  generation = 0;
  now: number;
  readonly changes: BreakerState[] = [];
  #ticks = 0;
  #openUntil = 0;
  #timerAt = 0;
  #row = 0;
  #sharedOut = 0;
  #window = emptyWindow();
  #probes: ModelPermit[] = [];

  readonly #settings: BreakerSettings;
  readonly #random: () => number;

  constructor(settings: BreakerSettings, random: () => number, now: number) {
    this.#settings = settings;
    this.#random = random;
    this.now = now;
  }

  get dueAt(): number {
    if (this.state === 'open') return this.now < this.#openUntil ? this.#openUntil : 0;
    return this.liveProbe?.leaseEnd ?? 0;
  }

  get liveProbe(): ModelPermit | undefined {
    return this.#probes.find((probe) => !probe.reported && this.now < probe.leaseEnd);
  }

  acquire(): ModelPermit | undefined {
    if (this.state === 'closed') return this.#shared();
    return this.dueAt === 0 ? this.#probe() : undefined;
  }

  force(): ModelPermit {
    if (this.state === 'closed') return this.#shared();
    if (this.state === 'halfOpen' && this.liveProbe) {
      return { generation: this.generation, kind: 'bypass', leaseEnd: 0, reported: false };
    }
    return this.#probe();
  }

  report(permit: ModelPermit, outcome: BreakerOutcome): void {
    if (permit.generation !== this.generation) return;
    if (permit.kind === 'shared') this.#reportShared(outcome);
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

  rotate(): void {
    this.#window = [{ failures: 0, successes: 0 }, ...this.#window.slice(0, BUCKETS - 1)];
  }

  #reportHalfOpen(permit: ModelPermit, outcome: BreakerOutcome): void {
    permit.reported = true;
    if (outcome === 'success') this.#close();
    else if (outcome === 'failure' && permit.kind === 'probe') this.#open();
  }

  #reportShared(outcome: BreakerOutcome): void {
    if (this.#sharedOut === 0) return;
    this.#sharedOut -= 1;
    if (outcome === 'neutral') return;
    const bucket = this.#window[0]!;
    if (outcome === 'success') {
      bucket.successes += 1;
      this.#row = 0;
      return;
    }
    bucket.failures += 1;
    this.#row += 1;
    const failures = this.#window.reduce((sum, b) => sum + b.failures, 0);
    const calls = this.#window.reduce((sum, b) => sum + b.failures + b.successes, 0);
    const often = failures >= this.#settings.failures && failures / calls >= this.#settings.minRate;
    if (often || this.#row >= this.#settings.consecutive) this.#open();
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
    this.#window = emptyWindow();
    this.#next('closed');
  }

  #next(state: BreakerState): void {
    this.generation += 1;
    this.#row = 0;
    this.#sharedOut = 0;
    this.#probes = [];
    this.#change(state);
  }

  #change(state: BreakerState): void {
    this.state = state;
    this.changes.push(state);
  }
}

function emptyWindow() {
  return Array.from({ length: BUCKETS }, () => ({ failures: 0, successes: 0 }));
}
