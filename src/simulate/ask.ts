import type { OpenAI } from 'openai';
import { callRecord } from '../telemetry/call-record.js';
import type { CallRecord } from '../telemetry/record-types.js';
import { isRecord } from '../util/is-record.js';
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

/** The body of a call. Each asks something else, so that a cache does not answer what it would not in earnest. */
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

/** Makes one call and reads its whole answer. Rejects only where the call cannot be made up: a `body` that throws. */
export async function ask(client: OpenAI, due: DueCall, model: string, signal?: AbortSignal): Promise<Settled> {
  const startedMs = performance.now();
  const { call, stream } = due;
  const body = bodyOf(due, model);
  let firstChunkMs: number | undefined;
  let promise: object | undefined;
  const settle = (error: unknown): Settled => ({
    due,
    startedMs,
    tookMs: performance.now() - startedMs,
    firstChunkMs,
    error,
    record: callRecord(promise) ?? callRecord(error),
  });
  try {
    const asked = client.post<unknown>(PATHS[call.endpoint ?? 'chat'], {
      ...call.options,
      body,
      stream,
      ...(signal && { signal }),
    });
    promise = asked;
    const answer = await asked;
    if (!stream || !isAsyncIterable(answer)) return settle(undefined);
    for await (const _ of answer) firstChunkMs ??= performance.now() - startedMs;
    return settle(undefined);
  } catch (error) {
    return settle(error ?? new Error('A call has failed with nothing.'));
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return isRecord(value) && Symbol.asyncIterator in value;
}
