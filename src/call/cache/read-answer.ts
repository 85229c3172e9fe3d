import { toChunks } from '../../protocol/convert.js';
import { fromChunks, JoinedChunks } from '../../protocol/join-chunks.js';
import type { CachedAnswer } from '../../state/cache-store.js';
import type { CachedReply, Call } from '../../types.js';
import { isRecord } from '../../util/is-record.js';
import { parseJson } from '../../util/parse-json.js';
import { cachedAnswer, cachedStream } from './cached-reply.js';

/** The number of characters to parse at a time, which takes some milliseconds. */
const SLICE = 512 * 1024;

/** Whether a stream is so long that its chunks are read in slices. */
export const isLong = ({ kind, text }: CachedAnswer) => kind === 'chunks' && text.length > SLICE;

/**
 * Returns a stored answer in the form that the caller requested, parsed for this call alone. `undefined` if it cannot
 * have that form, or cannot be parsed.
 */
export function readAnswer(
  call: Call,
  answer: CachedAnswer,
  content = readContent(call, answer),
): CachedReply | undefined {
  if (call.stream) {
    const chunks = answer.kind === 'chunks' ? chunksOf(call, answer, content) : converted(call, content);
    if (chunks === undefined) return undefined;
    call.record.providerUsage = usageIn(chunks) ?? null;
    return cachedStream(chunks, answer.requestId, call.signal);
  }
  if (!isRecord(content)) return undefined;
  call.record.providerUsage = content.usage ?? null;
  return cachedAnswer(content, answer.requestId);
}

/** The parsed answer. For a stream: its chunks, or the whole answer if the caller requested no stream. */
function readContent(call: Call, answer: CachedAnswer): unknown {
  if (answer.kind === 'vector') return undefined;
  const value = parseJson(answer.text);
  if (call.stream || answer.kind !== 'chunks') return value;
  return Array.isArray(value) && answer.tokens !== null ? fromChunks(call.protocol, value) : undefined;
}

/**
 * The same for a long stream, with one chunk per line: the event loop gets a turn between two slices. `null` if there is
 * none, so that it is not read again in one go.
 */
export async function readInSlices(call: Call, answer: CachedAnswer): Promise<unknown> {
  const chunks: unknown[] = [];
  const joined = new JoinedChunks(call.protocol);
  try {
    for (const slice of slicesOf(answer.text)) {
      for (const chunk of JSON.parse(slice) as unknown[]) {
        if (call.stream) chunks.push(chunk);
        else joined.add(chunk);
      }
      await new Promise((resolve) => setTimeout(resolve, 0));
    }
  } catch {
    return null;
  }
  if (call.stream) return chunks;
  return answer.tokens === null ? null : (joined.whole() ?? null);
}

/** Lists of some of the chunks. */
function* slicesOf(text: string): Iterable<string> {
  for (let from = 1; from < text.length; ) {
    const line = text.indexOf('\n', from + SLICE);
    // Before the comma, or before the end of the list.
    const to = line === -1 ? text.length - 1 : line - 1;
    yield `[${text.slice(from, to)}]`;
    from = line === -1 ? text.length : line + 1;
  }
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

/** Whether a chunk reports only the usage. */
export function isOnlyUsage(chunk: unknown): boolean {
  return isRecord(chunk) && isRecord(chunk.usage) && Array.isArray(chunk.choices) && chunk.choices.length === 0;
}

function usageIn(chunks: readonly unknown[]): unknown {
  const last = chunks.at(-1);
  return isRecord(last) && isRecord(last.usage) ? last.usage : undefined;
}
