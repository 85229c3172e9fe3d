import { APIConnectionError, APIConnectionTimeoutError, APIError, APIUserAbortError } from 'openai';
import {
  codeText,
  InvalidAnswerError,
  InvalidOptionError,
  NotSentError,
  StreamInterruptedError,
  setHidden,
  upstreamCodeOf,
} from './errors.js';
import type { UpstreamError } from './options/options.js';
import { type Classification, classificationOf, outcomeOfStatus } from './protocol/classification.js';
import type { ErrorOutcome } from './protocol/error-outcomes.js';
import { type ErrorFacts, readError } from './protocol/read-error.js';
import { notedFacts } from './sdk/error-facts.js';
import { errorName, is, isApiError } from './sdk/sdk-errors.js';
import type { Outcome } from './telemetry/record-types.js';
import type { Failure } from './types.js';
import { isRecord } from './util/is-record.js';
import { jsonCopy } from './util/json-copy.js';
import { parseRequestedWait, parseRetryAfter } from './util/retry-after.js';
import { withoutStacks } from './util/stack.js';

type Rule = Pick<Failure, 'breaker' | 'retry' | 'failover' | 'suspends'>;

/**
 * What each outcome means for the breaker, for a retry and for a failover; docs/how-it-decides-failures.md has the same
 * table.
 */
const RULES: Readonly<Record<Exclude<Outcome, 'pending' | 'success'>, Rule>> = {
  'caller-error': { breaker: 'success', retry: 'no', failover: 'no', suspends: false },
  'context-length': { breaker: 'success', retry: 'no', failover: 'larger', suspends: false },
  'content-filter': { breaker: 'success', retry: 'no', failover: 'no', suspends: false },
  unauthorized: { breaker: 'neutral', retry: 'no', failover: 'yes', suspends: true },
  forbidden: { breaker: 'neutral', retry: 'no', failover: 'yes', suspends: false },
  'model-not-found': { breaker: 'neutral', retry: 'no', failover: 'yes', suspends: false },
  'server-error': { breaker: 'failure', retry: 'yes', failover: 'yes', suspends: false },
  'rate-limited': { breaker: 'neutral', retry: 'yes', failover: 'yes', suspends: false },
  connection: { breaker: 'failure', retry: 'yes', failover: 'yes', suspends: false },
  timeout: { breaker: 'failure', retry: 'last', failover: 'yes', suspends: false },
  deadline: { breaker: 'failure', retry: 'no', failover: 'no', suspends: false },
  'invalid-answer': { breaker: 'failure', retry: 'yes', failover: 'yes', suspends: false },
  interrupted: { breaker: 'failure', retry: 'no', failover: 'no', suspends: false },
  // It says nothing about the request: an answer that is escalated later may go on to any deployment.
  lost: { breaker: 'neutral', retry: 'no', failover: 'yes', suspends: false },
  aborted: { breaker: 'neutral', retry: 'no', failover: 'no', suspends: false },
};

type FailedOutcome = keyof typeof RULES;

/** How to read an upstream's error: the application decides first, then the router. */
export interface Reading {
  /** The application's own outcome for the error. */
  readonly named?: (error: Omit<UpstreamError, 'deployment'>) => ErrorOutcome | undefined;
  /** Whether the request names something stored on a server. */
  readonly namesStored?: () => boolean;
}

/** Names the outcome of what an attempt threw, and what may follow. Never throws. `jitter` is 0 to 1. */
export function classify(thrown: unknown, now: number, jitter: number, reading: Reading = {}): Failure {
  if (thrown instanceof NotSentError) {
    const outcome = thrown.by === 'call' ? 'caller-error' : 'connection';
    return { ...failure(outcome, thrown.error, now, jitter), breaker: 'neutral', retry: 'no', notSent: true };
  }
  const error = toError(thrown);
  const { outcome, isFromText } = readOutcome(error, reading);
  const found = failure(outcome, error, now, jitter);
  return isFromText ? { ...found, ...withoutSharedState(found), isFromText } : found;
}

