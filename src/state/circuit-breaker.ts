/// <reference path="./opossum.d.ts" />
import CircuitBreaker, { type RotateBucketController, type Settlement } from 'opossum';

export type BreakerState = 'closed' | 'open' | 'halfOpen';
export type BreakerOutcome = 'success' | 'failure' | 'neutral';

/** When to open, and for how long. The caller has checked all values. */
export interface BreakerSettings {
  /** Opens at this many failures within `windowMs`, if they are at least `minRate` of the calls in it. */
  failures: number;
  windowMs: number;
  /** From 0 (any share) to 1. */
  minRate: number;
  /**
   * Opens at this many failures in a row that span at least a second, whatever the window contains. `Infinity` turns
   * the rule off; a row of 1 needs no span.
   */
  consecutive: number;
  /** The longest open time, and the lease of a probe; each open time is up to 20 % shorter at random. */
  cooldownMs: number;
}

/** Permission for one call. Its outcome counts only while the breaker is in the generation that issued it. */
export interface Permit {
  readonly generation: number;
  readonly probe: boolean;
}

export interface BreakerDeps {
  /** From 0 up to 1. */
  random: () => number;
  onChange?: (state: BreakerState) => void;
}

const BUCKETS = 10;
const COOLDOWN_JITTER = 0.2;
/** A longer timer fires after 1 ms. */
const MAX_TIMER_MS = 2 ** 31 - 1;
const TRIM_EVERY = 64;
/** Calls that end together do not count as a row. */
const ROW_SPAN_MS = 1000;

const ignore = () => {};

// Results that are available at once: opossum counts and changes state before fire() returns, unlike with a promise.
const succeeded: Settlement = {
  // biome-ignore lint/suspicious/noThenProperty: a promise in shape only
  then(succeed) {
    succeed();
    return { catch: ignore };
  },
};
/** One error for all: it is never shown, so it needs no stack. */
const failed = new Error('The attempt has failed.');

function resultOf(outcome: 'success' | 'failure'): Settlement {
  if (outcome === 'failure') throw failed;
  return succeeded;
}

/**
 * Advances opossum's window by the clock when something is reported. Otherwise opossum would need a timer for each
 * breaker, which also runs without traffic.
 */
class WindowClock implements RotateBucketController {
  readonly #bucketMs: number;
  #bucket: number;
  #rotate: (() => void) | undefined;

  constructor(windowMs: number) {
    this.#bucketMs = windowMs / BUCKETS;
    this.#bucket = this.#now();
  }

  listenerCount(): number {
    return this.#rotate === undefined ? 0 : 1;
  }

  on(_event: string, rotate: () => void): void {
    this.#rotate = rotate;
  }

  removeListener(): void {
    this.#rotate = undefined;
  }

