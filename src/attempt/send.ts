import { statusOf } from '../classify.js';
import type { Handler } from '../pipeline.js';
import { type Addition, additionsFor, LEFT_OUT_MS, mayRefuseAddition } from '../protocol/additions.js';
import { sealedKeys } from '../protocol/sealed-items.js';
import type { Tracing } from '../telemetry/tracing.js';
import type { Attempt, AttemptEnd, Protocol, Reply, UpstreamAnswer } from '../types.js';
import type { CancelSignal } from '../util/cancel-signal.js';
import { MAX_MS } from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import { onCollected } from '../util/on-collected.js';
import { cut, storableId } from '../util/shown.js';
import { SignalHub } from '../util/signal-hub.js';
import { checkAnswer } from './check-answer.js';
import type { ErrorReader } from './error-reader.js';
import { commitTimeoutOf } from './time-limits.js';

/** Longer than any stall that an attempt should survive. */
const BACKSTOP_MS = 60_000;

/** Sends the request. The layers above get a reply of the requested kind, or an error. */
export function send(errors: ErrorReader, tracing: Tracing): Handler<Attempt, Reply> {
  return async function send(attempt) {
    const { call } = attempt;
    const additions = additionsFor(call, attempt.target);
    const answer = await (additions.length === 0
      ? sendOnce(attempt, additions, tracing)
      : sendWithAdditions(attempt, additions, tracing));
    const end = success(answer, call.protocol);
    // An unread body and a stream are not checked here. Of bytes, only the presence is checked.
    if (answer.stream === undefined && (!answer.raw || answer.data === null))
      checkAnswer(call, answer, errors.readingFor(attempt));
    return { attempt, answer, chunks: undefined, onEnd: (listener) => listener(end) };
  };
}

/**
 * An addition of the router must never fail the call: if a request is refused with an addition, the router sends it
 * once as the caller wrote it. If that succeeds, the router omits the addition at this deployment for `LEFT_OUT_MS`.
 */
async function sendWithAdditions(
  attempt: Attempt,
  additions: readonly Addition[],
  tracing: Tracing,
): Promise<UpstreamAnswer> {
  try {
    return await sendOnce(attempt, additions, tracing);
  } catch (error) {
    if (attempt.control.isOver || !mayRefuseAddition(statusOf(error) ?? undefined)) throw error;
    attempt.record.resends += 1;
    const answer = await sendOnce(attempt, [], tracing);
    const now = performance.now();
    const { refusedAdditions } = attempt.target.state;
    for (const each of additions) refusedAdditions.set(each, now + LEFT_OUT_MS[each]);
    return answer;
  }
}

function sendOnce(attempt: Attempt, additions: readonly Addition[], tracing: Tracing): Promise<UpstreamAnswer> {
  const { call, target, control } = attempt;
  const { signal, stop } = endingOf(attempt);
  attempt.additions = additions;
  const traced = tracing.headersFor(attempt.record);
  const sending = target.state.deployment.upstream.send({
    source: call.source,
    model: target.model,
    adapt: target.state.deployment.adapt,
    headers: traced === undefined ? headersOf(attempt) : { ...traced, ...headersOf(attempt) },
    additions,
    timeoutMs: wireMs(attempt),
    signal,
    onOpen: (close) => control.opened(close),
    onResend: () => {
      attempt.record.resends += 1;
    },
    isOver: () => control.isOver,
    wantsRaw: call.wantsRaw,
  });
  return stop === undefined ? sending : releasing(sending, stop);
}

/**
 * The SDK's own timer is only a backstop: the attempt's timer ends the request, may extend its time, and after a stall
 * lets an answer that has arrived be read. If nothing but the SDK's timer can end the request, it gets the real limit.
 */
function wireMs(attempt: Attempt): number {
  const { call, control, hedged } = attempt;
  if (call.isShared && (control.untilDeadline || hedged !== undefined)) return MAX_MS;
  if (hedged !== undefined) return call.deadline - attempt.startedAt + BACKSTOP_MS;
  return isLeftUnread(attempt) ? commitTimeoutOf(attempt) : commitTimeoutOf(attempt) + BACKSTOP_MS;
}

/** The caller reads the body as it comes. */
const isLeftUnread = ({ call }: Attempt) => call.wantsRaw() || call.protocol === 'binary';

/**
 * What may end the request early. An unread body outlives the attempt, and its caller may abort it: there the caller's
 * own signal counts too.
 */
function endingOf(attempt: Attempt): Ending {
  const { call, hedged, target } = attempt;
  const leftUnread = isLeftUnread(attempt);
  // Without another signal, the request's own stays in place.
  if (hedged === undefined && leftUnread) return { signal: undefined };
  if (!leftUnread && target.state.deployment.upstream.isClosable) return { signal: null };
  // A separate signal for the attempt, because some SDK versions do not remove their listeners.
  const controller = new AbortController();
  attempt.control.opened(() => controller.abort(call.signal?.reason));
  if (!leftUnread || call.signal === undefined) return { signal: controller.signal };
  const source = call.signal instanceof SignalHub ? call.signal.source : call.signal;
  // The platform combines signals without a listener, but only those of its own class.
  if (source instanceof AbortSignal) return { signal: AbortSignal.any([source, controller.signal]) };
  return { signal: controller.signal, stop: forwardAbort(call.signal, controller) };
}

interface Ending {
  readonly signal: AbortSignal | null | undefined;
  /** Stops forwarding the caller's signal. */
  readonly stop?: () => void;
}

/** Forwards aborts as long as there may be something to end: until an unread body is garbage-collected. */
async function releasing(sending: Promise<UpstreamAnswer>, stop: () => void): Promise<UpstreamAnswer> {
  try {
    const answer = await sending;
    if (answer.raw && answer.body !== null) onCollected(answer.body, stop);
    else stop();
    return answer;
  } catch (error) {
    stop();
    throw error;
  }
}

/**
 * Uses a listener, because the caller's signal may be of a class that the platform does not know. Retains nothing of
 * the call.
 */
function forwardAbort(from: CancelSignal, to: AbortController): () => void {
  const forward = () => to.abort(from.reason);
  from.addEventListener('abort', forward);
  return () => from.removeEventListener('abort', forward);
}

function headersOf({ call, target }: Attempt): Readonly<Record<string, string>> | undefined {
  return call.settings.priority === 'premium' ? target.premiumHeaders : target.headers;
}

/** Older Whisper servers report only the duration of the audio. */
function usageIn(body: Record<string, unknown> | undefined): unknown {
  if (body === undefined || body.usage !== undefined || body.duration === undefined || !('text' in body))
    return body?.usage;
  return { type: 'duration', seconds: body.duration };
}

function success({ data, status }: UpstreamAnswer, protocol: Protocol): AttemptEnd {
  const body = isRecord(data) ? data : undefined;
  return {
    outcome: 'success',
    breaker: 'success',
    failure: undefined,
    status,
    usage: usageIn(body),
    serviceTier: nameOf(body?.service_tier),
    output: body?.output,
    answer: data,
    servedModel: nameOf(body?.model),
    answerId: storableId(body?.id),
    sealedKeys: protocol === 'responses' ? sealedKeys(body?.output) : undefined,
    unfinished: false,
  };
}

/** An empty name is treated as absent. */
const nameOf = (value: unknown) => (typeof value === 'string' && value !== '' ? cut(value) : undefined);