/** An error text may quote the caller. So it causes no suspension, and does not count for the breaker. */
function withoutSharedState({ status, breaker }: Failure): Pick<Failure, 'breaker' | 'suspends'> {
  const isRefusal = status !== undefined && status < 500;
  return { suspends: false, breaker: breaker === 'success' && isRefusal ? 'success' : 'neutral' };
}

/** A failure whose outcome is known, because the router itself ended the attempt. */
export function failure(outcome: FailedOutcome, error: Error, now: number, jitter: number): Failure {
  const { status, headers } = answerOf(error);
  const rule = RULES[outcome];
  return {
    ...rule,
    retry: headers?.get('x-should-retry') === 'false' ? 'no' : rule.retry,
    outcome,
    error,
    status,
    headers,
    code: reasonCode(error),
    isFromText: false,
    target: undefined,
    retryAfterMs: retryAfterIn(headers, factsOfRefusal(error, status)),
    endedAt: now,
    jitter,
  };
}

/** The pause that the server requests: by a header, or in the body, as Gemini and OpenRouter do. */
function retryAfterIn(headers: Headers | undefined, facts: ErrorFacts | undefined): number | undefined {
  const byHeader = headers === undefined ? undefined : parseRetryAfter(headers);
  return byHeader ?? (facts?.wait === undefined ? undefined : parseRequestedWait(facts.wait));
}

/** The body of an answer that may request a pause. */
function factsOfRefusal(error: Error, status: number | undefined): ErrorFacts | undefined {
  try {
    return (status === 429 || status === 503) && isApiError(error) ? factsOf(error) : undefined;
  } catch {
    return undefined;
  }
}

/** An application's own `fetch` may have another `Headers` class. */
const isHeaders = (value: unknown): value is Headers => isRecord(value) && typeof value.get === 'function';

/** Accepts errors of any class, because a client's own `fetch` or mock may throw one. */
function answerOf(error: Error): { status: number | undefined; headers: Headers | undefined } {
  try {
    const { status, headers }: Partial<APIError> = isApiError(error) ? error : {};
    return {
      status: typeof status === 'number' ? status : undefined,
      headers: isHeaders(headers) ? headers : undefined,
    };
  } catch {
    return { status: undefined, headers: undefined };
  }
}

/** Allows a failover where `failoverOn` lists the outcome or status. */
export function withFailoverOn(found: Failure, on: ReadonlySet<string | number> | undefined): Failure {
  if (on === undefined || found.failover === 'yes' || ENDS_THE_CALL.has(found.outcome)) return found;
  const isNamed = on.has(found.outcome) || (found.status !== undefined && on.has(found.status));
  return isNamed ? { ...found, failover: 'yes' } : found;
}

const ENDS_THE_CALL: ReadonlySet<Outcome> = new Set(['aborted', 'deadline', 'interrupted', 'lost']);

function readOutcome(error: Error, reading: Reading): Classification | { outcome: FailedOutcome; isFromText: false } {
  try {
    return classificationFor(error, reading);
  } catch {
    // No well-behaved server sends an error of this shape, so only its status counts.
    const { status } = answerOf(error);
    return { outcome: status === undefined ? 'server-error' : outcomeOfStatus(status), isFromText: false };
  }
}

function classificationFor(
  error: Error,
  reading: Reading,
): Classification | { outcome: FailedOutcome; isFromText: false } {
  const known: unknown = Reflect.get(error, CLASSIFICATION);
  if (known !== undefined) return known as Classification;
  const answered = isApiError(error);
  if (answered && typeof error.status === 'number') return outcomeOfAnswer(error, error.status, reading);
  return { outcome: outcomeOfOther(error, answered, reading), isFromText: false };
}

