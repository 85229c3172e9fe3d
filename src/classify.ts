import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai';
import { InvalidOptionError } from './errors.js';
import { errorName, is, isApiError } from './sdk/sdk-errors.js';
import type { Outcome } from './telemetry/record-types.js';
import type { Failure } from './types.js';
import { jsonCopy } from './util/canonical.js';
import { isRecord } from './util/is-record.js';
import { parseRetryAfter } from './util/retry-after.js';

type Rule = Pick<Failure, 'breaker' | 'again' | 'next' | 'suspends'>;

/** What each outcome means for the breaker, for the same deployment and for the next one. The table of the documentation. */
const RULES: Readonly<Record<Exclude<Outcome, 'pending' | 'success'>, Rule>> = {
  'caller-error': { breaker: 'success', again: 'no', next: 'no', suspends: false },
  'context-length': { breaker: 'success', again: 'no', next: 'larger', suspends: false },
  'content-filter': { breaker: 'success', again: 'no', next: 'no', suspends: false },
  unauthorized: { breaker: 'neutral', again: 'no', next: 'yes', suspends: true },
  forbidden: { breaker: 'neutral', again: 'no', next: 'yes', suspends: false },
  'model-not-found': { breaker: 'neutral', again: 'no', next: 'yes', suspends: false },
  'server-error': { breaker: 'failure', again: 'yes', next: 'yes', suspends: false },
  'rate-limited': { breaker: 'neutral', again: 'yes', next: 'yes', suspends: false },
  connection: { breaker: 'failure', again: 'yes', next: 'yes', suspends: false },
  timeout: { breaker: 'failure', again: 'last', next: 'yes', suspends: false },
  deadline: { breaker: 'failure', again: 'no', next: 'no', suspends: false },
  'invalid-answer': { breaker: 'failure', again: 'yes', next: 'yes', suspends: false },
  interrupted: { breaker: 'failure', again: 'no', next: 'no', suspends: false },
  lost: { breaker: 'neutral', again: 'no', next: 'no', suspends: false },
  aborted: { breaker: 'neutral', again: 'no', next: 'no', suspends: false },
};

type FailedOutcome = keyof typeof RULES;

/** Names what an attempt threw, and says what follows from it. `jitter` is 0 to 1. */
export function classify(thrown: unknown, now: number, jitter: number): Failure {
  const error = toError(thrown);
  const outcome = outcomeOf(error);
  return failure(outcome, error, now, jitter);
}

/** A failure whose outcome is known, because the router itself ended the attempt. */
export function failure(outcome: FailedOutcome, error: Error, now: number, jitter: number): Failure {
  const headers = isApiError(error) ? error.headers : undefined;
  const rule = RULES[outcome];
  return {
    ...rule,
    again: headers?.get('x-should-retry') === 'false' ? 'no' : rule.again,
    outcome,
    error,
    status: isApiError(error) ? error.status : undefined,
    target: undefined,
    retryAfterMs: headers === undefined ? undefined : parseRetryAfter(headers),
    endedAt: now,
    jitter,
  };
}

function outcomeOf(error: Error): FailedOutcome {
  // Most failures have a status, and need not be asked what else they are.
  const answered = isApiError(error);
  if (answered && typeof error.status === 'number') return outcomeOfStatus(error.status, error);
  if (isAbort(error)) return 'aborted';
  if (error instanceof InvalidAnswer) return 'invalid-answer';
  if (isTimeout(error)) return isNeverSent(error) ? 'connection' : 'timeout';
  // An error event inside a stream has no status; its code says what it would have been.
  if (answered) return isErrorEvent(error) ? outcomeOfEvent(error) : 'connection';
  // The SDK reads and parses bodies: what breaks there is the server's body, not the caller's request.
  if (error instanceof SyntaxError || isWithoutBody(error)) return 'invalid-answer';
  if (error.name === 'TimeoutError') return 'timeout';
  if (error.name === 'AbortError' || isTransportError(error)) return 'connection';
  return isCredentialError(error) ? 'unauthorized' : 'caller-error';
}

/** The SDK's words for a stream that has none, such as one of a 204. */
const isWithoutBody = (error: Error) => is(error, 'OpenAIError') && error.message.includes('no body');

/** The application's own `apiKey` or token function failed: that client is of no use, another one may be. */
const isCredentialError = (error: Error) => is(error, 'OpenAIError') && /apiKey|token/i.test(error.message);

function outcomeOfStatus(status: number, error: APIError): FailedOutcome {
  if (isQuota(error)) return 'unauthorized';
  switch (status) {
    case 401:
      return 'unauthorized';
    case 402:
    case 403:
      return 'forbidden';
    case 404:
      return isUnknownModel(error) ? 'model-not-found' : 'caller-error';
    case 408:
    case 409:
      return 'server-error';
    case 429:
      return 'rate-limited';
    default:
      if (status >= 500) return 'server-error';
      if (isContextLength(error)) return 'context-length';
      return isContentFilter(error) ? 'content-filter' : 'caller-error';
  }
}

function outcomeOfEvent(error: APIError): FailedOutcome {
  if (isQuota(error)) return 'unauthorized';
  if (isContextLength(error)) return 'context-length';
  if (isContentFilter(error)) return 'content-filter';
  if (mentions(error, /rate_limit/)) return 'rate-limited';
  if (mentions(error, /invalid_request/)) return 'caller-error';
  return 'server-error';
}

