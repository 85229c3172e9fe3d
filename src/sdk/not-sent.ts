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

/** Headers of one connection: `fetch` writes them itself, and refuses most that it is given. */
const OF_THE_CONNECTION =
  /^(connection|content-length|expect|host|keep-alive|proxy-connection|te|trailer|transfer-encoding|upgrade)$/i;

/**
 * Whether `thrown` is of a request that was never sent, and whose fault that is: the call's own headers, query or body,
 * or what the deployment brings (key function, headers, hooks). It goes by where the error was thrown: what `fetch`
 * throws, the SDK wraps, so whatever comes unwrapped is of the time before.
 */
export function asNotSent(thrown: unknown, client: OpenAI, source: RequestOptions): NotSentError | undefined {
  if (!(thrown instanceof Error) || thrown instanceof NotSentError) return undefined;
  if (isApiError(thrown)) {
    if (!REFUSED_BY_FETCH.has(codeOfCause(thrown) ?? '')) return undefined;
    const isOfCall = headerRows(source.headers).some(([name]) => OF_THE_CONNECTION.test(name));
    return new NotSentError(isOfCall ? 'call' : 'deployment', thrown);
  }
  // A `request` or a transport of the application's own wraps nothing.
  const isOwn = ['request', 'fetchWithTimeout'].some((name) => isHook(client, name));
  if (isOwn || thrown.name === 'AbortError' || source.signal?.aborted) return undefined;
  return new NotSentError(isFaultOfCall(client, source) ? 'call' : 'deployment', thrown);
}

/** Whether the call's own parts cannot be made into a request, whatever the deployment adds to them. */
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
