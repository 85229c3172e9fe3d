import { codeOf } from '../classify.js';
import type { Addition } from '../protocol/additions.js';
import type { Attempt, Deployment, Failure } from '../types.js';
import type { Place, Slots } from './capacity.js';
import type { DeploymentBreaker } from './circuit-breaker.js';
import { LatencyHistogram } from './latency-histogram.js';
import { RateAdvice } from './rate-advice.js';
import type { RetryBudget } from './retry-budget.js';
import { DEFAULT_DOWNTIME } from './service-history.js';
import { ServiceLevel } from './service-level.js';
import { newTotals } from './totals.js';

/** With fewer answers than this, no p95 is computed. */
const ENOUGH = 20;

const live = (latencies: LatencyHistogram, q: number) => (latencies.count < ENOUGH ? undefined : latencies.live(q));

/** A pause allows its first probe after this time, and later ones at doubling intervals. */
const PROBE_MS = 250;

/** How long it takes until all processes of a fleet know that a pause is over. */
const OWN_ANSWER_MS = 2500;
/** Tolerance between the clocks of two processes for the same pause. */
const SAME_PAUSE_MS = 1000;

/** The state of one account. If it refuses its key or has no quota, all of its deployments are suspended. */
export interface ClientState {
  readonly name: string;
  /** `performance.now()` time. */
  suspendedUntil: number;
  /** When it was suspended, as a `performance.now()` time; `undefined` once it has answered again. */
  suspendedAt: number | undefined;
  /** For calls that name a model of this client, not a route. */
  readonly retryBudget: RetryBudget;
  /** Slots for attempts over all its deployments. */
  readonly slots: Slots;
}

/** What is remembered about an answer that requested a pause. */
export interface PauseNotice {
  readonly status: number;
  readonly code: string | null;
}

/** The state of one deployment, for the router's lifetime. */
export class DeploymentState {
  /** Over valid answers. */
  readonly latency = new LatencyHistogram();
  /** Over streams, until their first content. */
  readonly timeToFirstChunk = new LatencyHistogram();
  /** The durations of attempts that were answered or timed out. Without timeouts, the slow ones would be missing. */
  readonly #waits = { stream: new LatencyHistogram(), other: new LatencyHistogram() };
  readonly totals = newTotals();
  inFlight = 0;
  /** The router's additions that this server refuses, each with the time until which it is omitted. */
  readonly refusedAdditions = new Map<Addition, number>();
  /** The end of the pause that the server requested (`performance.now()`), and the answer that requested it. */
  pausedUntil = 0;
  pausedBy: PauseNotice | undefined;
  #pausedSince = 0;
  /** After an answer from the server, older facts from other processes are ignored for a moment. */
  #ownAnswerCounts = 0;
  #lastAnswerAt = 0;
  #nextProbeAt = 0;
  #probeStepMs = PROBE_MS;
  /** Calls that may go through the pause early, because earlier requests were answered. */
  #credits = 0;
  #probe: Attempt | undefined;
  readonly rateAdvice = new RateAdvice();
  /** Calls that wait for the end of the pause. */
  readonly #waiting = new Set<() => void>();

  constructor(
    /** The current configuration. */
    public deployment: Deployment,
    readonly client: ClientState,
    /** `undefined` if breakers are off. */
    public breaker: DeploymentBreaker | undefined,
    /** Its slots; `undefined` if neither it nor its client has a limit. */
    public place?: Place,
    /** Its service level. */
    readonly service: ServiceLevel = new ServiceLevel(undefined, DEFAULT_DOWNTIME, () => undefined),
  ) {}

  /** Applies a new configuration; statistics and pauses stay. */
  become(deployment: Deployment, parts: Pick<DeploymentState, 'breaker'> & { place: Place | undefined }): void {
    this.deployment = deployment;
    this.breaker = parts.breaker;
    if (parts.place === undefined) return;
    parts.place.slots.update(deployment);
    parts.place.maxQueue = deployment.maxQueue;
    this.place = parts.place;
  }

  /** A readable name: `eu-west-1`, or every region where it may run. */
  get region(): string | null {
    const { regions } = this.deployment;
    return regions.length === 0 ? null : regions.join(', ');
  }

  get id(): string {
    return this.deployment.id;
  }