  turn(): void {
    const bucket = this.#now();
    for (let i = Math.min(BUCKETS, bucket - this.#bucket); i > 0; i -= 1) this.#rotate?.();
    this.#bucket = bucket;
  }

  #now(): number {
    return Math.floor(performance.now() / this.#bucketMs);
  }
}

/**
 * One deployment's circuit breaker, as gate and report: request a permit, make the call, report how it ended. opossum
 * has the window and the open time and never sees the call itself, so a call that hangs, is aborted or ends late can
 * neither block nor close it.
 */
export class DeploymentBreaker {
  readonly #settings: BreakerSettings;
  readonly #deps: BreakerDeps;
  /** Created with the first report, because a router may have thousands of unused deployments. */
  #made: CircuitBreaker<'success' | 'failure'> | undefined;
  #clock: WindowClock;
  #state: BreakerState = 'closed';
  #shutDown = false;
  /** Increments with each opening and each closing. */
  #generation = 0;
  /** The one permit of a closed generation, shared by all its calls. */
  #shared: Permit = Object.freeze({ generation: 0, probe: false });
  /** Shared permits that are not yet reported. Surplus reports do not count. */
  #sharedOut = 0;
  /** Failures since the last success, and the time of the first one. */
  #failuresInARow = 0;
  #rowSince = 0;
  #lastSuccessAt = Number.NEGATIVE_INFINITY;
  /** No probe before this time: the end of the cooldown, or of the live probe's lease. */
  #noProbeBefore = 0;
  #probe: Permit | undefined;
  /** Probes and bypasses that have not reported. Weak, because some never will. */
  readonly #unreported = new WeakSet<Permit>();
  #fires = 0;
  /** Until this time one failure opens it. */
  #suspectUntil = 0;
  /** The `performance.now()` time at which it last opened because of this process's own reports. */
  openedAt = Number.NEGATIVE_INFINITY;

  constructor(settings: BreakerSettings, deps: BreakerDeps) {
    this.#settings = settings;
    this.#deps = deps;
    this.#clock = new WindowClock(settings.windowMs);
  }

  get #circuit(): CircuitBreaker<'success' | 'failure'> {
    this.#made ??= this.#createCircuit('closed');
    return this.#made;
  }

  get state(): BreakerState {
    return this.#state;
  }

  /** The `performance.now()` time from which `tryAcquire` returns a permit; 0 if it would now. */
  get retryAt(): number {
    return performance.now() >= this.#noProbeBefore ? 0 : this.#noProbeBefore;
  }

  /** Whether it is open, and would allow a probe now. */
  get isProbeDue(): boolean {
    return this.#state !== 'closed' && this.retryAt === 0;
  }

  /** It is open in another process: one failure here opens it here too, and a success clears the suspicion. */
  suspect(forMs: number): void {
    if (this.#state === 'closed') this.#suspectUntil = performance.now() + forMs;
  }

  /** Closed: returns a permit. Half-open: a probe, one at a time, on a lease of `cooldownMs`. Open: nothing. */
  tryAcquire(): Permit | undefined {
    if (this.#state === 'closed') return this.#takeShared();
    if (this.#shutDown || performance.now() < this.#noProbeBefore) return undefined;
    return this.#takeProbe();
  }

  /**
   * Returns a permit in any state, for panic mode. Open: half-open early, with this call as the probe. Half-open with a
   * live probe: a bypass, whose success closes and whose failure does not count.
   */
  force(): Permit {
    if (this.#state === 'closed') return this.#takeShared();
    const canProbe = this.#state === 'open' || performance.now() >= this.#noProbeBefore;
    return canProbe && !this.#shutDown ? this.#takeProbe() : this.#issue(false);
  }

  /**
   * Reports how the permitted call ended. It counts once, and only in the permit's own generation: calls from before
   * the last opening or closing are ignored. A probe that outlived its lease still counts, else slow answers could
   * never close.
   */
  report(permit: Permit, outcome: BreakerOutcome, startedAt: number): void {
    if (this.#shutDown || permit.generation !== this.#generation) return;
    if (this.#state === 'closed') this.#reportClosed(permit, outcome, startedAt);
    else if (this.#unreported.delete(permit)) this.#reportHalfOpen(permit, outcome);
  }

  /** Ends timers and listeners. The state then stays, and reports no longer count. */
  close(): void {
    this.#shutDown = true;
    this.#made?.shutdown();
  }

  #takeShared(): Permit {
    this.#sharedOut += 1;
    return this.#shared;
  }

  #takeProbe(): Permit {
    const early = this.#state === 'open';
    if (early) {
      this.#replaceCircuit('halfOpen');
      this.#enter('halfOpen');
    }
    const probe = this.#issue(true);
    this.#probe = probe;
    this.#noProbeBefore = performance.now() + this.#settings.cooldownMs;
    if (early) this.#notify();
    return probe;
  }

  #issue(probe: boolean): Permit {
    const permit = Object.freeze({ generation: this.#generation, probe });
    this.#unreported.add(permit);
    return permit;
  }

  #reportClosed(permit: Permit, outcome: BreakerOutcome, startedAt: number): void {
    if (permit !== this.#shared || this.#sharedOut === 0) return;
    this.#sharedOut -= 1;
    if (outcome === 'neutral') return;
    this.#fire(outcome);
    const now = performance.now();
    if (outcome === 'success') {
      this.#failuresInARow = 0;
      this.#lastSuccessAt = now;
      this.#suspectUntil = 0;
      return;
    }
    // Others were answered while this one ran, so it starts a row instead of continuing one.
    if (this.#failuresInARow === 0 || this.#lastSuccessAt > startedAt) {
      this.#failuresInARow = 0;
      this.#rowSince = now;
    }
    this.#failuresInARow += 1;
    if (!this.#mustOpen(now)) return;
    const openMs = this.#setOpenMs();
    this.#circuit.open();
    this.#enterOpen(openMs);
  }

  #reportHalfOpen(permit: Permit, outcome: BreakerOutcome): void {
    if (outcome === 'success') {
      // A new circuit has an empty window. With the old failures in it, the next single one would open it again.
      this.#replaceCircuit('closed');
      this.#enter('closed');
      this.#notify();
    } else if (outcome === 'failure' && permit.probe) {
      const openMs = this.#setOpenMs();
      this.#fire('failure');
      this.#enterOpen(openMs);
    } else if (permit === this.#probe) {
      this.#probe = undefined;
      this.#noProbeBefore = 0;
    }
  }

  #mustOpen(now: number): boolean {
    if (now < this.#suspectUntil) return true;
    const { consecutive } = this.#settings;
    const spanMs = consecutive === 1 ? 0 : ROW_SPAN_MS;
    if (this.#failuresInARow >= consecutive && now - this.#rowSince >= spanMs) return true;
    let failures = 0;
    let successes = 0;
    for (const bucket of this.#circuit.status.window) {
      failures += bucket.failures;
      successes += bucket.successes;
    }
    return failures >= this.#settings.failures && failures / (failures + successes) >= this.#settings.minRate;
  }

  /** Whole milliseconds, so that the timer and the clock agree. opossum reads its option each time it opens. */
  #setOpenMs(): number {
    const shorter = 1 - COOLDOWN_JITTER * this.#deps.random();
    const openMs = Math.max(1, Math.floor(this.#settings.cooldownMs * shorter));
    this.#circuit.options.resetTimeout = Math.min(openMs, MAX_TIMER_MS);
    return openMs;
  }

  #enterOpen(openMs: number): void {
    this.openedAt = performance.now();
    this.#enter('open');
    this.#noProbeBefore = performance.now() + openMs;
    this.#notify();
  }

  /** `#notify` is separate, and always last, because a listener may call this breaker. */
  #enter(state: BreakerState): void {
    this.#state = state;
    this.#probe = undefined;
    this.#noProbeBefore = 0;
    if (state === 'halfOpen') return;
    this.#generation += 1;
    this.#shared = Object.freeze({ generation: this.#generation, probe: false });
    this.#sharedOut = 0;
    this.#failuresInARow = 0;
    this.#lastSuccessAt = Number.NEGATIVE_INFINITY;
  }

  #notify(): void {
    try {
      this.#deps.onChange?.(this.#state);
    } catch {
      // A listener's error must not fail the call.
    }
  }

  #fire(outcome: 'success' | 'failure'): void {
    this.#clock.turn();
    this.#circuit.fire(outcome).catch(ignore);
    this.#fires += 1;
    // opossum stores a number for each call of a bucket, even with percentiles off.
    if (this.#fires % TRIM_EVERY === 0) {
      const [current] = this.#circuit.status.window;
      if (current) current.latencyTimes.length = 0;
    }
  }

  #replaceCircuit(state: 'closed' | 'halfOpen'): void {
    this.#made?.shutdown();
    this.#clock = new WindowClock(this.#settings.windowMs);
    this.#made = this.#createCircuit(state);
  }

  #createCircuit(state: 'closed' | 'halfOpen'): CircuitBreaker<'success' | 'failure'> {
    const circuit = new CircuitBreaker(resultOf, {
      timeout: false,
      resetTimeout: this.#settings.cooldownMs,
      rollingCountTimeout: this.#settings.windowMs,
      rollingCountBuckets: BUCKETS,
      rollingPercentilesEnabled: false,
      enableSnapshots: false,
      // Never reached: only the two rules above open it.
      volumeThreshold: Number.MAX_SAFE_INTEGER,
      rotateBucketController: this.#clock,
      state: { closed: state === 'closed', halfOpen: state === 'halfOpen' },
    });
    circuit.on('halfOpen', () => {
      this.#enter('halfOpen');
      this.#notify();
    });
    return circuit;
  }
}
