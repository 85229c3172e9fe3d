import type { Handler } from '../pipeline.js';
import { asksForUsage } from '../protocol/stream-usage.js';
import type { Attempt, AttemptEnd, Reply, UpstreamAnswer } from '../types.js';
import { MAX_MS } from '../util/check.js';
import { isRecord } from '../util/is-record.js';
import { checkAnswer } from './check-answer.js';
import { limitOf } from './limit.js';

/** Asks the upstream. Every layer above sees a reply that is what was asked for, or an error. */
export function send(): Handler<Attempt, Reply> {
  return async function send(attempt) {
    const { call, target } = attempt;
    const { deployment } = target.state;
    const answer = await deployment.upstream.send({
      source: call.source,
      model: target.model,
      headers: headersOf(attempt),
      includeUsage: asksForUsage(attempt),
      timeoutMs: wireMs(attempt),
      signal: signalOf(attempt),
      onOpen: (close) => {
        if (attempt.isOver) close();
        else attempt.close = close;
      },
      wantsRaw: call.wantsRaw,
    });
    if (!answer.raw && answer.stream === undefined) checkAnswer(call.protocol, answer);
    const end = success(answer);
    return { answer, attempt, chunks: undefined, onEnd: (listener) => listener(end) };
  };
}

/** Its time may yet be prolonged: the attempt's own timer, which goes before, ends the request by its signal. */
function wireMs(attempt: Attempt): number {
  const { call, untilDeadline, lane } = attempt;
  if (call.isShared && (untilDeadline || lane !== undefined)) return MAX_MS;
  return lane === undefined ? limitOf(attempt) : call.deadline - attempt.startedAt + 1;
}

/**
 * What ends the request before its time. An unread body outlives the attempt, and is its caller's to abort: there the
 * caller's own signal counts too.
 */
function signalOf(attempt: Attempt): AbortSignal | null | undefined {
  const { call, lane, target } = attempt;
  const isLeftUnread = call.wantsRaw() || call.protocol === 'binary';
  // Without another one, the request's own is left in its place.
  if (lane === undefined && (call.signal === undefined || isLeftUnread)) return undefined;
  if (!isLeftUnread && target.state.deployment.upstream.isClosable) return null;
  // One of the attempt's own, as some versions of the SDK keep listening.
  const controller = new AbortController();
  attempt.close = () => controller.abort(call.signal?.reason);
  // Tied to the caller's by the platform: a listener would hold on to the call for as long as that signal lives.
  const isTied = isLeftUnread && call.signal instanceof AbortSignal;
  return isTied ? AbortSignal.any([call.signal, controller.signal]) : controller.signal;
}

function headersOf({ call, target }: Attempt): Readonly<Record<string, string>> | undefined {
  return call.settings.priority === 'premium' ? target.premiumHeaders : target.headers;
}

function success({ data, status }: UpstreamAnswer): AttemptEnd {
  const body = isRecord(data) ? data : undefined;
  return {
    outcome: 'success',
    breaker: 'success',
    failure: undefined,
    status,
    usage: body?.usage,
    servedModel: typeof body?.model === 'string' ? body.model : undefined,
    answerId: typeof body?.id === 'string' ? body.id : undefined,
    unfinished: false,
  };
}
