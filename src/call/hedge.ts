import type { AttemptStep } from '../plan/plan.js';
import type { Events } from '../telemetry/events.js';
import type { HedgeAfter } from '../telemetry/record-types.js';
import type { Attempt, Call, Reply, Target } from '../types.js';
import { type PatientTimer, patientTimer } from '../util/patient-timer.js';

const QUANTILES = { p90: 0.9, p95: 0.95, p99: 0.99 } as const satisfies Record<Exclude<HedgeAfter, number>, number>;

export interface HedgeParts {
  readonly call: Call;
  readonly events: Events;
  /** One run of the loop, which begins with `first` where it is given. */
  readonly run: (hedged: HedgedCall, first: AttemptStep | undefined) => Promise<Reply>;
  /** Names whom to ask beside those in flight, and takes a token for it. Without a pause, it is asked at once. */
  readonly next: (hedged: HedgedCall) => AttemptStep | undefined;
}

/**
 * A hedged call: several runs of the one loop, over one list of attempts and failures. An attempt that takes long has
 * another one begun beside it, in a run of its own; each run fails over by itself. The first valid answer ends the
 * others. What fails for good ends its run, and the call only when no other run is left.
 */
export class HedgedCall {
  readonly #parts: HedgeParts;
  /** Attempts that have neither answered nor failed, eldest first, with the timers of their hedges. */
  readonly #running = new Map<Attempt, PatientTimer | undefined>();
  #runs = 0;
  #isWon = false;
  #resolve: (reply: Reply) => void = ignore;
  #reject: (error: unknown) => void = ignore;

  constructor(parts: HedgeParts) {
    this.#parts = parts;
  }

  /** Those that this call waits for. */
  get inFlight(): readonly Target[] {
    return Array.from(this.#running.keys(), ({ target }) => target);
  }

  /** There is an answer: a run that has just failed, or waits, must ask nobody any more. */
  get isWon(): boolean {
    return this.#isWon;
  }

  start(): Promise<Reply> {
    return new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
      this.#run(undefined);
    });
  }

  /** Takes in an attempt that is about to begin. */
  enter(attempt: Attempt): void {
    const afterMs = hedgeDelay(attempt.call, attempt.target);
    attempt.slot = {
      afterMs,
      win: () => this.#win(attempt),
      moreMs: () => this.#moreMs(attempt),
      cancel: ignore,
    };
    const timer = afterMs === undefined ? undefined : patientTimer(afterMs, () => this.#hedge(attempt));
    this.#running.set(attempt, timer);
  }

  /** Waits for what becomes of an attempt that was taken in. */
  async follow(attempt: Attempt, reply: Promise<Reply>): Promise<Reply> {
    try {
      return await reply;
    } finally {
      this.#running.get(attempt)?.clear();
      this.#running.delete(attempt);
    }
  }

  #run(first: AttemptStep | undefined): void {
    this.#runs++;
    const onReply = (reply: Reply) => {
      const resolve = this.#resolve;
      // Errors of the attempts that lost refer to this object by their stacks, and it must not hold the answer.
      this.#resolve = ignore;
      this.#reject = ignore;
      resolve(reply);
    };
    this.#parts.run(this, first).then(onReply, (error: unknown) => {
      this.#runs--;
      // The run of an answer never gets here: where there is one, others end without a word.
      if (this.#runs === 0) this.#reject(error);
    });
  }

  /** Asks another one beside `slow`, if there is one and a token for it. */
  #hedge(slow: Attempt): boolean {
    const step = this.#parts.next(this);
    if (step === undefined) return false;
    this.#running.get(slow)?.clear();
    const { events, call } = this.#parts;
    if (events.hasListener('hedge-started')) {
      events.emit({
        type: 'hedge-started',
        callId: call.record.id,
        deployment: step.target.state.id,
        number: call.record.attempts.length + 1,
        afterMs: performance.now() - slow.startedAt,
      });
    }
    this.#run(step);
    return true;
  }

  /** Here at the moment of the answer: nothing that is late can come between. */
  #win(winner: Attempt): void {
    const { call } = this.#parts;
    this.#isWon = true;
    const others = [...this.#running];
    this.#running.clear();
    for (const [attempt, timer] of others) {
      timer?.clear();
      if (attempt !== winner) attempt.slot?.cancel();
    }
    // They are those of the attempt that was begun last.
    call.record.deployment = winner.target.state.id;
    call.record.region = winner.target.state.region;
  }

  /**
   * The time that an attempt has left at its end was kept for the next deployment. If that is asked already, or can be
   * asked now beside it, the attempt need not end; without a token it must, and the loop fails over. Once others run, a
   * full attempt is worth more than two that are cut short.
   */
  #moreMs(attempt: Attempt): number {
    const { call, target, startedAt } = attempt;
    const { attemptTimeoutMs, firstChunkTimeoutMs } = call.settings;
    const { deployment } = target.state;
    const usual = deployment.attemptTimeoutMs ?? attemptTimeoutMs ?? deployment.upstream.timeoutMs;
    const own = (call.attemptTimeoutIsOwn ? attemptTimeoutMs : usual) ?? Number.POSITIVE_INFINITY;
    const limit = Math.min(own, call.stream ? (firstChunkTimeoutMs ?? own) : own);
    const left = call.deadline - startedAt;
    const moreMs = Math.floor(startedAt + Math.min(limit, left) - performance.now());
    if (moreMs < 1) return 0;
    const isYoungest = [...this.#running.keys()].at(-1) === attempt;
    if (isYoungest && !this.#hedge(attempt) && this.#running.size === 1) return 0;
    attempt.timeoutMs = Math.floor(Math.min(limit, left));
    attempt.untilDeadline = attempt.timeoutMs >= Math.floor(left);
    return moreMs;
  }
}

/** When a hedge of an attempt at `target` is due, in milliseconds; `undefined` where too little is known of it. */
export function hedgeDelay({ hedgeAfterMs, stream }: Call, { state }: Target): number | undefined {
  if (hedgeAfterMs === undefined || typeof hedgeAfterMs === 'number') return hedgeAfterMs;
  const ms = state.waitMs(stream, QUANTILES[hedgeAfterMs]);
  // Whole milliseconds: timers have no others.
  return ms === undefined ? undefined : Math.ceil(ms);
}

function ignore(): void {}