/** An error status, and what the body says. */
function outcomeOfAnswer(error: APIError, status: number, reading: Reading): Classification {
  const facts = factsOf(error);
  const headers = isHeaders(error.headers) ? error.headers : undefined;
  const named = reading.named?.(upstreamError(facts, headers, status));
  if (named !== undefined) return { outcome: named, isFromText: false };
  const hasRetryAfter = retryAfterIn(headers, facts) !== undefined;
  const context = { status, hasRetryAfter, namesStored: status === 404 && reading.namesStored?.() === true };
  return classificationOf(facts, context) ?? { outcome: outcomeOfStatus(status), isFromText: false };
}

function outcomeOfOther(error: Error, answered: boolean, reading: Reading): FailedOutcome {
  if (isAbort(error)) return 'aborted';
  if (error instanceof InvalidAnswerError) return 'invalid-answer';
  if (isTimeout(error)) return isNeverSent(error) ? 'connection' : 'timeout';
  if (answered) {
    if (!isErrorEvent(error)) return 'connection';
    return readOutcome(embeddedError(error, undefined, 'server-error', reading), reading).outcome;
  }
  // The SDK reads and parses bodies: an error there is the server's fault, not the caller's.
  if (error instanceof SyntaxError || isWithoutBody(error)) return 'invalid-answer';
  if (error.name === 'TimeoutError') return 'timeout';
  if (error.name === 'AbortError' || isTransportError(error)) return 'connection';
  return isCredentialError(error) ? 'unauthorized' : 'caller-error';
}

/**
 * Marks what was thrown while an answer's body was read. Platforms and `fetch` libraries have many errors for that
 * ("Network connection lost.", `ERR_HTTP2_STREAM_ERROR`, `Z_DATA_ERROR`), and the caller causes none of them.
 */
export function whileReading(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || isApiError(thrown) || !Object.isExtensible(thrown)) return thrown;
  if (CLASSIFICATION in thrown || outcomeOfOther(thrown, false, {}) !== 'caller-error') return thrown;
  setHidden(thrown, CLASSIFICATION, { outcome: 'connection', isFromText: false } satisfies Classification);
  return thrown;
}

/**
 * The classification of an error inside a 200 or a stream. It is stored on the error, because its status is made up.
 */
const CLASSIFICATION = Symbol('classification');

/** The status for an error that has none, so that a `catch` written for the SDK gets the right class. */
const STATUS_OF: Readonly<Partial<Record<FailedOutcome, number>>> = {
  'caller-error': 400,
  'context-length': 400,
  'content-filter': 400,
  unauthorized: 401,
  forbidden: 403,
  'model-not-found': 404,
  'rate-limited': 429,
};

/**
 * Converts an error that came with status 200, in a body or as an event, into the SDK's class for its meaning. `source`
 * is the body, or what the SDK threw for an event. Without known facts the outcome is `otherwise`.
 */
export function embeddedError(
  source: unknown,
  headers: Headers | undefined,
  otherwise: ErrorOutcome,
  reading: Reading = {},
): Error {
  const isThrown = isApiError(source);
  const facts = isThrown ? factsOf(source) : readError(source);
  const given = (isThrown && isHeaders(source.headers) ? source.headers : headers) ?? new Headers();
  const own = facts.numbers.find((number) => Number.isInteger(number) && number >= 400 && number <= 599);
  const context = { status: undefined, hasRetryAfter: retryAfterIn(given, facts) !== undefined, namesStored: false };
  const named = reading.named?.(upstreamError(facts, given, own));
  const classification =
    named === undefined
      ? (classificationOf(facts, context) ?? { outcome: otherwise, isFromText: false })
      : { outcome: named, isFromText: false };
  const status = own ?? STATUS_OF[classification.outcome] ?? 500;
  const answer = APIError.generate(
    status,
    { error: errorBody(isThrown ? source.error : source, facts) },
    undefined,
    given,
  );
  const error =
    classification.outcome === 'invalid-answer' && own === undefined
      ? invalidAnswer('with an error in a 200', answer)
      : answer;
  setHidden(error, CLASSIFICATION, classification);
  return error;
}

