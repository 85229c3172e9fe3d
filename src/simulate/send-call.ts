import type { OpenAI } from 'openai';
import { callRecord } from '../telemetry/call-record.js';
import type { CallRecord } from '../telemetry/record-types.js';
import { isAsyncIterable } from '../util/is-record.js';
import type { DueCall } from './traffic.js';

/** How one call ended. Times are in milliseconds of virtual time. */
export interface Settled {
  readonly due: DueCall;
  readonly startedMs: number;
  readonly tookMs: number;
  readonly firstChunkMs: number | undefined;
  /** Undefined for a call that was answered. */
  readonly error: unknown;
  readonly record: CallRecord | undefined;
}

const PATHS = { chat: '/chat/completions', responses: '/responses', embeddings: '/embeddings' } as const;

/** The body of a call. Each prompt is different, so that the cache does not answer it. */
export function bodyOf({ number, call, stream }: DueCall, model: string): Record<string, unknown> {
  const { endpoint = 'chat', body = {} } = call;
  const text = `This is question ${number}.`;
  return {
    model,
    ...(endpoint === 'chat' ? { messages: [{ role: 'user', content: text }] } : { input: text }),
    ...(typeof body === 'function' ? body(number) : body),
    ...(stream && { stream: true }),
  };
}

/** Makes one call and reads its whole answer. Rejects only if the call cannot be built: a `body` that throws. */
export async function sendCall(client: OpenAI, due: DueCall, model: string, signal?: AbortSignal): Promise<Settled> {
  const startedMs = performance.now();
  const { call, stream } = due;
  const body = bodyOf(due, model);
  let firstChunkMs: number | undefined;
  let promise: object | undefined;
  const settled = (error: unknown): Settled => ({
    due,
    startedMs,
    tookMs: performance.now() - startedMs,
    firstChunkMs,
    error,
    record: callRecord(promise) ?? callRecord(error),
  });
  try {
    const sent = client.post<unknown>(PATHS[call.endpoint ?? 'chat'], {
      ...call.options,
      body,
      stream,
      ...(signal && { signal }),
    });
    promise = sent;
    const answer = await sent;
    if (!stream || !isAsyncIterable(answer)) return settled(undefined);
    for await (const _ of answer) firstChunkMs ??= performance.now() - startedMs;
    return settled(undefined);
  } catch (error) {
    return settled(error ?? new Error('The call failed without an error.'));
  }
}
