import { APIError } from 'openai';
import { classify, describe, withFailoverOn } from '../classify.js';
import { AttemptFailed } from '../errors.js';
import type { Layer } from '../pipeline.js';
import type { PriceBook } from '../prices/price-book.js';
import { providerReportOf } from '../protocol/provider-report.js';
import { attemptEnd } from '../state/attempt-end.js';
import { type BackgroundCalls, isPending } from '../state/background-calls.js';
import type { SpendTable } from '../state/spend-table.js';
import { addUsage } from '../state/totals.js';
import type { Channels } from '../telemetry/channels.js';
import type { Events } from '../telemetry/events.js';
import type { Usage } from '../telemetry/record-types.js';
import type { AttemptStart, Tracing } from '../telemetry/tracing.js';
import type { InputEstimator } from '../tokens/input-estimator.js';
import type { Attempt, AttemptEnd, Call, Failure, Reply } from '../types.js';
import { fitsIn } from '../util/fits-in.js';
import { isRecord } from '../util/is-record.js';
import { roundMs } from '../util/round-ms.js';
import type { AttemptReports } from './attempt-reports.js';
import { billAttempt } from './bill-attempt.js';
import type { ErrorReader } from './error-reader.js';

/** A longer usage object is ignored, because a record would retain it. */
const MAX_USAGE_CHARS = 16_384;

export interface MeasureParts {
  readonly events: Events;
  readonly prices: PriceBook;
  readonly spent: SpendTable;
  readonly errors: ErrorReader;
  readonly estimator: InputEstimator;
  readonly background: BackgroundCalls;
  readonly reports: AttemptReports;
  readonly random: () => number;
  readonly tracing: Tracing;
  readonly channels: Channels;
}

