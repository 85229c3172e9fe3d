import pRetry from 'p-retry';
import { abortError, LostError } from '../classify.js';
import { AttemptFailed, CapacityExceededError } from '../errors.js';
import type { Handler } from '../pipeline.js';
import type { AttemptStep, PlanView, Step, StopStep } from '../plan/plan.js';
import { AttemptControl } from '../state/attempt-control.js';
import type { Capacity, Place } from '../state/capacity.js';
import type { RetryToken } from '../state/retry-budget.js';
import type { Events } from '../telemetry/events.js';
import type { AttemptRecord } from '../telemetry/record-types.js';
import type { Attempt, Call, Reply, Target } from '../types.js';
import { roundMs } from '../util/round-ms.js';
import { sleep } from '../util/sleep.js';
import { stackless } from '../util/stack.js';
import { finalError } from './final-error.js';
import { HedgedCall, hedgeDelay } from './hedge.js';
import { occupy, releaseSlot, waitForSlot, waitForSlotBeside } from './queue.js';
import { isFullAt, viewTargets } from './view-targets.js';

export interface FailoverParts {
  readonly plan: (view: PlanView) => Step;
  readonly planHedge: (view: PlanView) => AttemptStep | undefined;
  readonly events: Events;
  readonly capacity: Capacity;
  /** Drawn once per call, 0 up to 1. */
  readonly jitter: () => number;
  readonly attempt: Handler<Attempt, Reply>;
}

/**
 * The failover loop: runs the steps of the plan until an answer is committed or the plan stops. A hedged call is
 * several runs of this loop.
 */
export function failover(parts: FailoverParts): Handler<Call, Reply> {
  const { plan, planHedge, events, attempt, capacity } = parts;
  const slots = { capacity, events };

  return function failover(call) {
    const jitter = parts.jitter();
    if (call.hedgeAfterMs === undefined) return run(call, jitter, undefined, undefined);
    const hedged = new HedgedCall({
      call,
      events,
      run: (hedged, first) => run(call, jitter, hedged, first),
      next: (hedged) => {
        const step = planHedge(planView(call, jitter, hedged));
        return step !== undefined && call.retry.budget.tryTake() !== undefined ? step : undefined;
      },
    });
    return hedged.start();
  };

  async function run(
    call: Call,
    jitter: number,
    hedged: HedgedCall | undefined,
    hedge: AttemptStep | undefined,
  ): Promise<Reply> {
    let first = hedge;
    let granted: Place | undefined;

    /**
     * Plans, waits, and makes the attempt. There must be no await between the plan and the permit that it relies on.
     */
    function tryNext(): Promise<Reply> {
      if (call.signal?.aborted) throw abortError(call.signal.reason);
      if (hedged?.isWon) throw new LostError();
      const step = first ?? plan(planView(call, jitter, hedged, granted));
      if (granted !== undefined && !(step.type === 'attempt' && step.waitMs <= 0)) {
        // The attempt that held this slot has paused the deployment, or opened its breaker.
        releaseSlot(call, slots, granted);
        granted = undefined;
        if (call.deadline - performance.now() >= 1) return tryNext();
      }
      if (step.type === 'queue') return queue(step);
      if (step.type === 'stop') {
        if (step.reason === 'withheld') withhold(call, step.target);
        throw stackless(() => new Stopped(step));
      }
      if (step.waitMs > 0) return pause(call, step.waitMs).then(tryNext);
      const token = step.isRetry ? call.retry.budget.tryTake() : undefined;
      if (call.record.attempts.length === 0) call.retry.budget.onFirstAttempt();
      const begun = begin(call, step, hedged);
      occupy(begun, slots, granted);
      granted = undefined;
      if (token !== undefined) returnIfItHelped(begun, token);
      if (hedged === undefined) return attempt(begun);
      if (first !== undefined) begun.record.hedge = true;
      first = undefined;
      hedged.enter(begun);
      return hedged.follow(begun, attempt(begun));
    }

    /** An earlier failure explains more than a full queue. */
    async function queue({ targets, waitMs }: Extract<Step, { type: 'queue' }>): Promise<Reply> {
      try {
        granted =
          waitMs === undefined
            ? await waitForSlot(call, targets, slots)
            : await waitForSlotBeside(call, targets, slots, (onWake) => pause(call, waitMs, onWake));
      } catch (error) {
        throw call.failures.length > 0 && error instanceof CapacityExceededError ? finalError(call, undefined) : error;
      }
      return tryNext();
    }

    /** Most calls never get here: their first attempt answers. */
    function tryAgain(error: unknown): Promise<Reply> {
      if (call.maxAttempts < 2 || !mayContinue(error)) throw error;
      return pRetry(tryNext, {
        retries: call.maxAttempts - 2,
        minTimeout: 0,
        shouldRetry: ({ error }) => mayContinue(error),
      });
    }

    try {
      return await tryNext().catch(tryAgain);
    } catch (error) {
      if (granted !== undefined) releaseSlot(call, slots, granted);
      if (error instanceof Stopped) throw finalError(call, error.step);
      if (error instanceof AttemptFailed) throw finalError(call, undefined);
      throw error;
    }
  }

  function withhold(call: Call, { state }: Target): void {
    state.totals.retriesWithheld++;
    if (!events.hasListener('retry-withheld')) return;
    const { id, route, attempts } = call.record;
    events.emit({ type: 'retry-withheld', callId: id, route, deployment: state.id, number: attempts.length + 1 });
  }

  function planView(call: Call, jitter: number, hedged: HedgedCall | undefined, granted?: Place): PlanView {
    const now = performance.now();
    return {
      now,
      deadline: call.deadline,
      deadlineIsDefault: call.settings.deadlineIsDefault,
      attemptTimeoutMs: call.settings.attemptTimeoutMs,
      attemptTimeoutIsOwn: call.attemptTimeoutIsOwn,
      attemptsLeft: call.maxAttempts - call.record.attempts.length,
      targets: viewTargets(call),
      // A call that was granted a slot goes there, and nowhere else.
      isFull: ({ target }) =>
        granted === undefined ? isFullAt(call, target, slots.capacity, now) : target.state.place !== granted,
      failures: call.failures,
      inFlight: hedged === undefined ? NO_TARGETS : hedged.inFlight,
      mayRetry: call.retry.budget.tokens >= 1,
      retry: call.retry,
      jitter,
    };
  }
}