/** The object under `error` in an OpenAI answer: as it was sent, or converted to that shape. */
function errorBody(sent: unknown, { texts, code, type, baseResp }: ErrorFacts): object {
  const inner = isRecord(sent) && isRecord(sent.error) ? sent.error : sent;
  if (isRecord(inner) && typeof inner.message === 'string') return inner;
  const message = texts[0] ?? 'The upstream sent an error with status 200, without saying why.';
  return { message, type: type ?? null, param: null, code: code ?? (baseResp === undefined ? null : String(baseResp)) };
}

/** The error body: recorded while it was read, or the SDK's own copy. */
function factsOf(error: APIError): ErrorFacts {
  const noted = notedFacts(error);
  if (noted !== undefined) return noted;
  return readError(error.error ?? error.message.replace(/^\d{3} /, '').replace('status code (no body)', ''));
}

/** A view of the error for the application, without the router's own fields. */
function upstreamError(
  { code, type, texts }: ErrorFacts,
  headers: Headers | undefined,
  status: number | undefined,
): Omit<UpstreamError, 'deployment'> {
  return { status, code, type, message: texts.join(' '), headers: new Headers(headers) };
}

/** The upstream's own code as records show it, or the code of a broken connection. */
function reasonCode(error: Error): string | null {
  try {
    if (error instanceof StreamInterruptedError) return error.upstreamCode ?? codeOfCause(error);
    if (error instanceof InvalidAnswerError) return error.cause instanceof Error ? reasonCode(error.cause) : null;
    const own = upstreamCodeOf(error);
    if (own !== undefined) return own;
    const { code, type } = isApiError(error) && !isOfClient(error) ? factsOf(error) : {};
    return codeText(code) ?? codeText(type) ?? codeOf(error) ?? codeOfCause(error);
  } catch {
    return null;
  }
}

/** The request was ended on this side, so no server is involved. */
const isOfClient = (error: Error) => isAbort(error) || isTimeout(error) || error instanceof LostError;

/** The SDK's message for a stream without a body, as for a 204. */
const isWithoutBody = (error: Error) => is(error, 'OpenAIError') && error.message.includes('no body');

/** The application's own `apiKey` or token function failed: this client is unusable, another one may work. */
const isCredentialError = (error: Error) => is(error, 'OpenAIError') && /apiKey|token/i.test(error.message);

/** What `fetch` and a broken body throw: `fetch failed`, `terminated`, or an error with a socket's code. */
function isTransportError(error: Error): boolean {
  if (error instanceof TypeError) return /fetch failed|terminated|network|socket|body|load failed/i.test(error.message);
  const code = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^(E[A-Z_]+|UND_ERR_\w+)$/.test(code);
}

/** Whether the server sent this error inside a stream, rather than the connection failing. */
export function isErrorEvent(error: unknown): boolean {
  return error instanceof InvalidAnswerError || (isApiError(error) && !is(error, 'APIConnectionError'));
}

/** A 200 without a usable answer. */
export function invalidAnswer(what: string, cause?: Error): InvalidAnswerError {
  return new InvalidAnswerError(`The upstream answered, but ${what}.`, cause);
}

/** The error of an attempt that was ended because another one answered first. No caller sees it. */
export class LostError extends APIConnectionError {
  constructor() {
    // Without a stack: its frames would retain the answer of the winner, which creates this error.
    const restore = withoutStacks();
    super({ message: 'Another deployment has answered first.' });
    restore();
  }
}

/** The SDK's error for a call that its caller aborted. */
export function abortError(reason: unknown): Error {
  const error = new APIUserAbortError();
  if (reason !== undefined)
    Object.defineProperty(error, 'cause', { value: reason, writable: true, configurable: true });
  return error;
}

/** The SDK's error for an attempt that took too long. */
export function timeoutError(timeoutMs: number): Error {
  return new APIConnectionTimeoutError({ message: `Request timed out after ${timeoutMs} ms.` });
}

