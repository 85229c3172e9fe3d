import { fromChunks, toChunks } from '../../protocol/convert.js';
import type { CachedAnswer } from '../../state/cache-store.js';
import type { CachedReply, Call } from '../../types.js';
import { isRecord } from '../../util/is-record.js';
import { cachedAnswer, cachedStream } from './cached-reply.js';
import { readValue } from './lookup.js';

/**
 * Returns a stored answer in the form that this caller requested, as a separate copy. Returns `undefined` if it cannot
 * have that form, or cannot be parsed.
 */
export function readAnswer(call: Call, answer: CachedAnswer, value = readValue(answer)): CachedReply | undefined {
  if (answer.kind === 'vector') return undefined;
  if (value === undefined) return undefined;
  const isStream = answer.kind === 'chunks';
  if (call.stream) {
    const chunks = isStream ? chunksOf(call, answer, value) : converted(call, value);
    if (chunks === undefined) return undefined;
    call.record.providerUsage = usageIn(chunks) ?? null;
    return cachedStream(chunks, answer.requestId, call.signal);
  }
  const data = isStream ? joined(call, answer, value) : value;
  if (!isRecord(data)) return undefined;
  call.record.providerUsage = data.usage ?? null;
  return cachedAnswer(data, answer.requestId);
}

function chunksOf(call: Call, { tokens }: CachedAnswer, value: unknown): unknown[] | undefined {
  if (!Array.isArray(value) || (call.wantsUsage && tokens === null)) return undefined;
  return call.wantsUsage ? value : value.filter((chunk) => !isOnlyUsage(chunk));
}

function converted(call: Call, value: unknown): unknown[] | undefined {
  if (!isRecord(value) || (call.wantsUsage && !isRecord(value.usage))) return undefined;
  const chunks = toChunks(call.protocol, value, call.wantsUsage);
  return chunks.length === 0 ? undefined : chunks;
}

function joined({ protocol }: Call, { tokens }: CachedAnswer, value: unknown): unknown {
  if (!Array.isArray(value) || tokens === null) return undefined;
  return fromChunks(protocol, value);
}

/** Whether a chunk reports only the usage. */
export function isOnlyUsage(chunk: unknown): boolean {
  return isRecord(chunk) && isRecord(chunk.usage) && Array.isArray(chunk.choices) && chunk.choices.length === 0;
}

function usageIn(chunks: readonly unknown[]): unknown {
  const last = chunks.at(-1);
  return isRecord(last) && isRecord(last.usage) ? last.usage : undefined;
}