/** The next run of the plan decides whether anything is left to try, unless the caller has left. */
const mayContinue = (error: unknown) => error instanceof AttemptFailed && error.failure.outcome !== 'aborted';

const NO_TARGETS: readonly Target[] = [];

/** Ends the loop when the plan stops. */
class Stopped extends Error {
  constructor(readonly step: StopStep) {
    super(step.reason);
  }
}

/** A successful retry costs no token: the budget only limits retries that do not help. */
function returnIfItHelped({ call, onEnd }: Attempt, token: RetryToken): void {
  onEnd.push(({ outcome }) => {
    if (outcome === 'success') call.retry.budget.returnToken(token);
  });
}

/** Waits. If another call's answer ends the pause of a deployment, or `onWake` calls its callback, the wait ends too. */
async function pause(call: Call, waitMs: number, onWake?: (wake: () => void) => void): Promise<void> {
  const now = performance.now();
  const paused = call.targets.flatMap(({ state }) => (state.pausedUntil > now ? [state] : []));
  const register = (wake: () => void) => {
    onWake?.(wake);
    const ends = paused.map((state) => state.onResumed(wake));
    return () => {
      for (const end of ends) end();
    };
  };
  try {
    // Rounded up, because a timer that fires a fraction early would find nothing ready.
    await sleep(Math.ceil(waitMs), call.signal, register);
  } catch {
    throw abortError(call.signal?.reason);
  }
}

function begin(call: Call, step: AttemptStep, hedged: HedgedCall | undefined): Attempt {
  const { target, panic, probe } = step;
  const startedAt = performance.now();
  const record: AttemptRecord = {
    number: call.record.attempts.length + 1,
    deployment: target.state.id,
    outcome: 'pending',
    status: null,
    code: null,
    error: null,
    requestId: null,
    resends: 0,
    startedMs: roundMs(startedAt - call.startedAt),
    durationMs: 0,
    costUsd: null,
    priceSource: null,
  };
  call.record.attempts.push(record);
  call.record.deployment = target.state.id;
  call.record.region = target.state.region;
  return {
    call,
    target,
    record,
    startedAt,
    control: new AttemptControl(step),
    panic,
    probe,
    hedged,
    hedgeAfterMs: hedged && hedgeDelay(call, target),
    onEnd: [],
  };
}