/** Copies an error for another call: each call's error has its own stack and record. */
export function copyError(error: Error): Error {
  if (!isApiError(error) || error.status === undefined) return error;
  const text = error.error === undefined ? error.message.replace(/^\d+ /, '') : undefined;
  // Nothing is shared: if one caller changes its error, no other caller sees that.
  const headers = error.headers === undefined ? undefined : new Headers(error.headers);
  return APIError.generate(error.status, { error: jsonCopy(error.error) }, text, headers);
}

/** The error of a call that was not sent because an earlier answer requested a pause. It contains no upstream text. */
export function pausedError(
  deployment: string,
  { status, code }: { status: number; code: string | null },
  leftMs: number,
): Error {
  const seconds = Math.max(1, Math.ceil(leftMs / 1000));
  const message = `${deployment} requested a pause, which lasts another ${seconds} s; nothing was sent.`;
  const headers = new Headers({ 'retry-after': String(seconds) });
  return APIError.generate(
    status,
    { error: { message, type: 'model_router_error', code, param: null } },
    undefined,
    headers,
  );
}

/** Returns the application's own errors unchanged. Anything else that was thrown becomes an Error. */
function toError(thrown: unknown): Error {
  if (thrown instanceof Error) return thrown;
  return new APIConnectionError({ message: `The upstream's client threw ${typeof thrown}, not an Error.` });
}

export function statusOf(error: unknown): number | null {
  return isApiError(error) && typeof error.status === 'number' ? error.status : null;
}

/** The error's code, from the provider or the router. */
export function codeOf(error: unknown): string | null {
  return isRecord(error) && typeof error.code === 'string' && /^[\w.-]{1,64}$/.test(error.code) ? error.code : null;
}

export const isAbort = (error: unknown) => is(error, 'APIUserAbortError');
export const isTimeout = (error: unknown) => is(error, 'APIConnectionTimeoutError');

/** The body, status and headers of an upstream's error, to pass on unchanged. */
export function upstreamBody(error: unknown): { status: number; headers: Headers; body: object } | undefined {
  if (!isApiError(error) || typeof error.status !== 'number' || error.headers === undefined) return undefined;
  const { status, headers } = error;
  return { status, headers, body: { error: error.error ?? { message: error.message } } };
}

/**
 * The code of a failed connection: `ECONNREFUSED`, `ENOTFOUND`, `CERT_HAS_EXPIRED`, however deep the SDK and fetch have
 * wrapped it.
 */
export function codeOfCause(error: Error): string | null {
  let cause: unknown = error.cause;
  for (let depth = 0; depth < 4 && cause instanceof Error; depth++) {
    const code = codeOf(cause);
    if (code !== null) return code;
    cause = cause instanceof AggregateError ? cause.errors[0] : cause.cause;
  }
  return null;
}

/** Codes of connections that fail before any part of the request is sent. */
const NEVER_SENT =
  /^(ECONNREFUSED|ENOTFOUND|EAI_\w+|EHOSTUNREACH|ENETUNREACH|UND_ERR_CONNECT_TIMEOUT|CERT_\w+|ERR_TLS_\w+|ERR_SSL_\w+|\w*(SELF_SIGNED|UNABLE_TO_VERIFY)\w*)$/;

/** The connection was not established in time. The SDK reports it like a late answer. */
const isNeverSent = (error: Error) => NEVER_SENT.test(codeOfCause(error) ?? '');

/** Whether the server may have seen the request that failed with this error. */
export function wasSent(error: Error): boolean {
  return !isNeverSent(error);
}

/**
 * Describes an error for records, logs and events: its kind, never the upstream's own text, which may quote a prompt.
 */
export function describe(error: unknown): string {
  if (error instanceof InvalidAnswerError || error instanceof InvalidOptionError || error instanceof LostError)
    return error.message;
  if (!(error instanceof Error)) return typeof error;
  return [errorName(error), statusOf(error) ?? '', codeOf(error) ?? codeOfCause(error) ?? '']
    .filter((part) => part !== '')
    .join(' ');
}
