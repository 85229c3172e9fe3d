import { type CallReply, isCached } from '../../types.js';

/** The parsed answer. */
export const dataOf = (reply: CallReply) => (isCached(reply) ? reply.cached.data : reply.answer.data);

/** The headers of the upstream's answer, if they are still known. */
export function headersOf(reply: CallReply): Headers | undefined {
  return isCached(reply) ? reply.cached.headers : reply.answer.headers;
}

/** The SDK has already read the request id, and written it into the parsed answer. */
export function requestIdOf(reply: CallReply, data: unknown): string | null {
  const known: unknown = typeof data === 'object' && data !== null ? Reflect.get(data, '_request_id') : undefined;
  return typeof known === 'string' ? known : (headersOf(reply)?.get('x-request-id') ?? null);
}
