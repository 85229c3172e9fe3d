import { abortError } from '../classify.js';
import type { EscalateConfig } from '../options/check-judge.js';
import type { Handler, Layer } from '../pipeline.js';
import { confidenceOf, wantsJson } from '../protocol/confidence.js';
import { removeLogprobs, wantsLogprobs } from '../protocol/logprobs.js';
import type { EscalationShare } from '../state/escalation-share.js';
import type { Events } from '../telemetry/events.js';
import type { CallRecord } from '../telemetry/record-types.js';
import { type Call, type CallReply, isCached, type Reply } from '../types.js';
import { jsonText } from '../util/json-text.js';
import { seenChunks } from '../util/seen-chunks.js';
import { withDeadline } from '../util/with-deadline.js';

/** The rule of a route, and its recent escalations. */
export interface EscalateRule {
  readonly config: EscalateConfig;
  readonly share: EscalationShare;
}

export interface EscalateParts {
  readonly events: Events;
  readonly rules: (route: string | null) => EscalateRule | undefined;
}

interface Assessment {
  readonly escalates: boolean;
  readonly confidence: number | null;
}

/**
 * Judges the answer of a deployment, and requests the next deployment if its confidence is too low. The first answer is
 * never lost: it is returned if no other answer comes in time.
 */
export function escalate({ events, rules }: EscalateParts): Layer<Call, CallReply> {
  return (next) =>
    function escalate(call) {
      const found = call.wantsRaw() ? undefined : rules(call.record.route);
      const rule = call.stream && found?.config.streams === 'pass' ? undefined : found;
      const hasProbabilities = call.protocol === 'chat' || call.protocol === 'responses';
      call.needsLogprobs = hasProbabilities && rule?.config.minConfidence !== undefined;
      const answered = next(call);
      // Shadow traffic may have requested the probabilities too.
      return rule === undefined && !call.needsLogprobs ? answered : judged(call, rule, answered, next);
    };

  async function judged(
    call: Call,
    rule: EscalateRule | undefined,
    answered: Promise<CallReply>,
    next: Handler<Call, CallReply>,
  ): Promise<CallReply> {
    const reply = await answered;
    if (isCached(reply) || reply.answer.raw) return reply;
    const answer = reply.whole ?? (reply.chunks === undefined ? reply.answer.data : undefined);
    const final =
      rule !== undefined && answer !== undefined ? await escalateIfUnsure(call, reply, answer, rule, next) : reply;
    return call.needsLogprobs && !wantsLogprobs(call.protocol, call.body) ? withoutLogprobs(final) : final;
  }

  async function escalateIfUnsure(
    call: Call,
    reply: Reply,
    answer: unknown,
    { config, share }: EscalateRule,
    next: Handler<Call, CallReply>,
  ): Promise<Reply> {
    const { escalates, confidence } = await assess(call, reply, answer, config);
    if (call.signal?.aborted) {
      void reply.chunks?.return?.();
      throw abortError(call.signal.reason);
    }
    const { record } = call;
    record.confidence = confidence;
    const from = reply.attempt.target.state.id;
    const at = call.targets.indexOf(reply.attempt.target);
    const rest = call.targets.slice(at + 1);
    const isPossible =
      rest.length > 0 && record.attempts.length < call.maxAttempts && performance.now() < call.deadline;
    const allowed = escalates && isPossible && share.allows(config.maxShare);
    share.record(allowed);
    if (!allowed) {
      if (escalates && isPossible)
        events.emit({ type: 'escalation-capped', callId: record.id, route: record.route, confidence });
      return reply;
    }
    record.escalated = true;
    events.emit({ type: 'call-escalated', callId: record.id, route: record.route, from, confidence });
    const before = { targets: call.targets, record: answeredBy(record) };
    call.targets = rest;
    try {
      const second = await next(call);
      if (!isCached(second)) {
        if (reply.chunks !== undefined) void reply.chunks.return?.();
        return second;
      }
    } catch (error) {
      if (call.signal?.aborted) throw error;
    } finally {
      call.targets = before.targets;
    }
    Object.assign(record, before.record);
    return reply;
  }

  async function assess(
    call: Call,
    reply: Reply,
    answer: unknown,
    { minConfidence, score, when, unknown }: EscalateConfig,
  ): Promise<Assessment> {
    const confidence = confidenceOf(answer, wantsJson(call.body))[score];
    const deployment = reply.attempt.target.state.id;
    if (minConfidence !== undefined && confidence === null && events.hasListener('confidence-unknown'))
      events.emit({ type: 'confidence-unknown', callId: call.record.id, route: call.record.route, deployment });
    const isUnsure =
      minConfidence !== undefined && (confidence === null ? unknown === 'escalate' : confidence < minConfidence);
    if (isUnsure || when === undefined) return { escalates: isUnsure, confidence };
    try {
      const copy: unknown = JSON.parse(jsonText(answer));
      const judged = Promise.resolve(when(copy, { confidence, deployment }));
      const answered = await withDeadline(call.deadline, judged, call.signal);
      return { escalates: answered === true, confidence };
    } catch {
      call.log.warn(
        `${call.record.id} \`escalate.when\` of the route ${call.record.route} failed; the answer is returned`,
      );
      return { escalates: false, confidence };
    }
  }
}

/** The record's fields about the deployment that answered. A failed escalation leaves them unchanged. */
function answeredBy({ deployment, servedModel, region, usage, providerUsage }: CallRecord): Partial<CallRecord> {
  return { deployment, servedModel, region, usage, providerUsage };
}

/** Removes the probabilities that only the router requested. */
function withoutLogprobs(reply: Reply): Reply {
  const { chunks } = reply;
  if (chunks === undefined) {
    removeLogprobs(reply.answer.data);
    return reply;
  }
  return { ...reply, chunks: seenChunks(chunks, removeLogprobs) };
}