const isQuota = (error: APIError) => mentions(error, /insufficient_quota|billing_hard_limit|credit_balance/);
const isContextLength = (error: APIError) => mentions(error, /context_length_exceeded|context_window_exceeded/);
const isContentFilter = (error: APIError) => mentions(error, /content_filter|content_policy|moderation_blocked/);

/** A 404 names a model more often than not; one that names a stored object (`No such File object`) is the caller's. */
function isUnknownModel(error: APIError): boolean {
  return mentions(error, /model/) || /model|deployment/i.test(error.message) || error.error === undefined;
}

function mentions(error: APIError, pattern: RegExp): boolean {
  return pattern.test(String(error.code ?? '')) || pattern.test(String(error.type ?? ''));
}

/** What `fetch` and a body that breaks throw: `fetch failed`, `terminated`, or an error with a socket's code. */
function isTransportError(error: Error): boolean {
  if (error instanceof TypeError) return /fetch failed|terminated|network|socket|body|load failed/i.test(error.message);
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^(E[A-Z_]+|UND_ERR_\w+)$/.test(code);
}

/** An error that the server sent inside a stream, rather than one of the connection. */
export function isErrorEvent(error: unknown): boolean {
  return isApiError(error) && !is(error, 'APIConnectionError');
}

/** An answer of 200 that is not what was asked for. It is thrown as the SDK's own class of a failed connection. */
export class InvalidAnswer extends APIConnectionError {
  constructor(what: string, cause?: Error) {
    super({ message: `The upstream answered, but ${what}.`, cause });
  }
}

/** Of an attempt that was ended because another one has answered first. No caller sees it. */
export class LostError extends APIConnectionError {
  constructor() {
    // Without a stack: its frames would hold the answer of the winner, in whose turn it is made.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super({ message: 'Another deployment has answered first.' });
    Error.stackTraceLimit = stackTraceLimit;
  }
}

/** The SDK's error of a call that its caller has aborted. */
export function abortError(reason: unknown): Error {
  const error = new APIUserAbortError();
  if (reason !== undefined)
    Object.defineProperty(error, 'cause', { value: reason, writable: true, configurable: true });
  return error;
}

/** The SDK's error of an attempt that took too long. */
export function timeoutError(timeoutMs: number): Error {
  return new APIConnectionTimeoutError({ message: `Request timed out after ${timeoutMs} ms.` });
}

/** The same error once more, for another call: each call's error has a stack and a record of its own. */
export function copyError(error: Error): Error {
  if (!isApiError(error) || error.status === undefined) return error;
  const text = error.error === undefined ? error.message.replace(/^\d+ /, '') : undefined;
  // Nothing of it is shared: what one caller does to its error is not seen by another.
  const headers = error.headers === undefined ? undefined : new Headers(error.headers);
  return APIError.generate(error.status, { error: jsonCopy(error.error) }, text, headers);
}

/** Errors of the application's own making pass as they are; anything else that was thrown becomes an Error. */
function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new APIConnectionError({ message: `The upstream's client threw ${typeof thrown}, not an Error.` });
}

export function statusOf(error: unknown): number | null {
  return isApiError(error) && typeof error.status === 'number' ? error.status : null;
}

/** The error's code, as the provider or the router names it. */
export function codeOf(error: unknown): string | null {
  return isRecord(error) && typeof error.code === 'string' && /^[\w.-]{1,64}$/.test(error.code) ? error.code : null;
}

export const isAbort = (error: unknown) => is(error, 'APIUserAbortError');
export const isTimeout = (error: unknown) => is(error, 'APIConnectionTimeoutError');

/** What an upstream answered with an error status, to be handed on as it was. */
export function upstreamBody(error: unknown): { status: number; headers: Headers; body: object } | undefined {
  if (!isApiError(error) || typeof error.status !== 'number' || error.headers === undefined) return undefined;
  const { status, headers } = error;
  return { status, headers, body: { error: error.error ?? { message: error.message } } };
}

/** Why a connection failed: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`, as deep as the SDK and fetch have wrapped it. */
function codeOfCause(error: Error): string | null {
  let cause: unknown = error.cause;
  for (let depth = 0; depth < 4 && cause instanceof Error; depth++) {
    const code = codeOf(cause);
    if (code !== null) return code;
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
  }
  return null;
}

/** What a connection fails with before anything of the request is sent. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|\w*(SELF_SIGNED|UNABLE_TO_VERIFY)\w*)$/;

/** The connection was not made in time: the SDK reports it like an answer that is late. */
const isNeverSent = (error: Error) => NEVER_SENT.test(codeOfCause(error) ?? '');

/** Whether the server may have seen the request that ended with this. */
export function wasSent(error: Error): boolean {
  return !isNeverSent(error);
}

/** An error in words for records, logs and events: the kind, never the upstream's own text, which may quote a prompt. */
export function describe(error: unknown): string {
  if (error instanceof InvalidAnswer || error instanceof InvalidOptionError || error instanceof LostError)
    return error.message;
  if (!(error instanceof Error)) return typeof error;
  return [errorName(error), statusOf(error) ?? '', codeOf(error) ?? codeOfCause(error) ?? '']
    .filter((part) => part !== '')
    .join(' ');
}