/** Counts and times each attempt, and reports its end exactly once. */
export function measure({
  events,
  prices,
  spent,
  errors,
  estimator,
  background,
  reports,
  random,
  tracing,
  channels,
}: MeasureParts): Layer<Attempt, Reply> {
  return (next) =>
    async function measure(attempt) {
      const { call, record, target } = attempt;
      target.state.inFlight++;
      target.state.totals.requests++;
      if (record.hedge) target.state.totals.hedges++;
      if (events.hasListener('attempt-started') && !call.isShadow) {
        events.emit({
          type: 'attempt-started',
          callId: call.record.id,
          deployment: target.state.id,
          number: record.number,
        });
      }
      try {
        const reply = await (tracing.isOn
          ? tracing.aroundAttempt(startOf(attempt), () => next(attempt))
          : next(attempt));
        record.requestId = requestIdOf(attempt, reply.answer.headers);
        reports.ifSlow(attempt, takenMs(attempt));
        if (call.stream) {
          attempt.firstContentMs = takenMs(attempt);
          call.orderFeedback?.answered(target.state.id, attempt.firstContentMs, undefined);
        }
        const { raw } = reply.answer;
        reply.onEnd((end) => finish(attempt, end, raw));
        return reply;
      } catch (thrown) {
        const failure = failureOf(thrown, attempt);
        call.failures.push(failure);
        record.requestId ??= requestIdOf(attempt, failure.headers);
        if (failure.outcome !== 'aborted') reports.ifSlow(attempt, takenMs(attempt));
        finish(attempt, failedEnd(failure, attempt.unused));
        throw new AttemptFailed(failure);
      }
    };

  /** Returns a readable failure for anything that an attempt throws. */
  function failureOf(thrown: unknown, attempt: Attempt): Failure {
    const { call, target } = attempt;
    if (thrown instanceof AttemptFailed) return { ...thrown.failure, target };
    const found = failingOverIfSealed(call, classify(thrown, performance.now(), random(), errors.readingFor(attempt)));
    errors.warnIfFromText(attempt, found);
    if (found.notSent && found.outcome === 'connection') errors.warnNotSent(attempt, found);
    // Redacted only after classification, which needs the original headers and codes.
    const error = redacted(found.error, attempt);
    return withFailoverOn({ ...found, error, code: safeCode(found.code, attempt), target }, call.settings.failoverOn);
  }

  function finish(attempt: Attempt, end: AttemptEnd, isRaw = false): void {
    const { call, record, target } = attempt;
    const { totals } = target.state;
    record.outcome = end.outcome;
    record.status = end.status ?? null;
    record.code = end.failure?.code ?? null;
    record.durationMs = roundMs(takenMs(attempt));
    target.state.inFlight--;
    const usage = isPending(end.answer) ? bookLater(attempt, end) : book(attempt, end);
    const isOwn = call.hasOwnCredentials;
    if (end.breaker === 'failure' && !isOwn) totals.failures++;
    if (end.outcome === 'success' && !call.stream && !isRaw && !isOwn) {
      target.state.answered(false, record.durationMs);
      call.orderFeedback?.answered(target.state.id, record.durationMs, usage?.outputTokens);
    }
    if (!isOwn && hasTakenTooLong(attempt, end)) {
      target.state.tookTooLong(call.stream, record.durationMs);
      call.orderFeedback?.tookTooLong(target.state.id, record.durationMs);
    }
    if (!isOwn) countService(attempt, end, isRaw);
    for (const listener of attempt.onEnd) listener(end);
    if (end.failure !== undefined) record.error = describe(end.failure.error);
    tracing.attemptEnded(record);
    if (call.isShadow) return;
    if (end.failure !== undefined && events.hasListener('attempt-failed'))
      events.emit({ type: 'attempt-failed', callId: call.record.id, attempt: { ...record } });
    channels.attempt(call.record.id, record);
    if (events.hasListener('attempt-ended'))
      events.emit({ type: 'attempt-ended', callId: call.record.id, attempt: { ...record } });
  }

  /** Bills the attempt, and adds it to all totals. */
  function book(attempt: Attempt, end: AttemptEnd): Usage | null {
    const { call, record, target } = attempt;
    const { totals } = target.state;
    const bill = billAttempt({ prices, estimator }, attempt, end);
    const { usage } = bill;
    record.costUsd = bill.costUsd;
    record.priceSource = bill.priceSource;
    if (bill.estimated) record.estimated = true;
    if (end.unfinished) record.unfinished = true;
    if (end.servedModel !== undefined) call.record.servedModel = end.servedModel;
    if (bill.unpriced.length > 0) record.unpriced = bill.unpriced;
    if (bill.providerCostUsd !== null) record.providerCostUsd = bill.providerCostUsd;
    if (usage !== null) {
      call.record.usage = usage;
      if (isRecord(end.usage) && fitsIn(end.usage, MAX_USAGE_CHARS)) call.record.providerUsage = end.usage;
    }
    if (bill.lacksPrice !== undefined)
      reports.unpriced(call, target.state.id, target.model ?? null, bill.lacksPrice.serviceTier);
    if (bill.absurd !== undefined) reports.absurdUsage(attempt, bill, bill.absurd);
    if (usage !== null) addUsage(totals, usage);
    if (record.costUsd === null) totals.unpriced++;
    totals.costUsd += bill.bookedUsd;
    spent.add(target.state.id, call.record.route, call.settings.tenant, bill.bookedUsd, record.costUsd !== null);
    call.spend?.onAttemptEnd(record.number, bill.bookedUsd);
    return usage;
  }

  /**
   * A background response has only started. A later request reports its end, and the money stays reserved until then.
   */
  function bookLater(attempt: Attempt, end: AttemptEnd): null {
    const { call, record } = attempt;
    if (end.answerId === undefined) return null;
    call.spend?.defer(record.number);
    background.add(end.answerId, (answer) => {
      const { usage, output, service_tier: tier } = answer ?? {};
      const serviceTier = typeof tier === 'string' ? tier : undefined;
      book(attempt, { ...end, usage, output, serviceTier, answer });
      call.spend?.settle();
    });
    return null;
  }
}