  /** Answer times: of a stream's first content, or of a whole answer. */
  latencies(stream: boolean): LatencyHistogram {
    return stream ? this.timeToFirstChunk : this.latency;
  }

  answered(stream: boolean, ms: number): void {
    this.latencies(stream).record(ms);
    this.waits(stream).record(ms);
  }

  /** Records an attempt that timed out, or lost when it had already taken longer than most. */
  tookTooLong(stream: boolean, ms: number): void {
    this.waits(stream).record(ms);
  }

  /** The p95 of valid answers in recent minutes; `undefined` without enough data. */
  p95Ms(stream: boolean): number | undefined {
    return live(this.latencies(stream), 0.95);
  }

  /** The p95 that includes timeouts. */
  p95WaitMs(stream: boolean): number | undefined {
    return this.waitMs(stream, 0.95);
  }

  /** The quantile `q` of all waits. */
  waitMs(stream: boolean, q: number): number | undefined {
    return live(this.waits(stream), q);
  }

  /** All waits: answers and timeouts. */
  waits(stream: boolean): LatencyHistogram {
    return stream ? this.#waits.stream : this.#waits.other;
  }

  /** The longer pause wins: a short `Retry-After` never ends a longer one. */
  pause(until: number, failure: Failure, startedAt: number): void {
    const now = performance.now();
    if (this.pausedUntil <= now) this.#beginPause(now, this.#lastAnswerAt > startedAt ? 1 : 0);
    if (until <= this.pausedUntil) return;
    this.pausedUntil = until;
    // None of the upstream's own text: it may contain another caller's prompt, and be of any size.
    this.pausedBy = { status: failure.status ?? 429, code: codeOf(failure.error) };
  }

  /** Applies a pause that a server requested from another process. */
  pauseElsewhere(until: number): void {
    const now = performance.now();
    if (until <= this.pausedUntil || now < this.#ownAnswerCounts) return;
    if (this.pausedUntil <= now) {
      this.#beginPause(now, 0);
      this.pausedBy = { status: 429, code: null };
    }
    this.pausedUntil = until;
  }

  #beginPause(now: number, credits: number): void {
    this.#pausedSince = now;
    this.#probeStepMs = PROBE_MS;
    this.#nextProbeAt = now + PROBE_MS;
    this.#credits = credits;
    this.#probe = undefined;
  }

  /** The server has answered another process, which ends the pause. A pause that it requested after that continues. */
  resumeElsewhere(until: number): void {
    if (this.pausedUntil <= performance.now() || this.pausedUntil > until + SAME_PAUSE_MS) return;
    this.pausedUntil = 0;
    for (const wake of [...this.#waiting]) wake();
  }

  /** When the next call may go through the pause, as a `performance.now()` time. One call at a time. */
  get probeAt(): number {
    const now = performance.now();
    if (this.#credits > 0) return now;
    return this.#probe !== undefined && this.#nextProbeAt <= now ? now + PROBE_MS : this.#nextProbeAt;
  }

  startProbe(attempt: Attempt): void {
    if (this.#credits > 0) {
      this.#credits -= 1;
      return;
    }
    this.#probe = attempt;
    this.#probeStepMs *= 2;
    this.#nextProbeAt = performance.now() + this.#probeStepMs;
  }

  endProbe(attempt: Attempt): void {
    if (this.#probe === attempt) this.#probe = undefined;
  }

  /**
   * An answer to a probe ends the pause for all calls. An answer to a request from before the pause shows that the
   * server still answers some calls: it lets one more through, so that no more are sent than are answered.
   */
  onAnswer({ startedAt, probe }: Attempt): void {
    const now = performance.now();
    this.#lastAnswerAt = now;
    if (this.pausedUntil <= now) return;
    if (startedAt > this.#pausedSince || (probe && startedAt === this.#pausedSince)) {
      this.pausedUntil = 0;
      this.#ownAnswerCounts = now + OWN_ANSWER_MS;
      for (const wake of [...this.#waiting]) wake();
    } else {
      this.#credits += 1;
      const [first] = this.#waiting;
      first?.();
    }
  }

  /** Calls `wake` when an answer ends the pause, or lets a probe through. Returns a function that unsubscribes. */
  onResumed(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}
