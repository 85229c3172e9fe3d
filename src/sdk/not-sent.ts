import type { OpenAI } from 'openai';
import { codeOfCause } from '../classify.js';
import { NotSentError } from '../errors.js';
import { isRecord } from '../util/is-record.js';
import { isHook, type RequestOptions } from './internals.js';
import { headerRows } from './request-headers.js';
import { isApiError } from './sdk-errors.js';

/** Errors of the platform's `fetch` before it connects, or when the body does not match its announced length. */
const REFUSED_BY_FETCH = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
]);

/** Headers of one connection: `fetch` sets them itself, and refuses most of them from callers. */
const OF_THE_CONNECTION =
  /^(connection|content-length|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/**
 * Whether `thrown` belongs to a request that was never sent, and what caused it: the call's own headers, query or body,
 * or the deployment's parts (key function, headers, hooks). The place of the throw decides: the SDK wraps what `fetch`
 * throws, so an unwrapped error is from before.
 */
export function asNotSent(thrown: unknown, client: OpenAI, source: RequestOptions): NotSentError | undefined {
  if (!(thrown instanceof Error) || thrown instanceof NotSentError) return undefined;
  if (isApiError(thrown)) {
    if (!REFUSED_BY_FETCH.has(codeOfCause(thrown) ?? '')) return undefined;
    const isOfCall = headerRows(source.headers).some(([name]) => OF_THE_CONNECTION.test(name));
    return new NotSentError(isOfCall ? 'call' : 'deployment', thrown);
  }
  // An application's own `request` or transport wraps nothing.
  const isOwn = ['request', 'fetchWithTimeout'].some((name) => isHook(client, name));
  if (isOwn || thrown.name === 'AbortError' || source.signal?.aborted) return undefined;
  return new NotSentError(isFaultOfCall(client, source) ? 'call' : 'deployment', thrown);
}

/** Whether the call's own parts make the request impossible, whatever the deployment adds to them. */
function isFaultOfCall(client: OpenAI, { headers, path = '/', query, defaultBaseURL, body }: RequestOptions): boolean {
  try {
    const rows = headerRows(headers).flatMap(([name, value]): [string, string][] =>
      value === null ? [] : [[name, value]],
    );
    void new Headers(rows);
    client.buildURL(path, isRecord(query) ? query : undefined, defaultBaseURL);
    if (isRecord(body) && !(body instanceof FormData) && !(Symbol.asyncIterator in body)) JSON.stringify(body);
    return false;
  } catch {
    return true;
  }
}