/** Milliseconds that the attempt has taken, without the application's own `accept`. */
const takenMs = ({ answeredAt = performance.now(), startedAt }: Attempt) => answeredAt - startedAt;

function startOf({ call, record, target }: Attempt): AttemptStart {
  const { deployment, client, region } = target.state;
  return {
    callId: call.record.id,
    record,
    model: target.model ?? call.record.requestedModel,
    client: client.name,
    region,
    baseURL: deployment.upstream.baseURL,
  };
}

/**
 * Counts the attempt for the deployment's service level. Errors that are not the deployment's fault do not count: the
 * caller's errors, refused keys, aborts, attempts that lost in time.
 */
function countService(attempt: Attempt, { outcome, breaker, usage, failure }: AttemptEnd, isRaw: boolean): void {
  const { call, record, target } = attempt;
  const { service } = target.state;
  if (outcome === 'success') {
    const wholeMs = isRaw ? undefined : record.durationMs;
    service.answered(call.stream ? attempt.firstContentMs : wholeMs);
    const report = providerReportOf(usage);
    if (report !== undefined) service.reported({ ...report, reportedAt: new Date().toISOString() });
  } else if (outcome === 'rate-limited') service.rateLimited();
  else if (breaker === 'failure')
    service.failed(hasTakenTooLong(attempt, { outcome, failure }) ? record.durationMs : undefined);
}

/** The provider's id of the request, for its support. An id that quotes a key, or is not a plain word, is dropped. */
function requestIdOf({ call, target }: Attempt, headers: Headers | undefined): string | null {
  const id = headers?.get('x-request-id') ?? null;
  if (id === null || !/^[\w.:/+=-]{1,200}$/.test(id)) return null;
  return target.state.deployment.upstream.redactText(id, call.source) === id ? id : null;
}

/** This client cannot read the sealed items, so another client made them, which may be next in the plan. */
function failingOverIfSealed({ sealedKeys }: Call, failure: Failure): Failure {
  return sealedKeys !== undefined && failure.outcome === 'caller-error' ? { ...failure, failover: 'yes' } : failure;
}

/** Whether it timed out or lost after its hedge was due, and the deployment is to blame. */
function hasTakenTooLong(attempt: Attempt, { outcome, failure }: Pick<AttemptEnd, 'outcome' | 'failure'>): boolean {
  if (failure?.isStalled) return false;
  return outcome === 'timeout' || outcome === 'deadline' || isSlowLoser(attempt);
}

/**
 * An attempt that lost after its hedge was due. Without such samples the known latencies would shrink, and hedges grow.
 * An attempt that lost earlier, or whose answer had come, does not show how long it would have taken.
 */
function isSlowLoser({ hedgeAfterMs, record, unused }: Attempt): boolean {
  return (
    record.outcome === 'lost' && unused === undefined && record.durationMs >= (hedgeAfterMs ?? Number.POSITIVE_INFINITY)
  );
}

/** Drops a code in which an upstream has put a key. */
function safeCode(code: string | null, attempt: Attempt): string | null {
  if (code === null) return null;
  const { call, target } = attempt;
  return target.state.deployment.upstream.redactText(code, call.source) === code ? code : null;
}

function redacted(error: Error, { call, target }: Attempt): Error {
  try {
    return target.state.deployment.upstream.redact(error, call.source);
  } catch {
    // Too deep or too unusual to redact, so nothing of it is shown.
    const { status, headers } = error as Partial<APIError>;
    return APIError.generate(status, undefined, 'The error cannot be shown.', headers);
  }
}

/** An answer that the caller does not get still has to be paid. */
function failedEnd(failure: Failure, unused: AttemptEnd | undefined): AttemptEnd {
  const { outcome, breaker, status } = failure;
  return attemptEnd({ status, ...unused, outcome, breaker, failure });
}
