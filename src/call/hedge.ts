import { longestAttemptMs } from '../plan/longest-attempt.js';
import type { AttemptStep } from '../plan/plan.js';
import type { Events } from '../telemetry/events.js';
import type { HedgeAfter } from '../telemetry/record-types.js';
import type { Attempt, Call, HedgedAttempts, Reply, Target } from '../types.js';
import { type PatientTimer, patientTimer } from '../util/patient-timer.js';
import { roundMs } from '../util/round-ms.js';

const QUANTILES = { p90: 0.9, p95: 0.95, p99: 0.99 } as const satisfies Record<Exclude<HedgeAfter, number>, number>;

export interface HedgeParts {
  readonly call: Call;
  readonly events: Events;
  /** One run of the failover loop, which starts with `first` if it is given. */
  readonly run: (hedged: HedgedCall, first: AttemptStep | undefined) => Promise<Reply>;
  /** Plans another attempt beside those in flight, and takes a retry token for it. */
  readonly next: (hedged: HedgedCall) => AttemptStep | undefined;
}

interface Running {
  /** The timer of its hedge. */
  readonly timer: PatientTimer | undefined;
  /** Set while the answer is judged. */
  readonly reply: Reply | undefined;
}

/**
 * A hedged call: several runs of the failover loop over one list of attempts and failures. While an attempt is slow, a
 * second run starts; each run fails over by itself. The first valid answer cancels the other attempts. A final failure
 * ends its run, and ends the call if no other run is left.
 */
export class HedgedCall implements HedgedAttempts {
  readonly #parts: HedgeParts;
  /** Running attempts, oldest first. */
  readonly #running = new Map<Attempt, Running>();
  #runs = 0;
  #isWon = false;
  #resolve: (reply: Reply) => void = ignore;
  #reject: (error: unknown) => void = ignore;

  constructor(parts: HedgeParts) {
    this.#parts = parts;
  }

  /** The targets that this call waits for. */
  get inFlight(): readonly Target[] {
    return Array.from(this.#running.keys(), ({ target }) => target);
  }

  /** The call has an answer, so a failed or waiting run must not start another attempt. */
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

  /** Adds an attempt that is about to start. */
  enter(attempt: Attempt): void {
    const afterMs = attempt.hedgeAfterMs;
    const timer = afterMs === undefined ? undefined : patientTimer(afterMs, () => this.#hedge(attempt));
    this.#running.set(attempt, { timer, reply: undefined });
  }

  /** Waits for the result of an added attempt. */
  async follow(attempt: Attempt, reply: Promise<Reply>): Promise<Reply> {
    try {
      return await reply;
    } finally {
      this.#running.get(attempt)?.timer?.clear();
      this.#running.delete(attempt);
    }
  }

  #run(first: AttemptStep | undefined): void {
    this.#runs++;
    const onReply = (reply: Reply) => {
      const resolve = this.#resolve;
      // Errors of cancelled attempts refer to this object by their stacks, so it must not retain the answer.
      this.#resolve = ignore;
      this.#reject = ignore;
      resolve(reply);
    };
    this.#parts.run(this, first).then(onReply, (error: unknown) => {
      this.#runs--;
      // If there is an answer, its run never gets here, so the other runs end silently.
      if (this.#runs === 0) this.#reject(error);
    });
  }

  /** Starts another attempt beside `slow`, if a deployment and a retry token are available. */
  #hedge(slow: Attempt): boolean {
    const step = this.#parts.next(this);
    if (step === undefined) return false;
    this.#running.get(slow)?.timer?.clear();
    const { events, call } = this.#parts;
    if (events.hasListener('hedge-started')) {
      events.emit({
        type: 'hedge-started',
        callId: call.record.id,
        deployment: step.target.state.id,
        number: call.record.attempts.length + 1,
        afterMs: roundMs(performance.now() - slow.startedAt),
      });
    }
    this.#run(step);
    return true;
  }

  /** Runs synchronously with the answer, so that no late event comes in between. */
  win(winner: Attempt): void {
    const { call } = this.#parts;
    this.#isWon = true;
    const others = [...this.#running];
    this.#running.clear();
    for (const [attempt, { timer, reply }] of others) {
      timer?.clear();
      if (attempt === winner) continue;
      attempt.control.end('lost');
      if (reply !== undefined) attempt.onLost?.(reply);
    }
    // Until now the record names the attempt that started last.
    call.record.deployment = winner.target.state.id;
    call.record.region = winner.target.state.region;
  }

  judge(attempt: Attempt, reply: Reply): void {
    this.#running.get(attempt)?.timer?.clear();
    this.#running.set(attempt, { timer: undefined, reply });
  }

  reopen(): void {
    this.#isWon = false;
  }

  /**
   * The plan reserves time after an attempt for the next deployment. If another attempt already runs, or can start now,
   * this attempt may use the reserve. Without a token it must end, and the loop fails over. Once others run, one full
   * attempt is worth more than two short ones.
   */
  extend(attempt: Attempt): void {
    const { call, control, target, startedAt } = attempt;
    const left = call.deadline - startedAt;
    const ms = Math.floor(Math.min(longestAttemptMs(call, target), left));
    if (startedAt + ms - performance.now() < 1) return;
    const isYoungest = [...this.#running.keys()].at(-1) === attempt;
    if (isYoungest && !this.#hedge(attempt) && this.#running.size === 1) return;
    control.extend(ms, ms >= Math.floor(left));
  }
}

/** When a hedge of an attempt at `target` is due, in milliseconds; `undefined` without enough data. */
export function hedgeDelay({ hedgeAfterMs, stream }: Call, { state }: Target): number | undefined {
  if (hedgeAfterMs === undefined || typeof hedgeAfterMs === 'number') return hedgeAfterMs;
  const ms = state.waitMs(stream, QUANTILES[hedgeAfterMs]);
  // Timers take whole milliseconds.
  return ms === undefined ? undefined : Math.ceil(ms);
}

function ignore(): void {}
