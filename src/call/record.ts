import { codeOf, statusOf } from '../classify.js';
import { DeadlineExceededError } from '../errors.js';
import type { Handler, Layer } from '../pipeline.js';
import { round } from '../prices/cost.js';
import { errorName } from '../sdk/sdk-errors.js';
import type { ServiceLevel } from '../state/service-level.js';
import { addUsage, type Totals } from '../state/totals.js';
import { callOutcomeOf, isBlamed } from '../telemetry/call-outcome.js';
import { linkRecord } from '../telemetry/call-record.js';
import type { Channels } from '../telemetry/channels.js';
import type { Events } from '../telemetry/events.js';
import type { AttemptRecord, CallRecord } from '../telemetry/record-types.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { Call, CallReply } from '../types.js';
import { roundMs } from '../util/round-ms.js';

export interface RecordParts {
  readonly events: Events;
  readonly routeTotals: ReadonlyMap<string, Totals>;
  readonly services: ReadonlyMap<string, ServiceLevel>;
  /** The record is complete. `failed` does not count the caller's own errors. */
  readonly onRecorded: (record: CallRecord, failed: boolean) => void;
  readonly tracing: Tracing;
  readonly channels: Channels;
}

/** Completes the call's record, reports it once, and links it to the error, if any. */
export function record({
  events,
  routeTotals,
  services,
  onRecorded,
  tracing,
  channels,
}: RecordParts): Layer<Call, CallReply> {
  return (next) =>
    function record(call) {
      return tracing.isOn ? tracing.aroundCall({ record: call.record }, () => run(next, call)) : run(next, call);
    };

  async function run(next: Handler<Call, CallReply>, call: Call): Promise<CallReply> {
    try {
      const reply = await next(call);
      reply.onEnd((end) => finish(call, end.failure?.error));
      return reply;
    } catch (error) {
      finish(call, error);
      throw error;
    }
  }

  function finish(call: Call, error: unknown): void {
    const { record, log } = call;
    record.durationMs = roundMs(performance.now() - call.startedAt);
    const last = lastThatCounts(record.attempts);
    record.unpriced = unpricedOf(record);
    record.providerCostUsd = providerCost(record);
    record.costUsd = totalCost(record);
    if (record.attempts.some(isEstimated)) record.estimated = true;
    record.priceSource = last?.priceSource ?? null;
    if (error !== undefined) linkRecord(error, record);
    linkRecord(record.providerUsage, record);
    const failure =
      error instanceof Error ? { name: errorName(error), status: statusOf(error), code: codeOf(error) } : null;
    const failed = isBlamed(callOutcomeOf(record.attempts, failure));
    addTo(routeTotals.get(record.route ?? ''), record, failed);
    countService(services.get(record.route ?? ''), call, error, failed);
    onRecorded(record, failed);
    log.call(record, failure);
    tracing.callEnded(record, failure);
    channels.call(record, failure);
    if (events.hasListener('call-ended'))
      events.emit({ type: 'call-ended', record: structuredCopy(record), error: failure });
  }
}

/** Calls with their own credentials, and refreshes of the cache, do not show what callers get, so they do not count. */
function countService(service: ServiceLevel | undefined, call: Call, error: unknown, failed: boolean): void {
  const { record } = call;
  if (service === undefined || call.hasOwnCredentials || record.cache === 'refresh') return;
  if (error === undefined) service.answered(call.stream ? (record.timeToFirstChunkMs ?? undefined) : record.durationMs);
  else if (failed) service.failed(hasTimedOut(record, error) ? record.durationMs : undefined);
}

/** Whether the call or its last attempt timed out. */
function hasTimedOut({ attempts }: CallRecord, error: unknown): boolean {
  const last = lastThatCounts(attempts)?.outcome;
  return error instanceof DeadlineExceededError || last === 'timeout' || last === 'deadline';
}

function addTo(totals: Totals | undefined, record: CallRecord, failed: boolean): void {
  if (totals === undefined) return;
  totals.requests++;
  if (failed) totals.failures++;
  totals.costUsd += record.costUsd ?? 0;
  if (record.costUsd === null && record.attempts.length > 0) totals.unpriced++;
  if (record.usage !== null) addUsage(totals, record.usage);
}

const isEstimated = ({ estimated }: AttemptRecord) => estimated === true;

function unpricedOf({ attempts }: CallRecord): string[] {
  const names = attempts.flatMap(({ unpriced }) => unpriced ?? []);
  return names.length === 0 ? names : [...new Set(names)];
}

/** The sum of what providers reported; `null` if none did. */
function providerCost({ attempts }: CallRecord): number | null {
  let sum: number | null = null;
  for (const { providerCostUsd } of attempts) if (providerCostUsd !== undefined) sum = (sum ?? 0) + providerCostUsd;
  return sum === null ? null : round(sum);
}

/** The sum of all attempts; `null` if the cost of any of them, or of a part of one, is unknown. */
function totalCost({ attempts, unpriced }: CallRecord): number | null {
  if (unpriced.length > 0) return null;
  let sum = 0;
  for (const { costUsd } of attempts) {
    if (costUsd === null) return null;
    sum += costUsd;
  }
  return round(sum);
}

/** The attempt that answered, or ended last; a later one may have been an unsuccessful hedge. */
export function lastThatCounts(attempts: readonly AttemptRecord[]): AttemptRecord | undefined {
  let last: AttemptRecord | undefined;
  for (const attempt of attempts) {
    if (attempt.outcome !== 'lost' && (last === undefined || endOf(attempt) >= endOf(last))) last = attempt;
  }
  return last;
}

/** Nothing ends after the answer, even at the same moment. */
function endOf({ outcome, startedMs, durationMs }: AttemptRecord): number {
  return outcome === 'success' ? Number.POSITIVE_INFINITY : startedMs + durationMs;
}

/** A copy, because a listener may store it and must not change the original. */
function structuredCopy(record: CallRecord): CallRecord {
  return {
    ...record,
    metadata: { ...record.metadata },
    unpriced: [...record.unpriced],
    attempts: record.attempts.map((attempt) => ({ ...attempt })),
  };
}
