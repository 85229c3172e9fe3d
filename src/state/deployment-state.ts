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

/** Fewer answers than this have no p95 to speak of. */
const ENOUGH = 20;

const live = (latencies: LatencyHistogram, q: number) => (latencies.count < ENOUGH ? undefined : latencies.live(q));

/** A pause lets its first probe through after this time, the next ones at doubling intervals. */
const PROBE_MS = 250;

/** So long it takes until all processes of a fleet know that a pause is over. */
const OWN_ANSWER_MS = 2500;
/** The same pause by the clocks of two processes. */
const SAME_PAUSE_MS = 1000;

/** The state of one account: if it refuses its key or has no quota, all of its deployments are suspended. */
export interface ClientState {
  readonly name: string;
  /** `performance.now()` time. */
  suspendedUntil: number;
  /** When it was suspended, as a `performance.now()` time; `undefined` once it has answered after that. */
  suspendedAt: number | undefined;
  /** Of the calls that name a model of its own, not a route. */
  readonly retryBudget: RetryBudget;
  /** How many attempts may run at once over all its deployments. */
  readonly slots: Slots;
}

/** What is remembered of an answer that requested a pause. */
export interface PauseNotice {
  readonly status: number;
  readonly code: string | null;
}

/** What the router remembers of one deployment, for as long as it lives. */
export class DeploymentState {
  /** Of valid answers. */
  readonly latency = new LatencyHistogram();
  /** Of streams, until their first content. */
  readonly timeToFirstChunk = new LatencyHistogram();
  /** How long attempts took that were answered or gave up waiting: without the latter the slow ones would be missing. */
  readonly #waits = { stream: new LatencyHistogram(), other: new LatencyHistogram() };
  readonly totals = newTotals();
  inFlight = 0;
  /** Additions of the router's own that its server refuses. */
  readonly refusedAdditions = new Map<Addition, number>();
  /** The end of the pause that the server requested (`performance.now()`), and its answer. */
  pausedUntil = 0;
  pausedBy: PauseNotice | undefined;
  #pausedSince = 0;
  /** The server has answered here: for a moment, older facts of other processes do not count. */
  #ownAnswerCounts = 0;
  #lastAnswerAt = 0;
  #nextProbeAt = 0;
  #probeStepMs = PROBE_MS;
  /** Calls that may go through before that, as others were answered meanwhile. */
  #credits = 0;
  #probe: Attempt | undefined;
  readonly rateAdvice = new RateAdvice();
  /** Calls that wait for the end of the pause. */
  readonly #waiting = new Set<() => void>();

  constructor(
    /** As it is configured now. */
    public deployment: Deployment,
    readonly client: ClientState,
    /** `undefined` where breakers are off. */
    public breaker: DeploymentBreaker | undefined,
    /** Its slots; `undefined` where neither it nor its client has a limit. */
    public place?: Place,
    /** How well it serves. */
    readonly service: ServiceLevel = new ServiceLevel(undefined, DEFAULT_DOWNTIME, () => undefined),
  ) {}

  /** The configuration has changed: what is known of the deployment stays. */
  become(deployment: Deployment, parts: Pick<DeploymentState, 'breaker'> & { place: Place | undefined }): void {
    this.deployment = deployment;
    this.breaker = parts.breaker;
    if (parts.place === undefined) return;
    parts.place.slots.update(deployment);
    parts.place.maxQueue = deployment.maxQueue;
    this.place = parts.place;
  }

  /** For people to read: `eu-west-1`, or every region where it may run. */
  get region(): string | null {
    const { regions } = this.deployment;
    return regions.length === 0 ? null : regions.join(', ');
  }

  get id(): string {
    return this.deployment.id;
  }

  /** What an attempt waits for: a stream's first content, or a whole answer. */
  latencies(stream: boolean): LatencyHistogram {
    return stream ? this.timeToFirstChunk : this.latency;
  }

  answered(stream: boolean, ms: number): void {
    this.latencies(stream).record(ms);
    this.waits(stream).record(ms);
  }

  /** It timed out, or was ended when it had already taken longer than most do. */
  gaveUp(stream: boolean, ms: number): void {
    this.waits(stream).record(ms);
  }

  /** Over valid answers in the last minutes; `undefined` without enough data. */
  p95Ms(stream: boolean): number | undefined {
    return live(this.latencies(stream), 0.95);
  }

  /** The same with those that were given up on. */
  p95WaitMs(stream: boolean): number | undefined {
    return this.waitMs(stream, 0.95);
  }

  /** The time that a share `q` of what was waited for has not exceeded. */
  waitMs(stream: boolean, q: number): number | undefined {
    return live(this.waits(stream), q);
  }

  /** What was waited for: answers, and what timed out. */
  waits(stream: boolean): LatencyHistogram {
    return stream ? this.#waits.stream : this.#waits.other;
  }

  /** The longer pause wins: a short `Retry-After` never ends a longer one. */
  pause(until: number, failure: Failure, startedAt: number): void {
    const now = performance.now();
    if (this.pausedUntil <= now) this.#beginPause(now, this.#lastAnswerAt > startedAt ? 1 : 0);
    if (until <= this.pausedUntil) return;
    this.pausedUntil = until;
    // Nothing of the upstream's own text: another caller's prompt may stand in it, and it may be of any size.
    this.pausedBy = { status: failure.status ?? 429, code: codeOf(failure.error) };
  }

  /** A server requested a pause from another process. */
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

  /** The server has answered another process. A pause that it requested since then continues. */
  resumeElsewhere(until: number): void {
    if (this.pausedUntil <= performance.now() || this.pausedUntil > until + SAME_PAUSE_MS) return;
    this.pausedUntil = 0;
    for (const wake of [...this.#waiting]) wake();
  }

  /** From when the next call may go through the pause: one at a time, in a `performance.now()` time. */
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
   * An answer to a probe ends the pause for everyone. One to what was sent before the pause shows that the server still
   * answers some calls: it lets one more through, so that no more are sent than are answered.
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

  /** Calls `wake` when an answer ends the pause, or lets a probe through; returns what ends that. */
  onResumed(wake: () => void): () => void {
    this.#waiting.add(wake);
    return () => this.#waiting.delete(wake);
  }
}
