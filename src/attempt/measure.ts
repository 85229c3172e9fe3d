import { classify, describe } from '../classify.js';
import { costOf, readUsage } from '../cost.js';
import { AttemptFailed } from '../errors.js';
import type { Events } from '../events.js';
import type { Layer } from '../pipeline.js';
import { addUsage } from '../state/totals.js';
import type { Attempt, AttemptEnd, Failure, Reply } from '../types.js';

export interface MeasureParts {
  readonly events: Events;
  readonly slowMs: number;
  readonly random: () => number;
}

/** Counts each attempt, takes its time, and tells everyone concerned when it is over: once, whatever happened inside. */
export function measure({ events, slowMs, random }: MeasureParts): Layer<Attempt, Reply> {
  return (next) =>
    async function measure(attempt) {
      const { call, record, target } = attempt;
      target.state.inFlight++;
      target.state.totals.requests++;
      if (record.hedge) target.state.totals.hedges++;
      if (events.heard('attempt-started')) {
        events.emit({
          type: 'attempt-started',
          callId: call.record.id,
          deployment: target.state.id,
          number: record.number,
        });
      }
      try {
        const reply = await next(attempt);
        tellIfSlow(attempt);
        reply.onEnd((end) => finish(attempt, end, reply.answer.raw));
        return reply;
      } catch (thrown) {
        const failure = failureOf(thrown, attempt);
        call.failures.push(failure);
        if (failure.outcome !== 'aborted') tellIfSlow(attempt);
        finish(attempt, failedEnd(failure));
        throw new AttemptFailed(failure);
      }
    };

  function failureOf(thrown: unknown, { call, target }: Attempt): Failure {
    if (thrown instanceof AttemptFailed) return { ...thrown.failure, target };
    const failure = classify(thrown, performance.now(), random());
    // Only now: what it means may be in the very headers and codes that are cleaned.
    return { ...failure, error: target.state.deployment.upstream.redact(failure.error, call.source), target };
  }

  function finish(attempt: Attempt, end: AttemptEnd, isRaw = false): void {
    const { call, record, target } = attempt;
    const { totals, deployment } = target.state;
    const usage = readUsage(end.usage);
    record.outcome = end.outcome;
    record.status = end.status ?? null;
    record.durationMs = performance.now() - attempt.startedAt;
    record.costUsd = costOf(usage, deployment.price) ?? costOfFailure(end.failure);
    if (end.unfinished) record.unfinished = true;
    if (end.servedModel !== undefined) call.record.servedModel = end.servedModel;
    if (usage !== null) {
      call.record.usage = usage;
      call.record.providerUsage = end.usage;
    }
    target.state.inFlight--;
    if (usage !== null) addUsage(totals, usage);
    totals.costUsd += record.costUsd ?? 0;
    if (end.breaker === 'failure') totals.failures++;
    if (end.outcome === 'success' && !call.stream && !isRaw) target.state.answered(false, record.durationMs);
    if (end.outcome === 'timeout' || end.outcome === 'deadline' || isSlowLoser(attempt))
      target.state.gaveUp(call.stream, record.durationMs);
    for (const listener of attempt.onEnd) listener(end);
    if (end.failure === undefined) return;
    record.error = describe(end.failure.error);
    if (events.heard('attempt-failed'))
      events.emit({ type: 'attempt-failed', callId: call.record.id, attempt: { ...record } });
  }

  /** Until the answer, or a stream's first content. */
  function tellIfSlow(attempt: Attempt): void {
    const durationMs = performance.now() - attempt.startedAt;
    if (durationMs <= slowMs) return;
    const { call, record, target } = attempt;
    target.state.totals.slow++;
    call.log.slow(call.record, target.state.id, record.number, durationMs);
    if (!events.heard('attempt-slow')) return;
    const { id } = target.state;
    events.emit({
      type: 'attempt-slow',
      callId: call.record.id,
      deployment: id,
      number: record.number,
      slowMs,
      durationMs,
    });
  }
}

/**
 * One that lost after its hedge was due: if these were not counted, the times known would grow shorter, and hedges more.
 * One that lost before says nothing of how long it would have taken.
 */
function isSlowLoser({ lane, record }: Attempt): boolean {
  return record.outcome === 'lost' && record.durationMs >= (lane?.afterMs ?? Number.POSITIVE_INFINITY);
}

function failedEnd(failure: Failure): AttemptEnd {
  return {
    outcome: failure.outcome,
    breaker: failure.breaker,
    failure,
    status: failure.status,
    usage: undefined,
    servedModel: undefined,
    answerId: undefined,
    unfinished: false,
  };
}

/** An answer with an error status is not billed; what was cut off or timed out may be, and nobody told. */
function costOfFailure(failure: Failure | undefined): number | null {
  return failure?.status === undefined ? null : 0;
}
