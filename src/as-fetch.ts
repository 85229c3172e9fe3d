import type { OpenAI } from 'openai';
import { describe, isAbort, isTimeout, statusOf, upstreamBody } from './classify.js';
import {
  CapacityExceededError,
  DeadlineExceededError,
  InvalidAnswerError,
  InvalidOptionError,
  NoDeploymentAvailableError,
  SpendBudgetExceededError,
  TokenBudgetExceededError,
} from './errors.js';
import { endpointOf, normalizedPath, takesForm } from './request/endpoints.js';
import { checkForwardHeaders, HOP_BY_HOP, headerFilter } from './request/incoming-headers.js';
import { protocolOf } from './request/read-call.js';
import type { RequestOptions } from './sdk/request-headers.js';
import { routerHeaders } from './sdk/routed-promise.js';
import { encodeEvents } from './sdk/server-sent-events.js';
import { callRecord } from './telemetry/call-record.js';
import { checkKeys, checkSecretRecord, checkStrings, invalidOption } from './util/check.js';
import { isAsyncIterable, isRecord } from './util/is-record.js';
import { jsonText } from './util/json-text.js';
import { jsonResponse, sendableStatusText } from './util/sendable.js';
import { shown } from './util/shown.js';

/** Cookies, too, belong to the connection between upstream and router. */
const NOT_PASSED_BACK = [...HOP_BY_HOP, 'set-cookie', 'set-cookie2'];
const METHODS = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete' } as const;
/** Routed endpoints accept POST only, so none of these methods may reach one through pass-through. */
const WRITES: ReadonlySet<string> = new Set(['POST', 'PUT', 'PATCH']);

/** Options of `router.asFetch()`. */
export interface AsFetchOptions {
  /** URLs outside it are refused. @default 'https://api.openai.com/v1' */
  baseURL?: string | undefined;
  /**
   * Which requests that are not routed (lists, files, batches) reach the default client: all, those with GET only, or a
   * list of methods and paths, in which `*` stands for one segment. Nothing that passes is limited or booked, so an
   * endpoint that tenants can reach needs `'reads'` or a list. @default 'all'
   * @example ['GET /models', 'GET /models/*']
   */
  passThrough?: 'all' | 'reads' | readonly string[] | undefined;
  /**
   * Names of further request headers to send on. By default these are `accept`, `content-type`, `user-agent`, `openai-*`
   * (except credentials), `x-request-priority`, `idempotency-key` and tracing headers. @default []
   */
  forwardHeaders?: readonly string[] | undefined;
}

/** The parts of a router that `asFetch` uses. */
export interface AsFetchRouter {
  readonly client: OpenAI;
  readonly warn: (line: string) => void;
}

interface Settings {
  readonly base: URL;
  readonly passes: (method: string, path: string) => boolean;
  readonly headersOf: (headers: Headers) => [string, string][];
}

/**
 * Returns the router as a `fetch`: it reads a request, sends it like any other call, and writes the answer as a
 * `Response`.
 */
export function asFetch({ client, warn }: AsFetchRouter, options: AsFetchOptions): typeof fetch {
  const settings = readOptions(options, warn);
  return async function routedFetch(input, init) {
    const request = new Request(input, init);
    // Not the request's own signal: that one follows the caller's only as long as the request is in memory.
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    try {
      const options = await readRequest(request, settings, signal);
      if (options instanceof Response) return options;
      return await answer(client, options);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      return withAttemptHeaders(errorResponse(error), error);
    }
  };
}

function readOptions(options: AsFetchOptions, warn: AsFetchRouter['warn']): Settings {
  checkSecretRecord('asFetch', options, 'an object such as { baseURL }');
  checkKeys('asFetch', options, ['baseURL', 'passThrough', 'forwardHeaders']);
  const { baseURL = 'https://api.openai.com/v1', passThrough = 'all', forwardHeaders = [] } = options;
  const forward = checkForwardHeaders(forwardHeaders);
  return {
    base: readBase(baseURL),
    passes: readPassThrough(passThrough),
    headersOf: headerFilter(forward, (name) =>
      warn(
        `asFetch() does not send on the header ${shown(name)}; name it in asFetch({ forwardHeaders }) if it should.`,
      ),
    ),
  };
}

function readBase(baseURL: unknown): URL {
  if (typeof baseURL === 'string' && URL.canParse(baseURL)) return new URL(baseURL);
  return invalidOption('baseURL', baseURL, 'an absolute URL');
}

function readPassThrough(given: unknown): Settings['passes'] {
  if (given === 'all') return () => true;
  if (given === 'reads') return (method) => method === 'GET';
  const what = "'all', 'reads', or an array such as ['GET /models', 'GET /models/*']";
  const entries = checkStrings('passThrough', given, what).map((entry, i) => {
    const [method = '', path = ''] = entry.split(' ');
    if (!Object.hasOwn(METHODS, method) || !path.startsWith('/') || entry !== `${method} ${path}`)
      invalidOption(`passThrough[${i}]`, entry, "a method and a path, such as 'GET /models'");
    return { method, segments: segmentsOf(normalizedPath(path) ?? '') };
  });
  return (method, path) => {
    const segments = segmentsOf(path);
    return entries.some(
      (entry) =>
        entry.method === method &&
        entry.segments.length === segments.length &&
        entry.segments.every((each, i) => each === '*' || each === segments[i]),
    );
  };
}

const segmentsOf = (path: string) => path.split('/').slice(1);

async function readRequest(
  request: Request,
  { base, passes, headersOf }: Settings,
  signal: AbortSignal | undefined,
): Promise<RequestOptions | Response> {
  const { method } = request;
  const url = new URL(request.url);
  const prefix = base.pathname.replace(/\/$/, '');
  const path = url.pathname.slice(prefix.length);
  const normalized = normalizedPath(path);
  if (url.origin !== base.origin || !url.pathname.startsWith(`${prefix}/`) || normalized === undefined) {
    return ownError(400, 'invalid_url', `This fetch answers only below ${base.origin}${base.pathname}.`);
  }
  const known = Object.entries(METHODS).find(([name]) => name === method)?.[1];
  if (known === undefined) return ownError(400, 'invalid_method', `${shown(method)} is not supported.`);
  const endpoint = WRITES.has(method) ? endpointOf(normalized) : undefined;
  if (endpoint !== undefined && known !== 'post')
    return ownError(400, 'invalid_method', `${endpoint} takes POST, not ${method}.`);
  if (endpoint === undefined && !passes(method, normalized))
    return ownError(400, 'not_allowed', `${method} ${shown(normalized)} is not allowed here.`);
  const body = await (endpoint === undefined ? readAnyBody(request) : readRoutedBody(request, endpoint));
  if (body instanceof Response) return body;
  // The SDK writes JSON and form data itself, with their content types. Other bytes keep the caller's type.
  const isTyped = body instanceof ArrayBuffer;
  const options: RequestOptions = {
    method: known,
    path: endpoint ?? path,
    query: readQuery(url.searchParams),
    headers: headersOf(request.headers).filter(([name]) => isTyped || name !== 'content-type'),
    ...(signal && { signal }),
    __security: { bearerAuth: true },
    ...(body !== undefined && { body }),
    ...(wantsStream(body) && { stream: true }),
  };
  return protocolOf(options) === 'binary' ? { ...options, __binaryResponse: true } : options;
}

function wantsStream(body: unknown): boolean {
  return body instanceof FormData ? body.get('stream') === 'true' : isRecord(body) && body.stream === true;
}

/** Names that come twice are arrays, which the SDK writes as `name[]`. */
function readQuery(params: URLSearchParams): Record<string, string | string[]> {
  const query = new Map<string, string | string[]>();
  for (const name of params.keys()) {
    const values = params.getAll(name);
    const isArray = name.endsWith('[]');
    const [first = ''] = values;
    query.set(isArray ? name.slice(0, -2) : name, isArray || values.length > 1 ? values : first);
  }
  return Object.fromEntries(query);
}

/** Reads the body of a routed endpoint, whatever its content type: an object or a form. Anything else is refused. */
async function readRoutedBody(request: Request, endpoint: string): Promise<unknown> {
  const type = typeOf(request);
  if (type === 'multipart/form-data' || type === 'application/x-www-form-urlencoded') {
    if (!takesForm(endpoint)) return ownError(400, 'invalid_json', `${endpoint} takes JSON, not a form.`);
    const form = await readForm(request);
    return form instanceof Response
      ? form
      : (refusedForm(form) ?? refusedStream(form.get('stream'), FORM_STREAM) ?? form);
  }
  const body = await readJson(request);
  if (body instanceof Response) return body;
  if (!isRecord(body) || Array.isArray(body)) return ownError(400, 'invalid_json', 'The body is not a JSON object.');
  return refusedStream(body.stream, STREAM) ?? body;
}

const STREAM: ReadonlySet<unknown> = new Set([undefined, null, true, false]);
const FORM_STREAM: ReadonlySet<unknown> = new Set([null, '', 'true', 'false']);

/** Servers differ in which of two values for one field they use, so only lists (`name[]`) and files may repeat. */
function refusedForm(form: FormData): Response | undefined {
  const seen = new Set<string>();
  for (const [name, value] of form) {
    if (typeof value !== 'string' || name.endsWith('[]')) continue;
    if (seen.has(name)) return ownError(400, 'invalid_form', `The form has two values for ${shown(name)}.`);
    seen.add(name);
  }
  return undefined;
}

/** Servers differ in whether `"true"` or 1 means true, so the answer might not be what the router expects. */
function refusedStream(stream: unknown, allowed: ReadonlySet<unknown>): Response | undefined {
  return allowed.has(stream) ? undefined : ownError(400, 'invalid_stream', 'stream must be true or false.');
}

async function readAnyBody(request: Request): Promise<unknown> {
  if (request.body === null) return undefined;
  const type = typeOf(request);
  if (type === 'multipart/form-data') return readForm(request);
  // Some callers omit the type: a body that parses as JSON is JSON.
  return /json|^$|^text\/plain$/.test(type) ? readJson(request) : request.arrayBuffer();
}

/** The media type without its parameters. */
function typeOf({ headers }: Request): string {
  const [type = ''] = (headers.get('content-type') ?? '').split(';', 1);
  return type.trim().toLowerCase();
}

async function readForm(request: Request): Promise<FormData | Response> {
  try {
    return await request.formData();
  } catch (error) {
    if (request.signal.aborted) throw error;
    return ownError(400, 'invalid_form', 'The body is not a valid form.');
  }
}

async function readJson(request: Request): Promise<unknown> {
  try {
    const body: unknown = await request.json();
    return body;
  } catch (error) {
    if (request.signal.aborted) throw error;
    return ownError(400, 'invalid_json', 'The body is not valid JSON.');
  }
}

async function answer(router: OpenAI, options: RequestOptions): Promise<Response> {
  const protocol = protocolOf(options);
  if (protocol === undefined) {
    const response = await router.request<unknown>(options).asResponse();
    const headers = withoutForgedHeaders(passedBack(response.headers));
    return new Response(response.body, { status: response.status, statusText: sendableStatusText(response), headers });
  }
  const { data, response } = await router.request<unknown>(options).withResponse();
  const headers = passedBack(response.headers);
  const { status } = response;
  if (data instanceof Response) return new Response(data.body, { status, headers });
  if (isAsyncIterable(data)) return new Response(encodeEvents(data, protocol, options.signal), { status, headers });
  if (typeof data === 'string' && !/json/i.test(headers.get('content-type') ?? ''))
    return new Response(data, { status, headers });
  headers.set('content-type', 'application/json');
  return new Response(jsonText(data), { status, headers });
}

function passedBack(from: Headers): Headers {
  const headers = new Headers(from);
  for (const name of NOT_PASSED_BACK) headers.delete(name);
  return headers;
}

/** Removes the router's own header names from an upstream's answer, so that an upstream cannot forge them. */
function withoutForgedHeaders(headers: Headers): Headers {
  for (const name of [...headers.keys()]) if (name.startsWith('x-router-')) headers.delete(name);
  return headers;
}

/** Errors report their attempts in headers, too. */
function withAttemptHeaders(response: Response, error: unknown): Response {
  const record = callRecord(error);
  for (const [name, value] of record === undefined ? [] : Object.entries(routerHeaders(record))) {
    response.headers.set(name, encodeURI(value));
  }
  return response;
}

/** Returns an upstream's error unchanged. The router's own errors are JSON that is not to be retried. */
function errorResponse(error: unknown): Response {
  if (isAbort(error)) throw error;
  // An SDK error with a status, but not an upstream's.
  if (error instanceof CapacityExceededError) return ownError(503, error.code, error.message);
  const upstream = upstreamBody(error);
  if (upstream !== undefined) return jsonResponse(upstream.body, upstream.status, jsonHeaders(upstream.headers));
  if (error instanceof DeadlineExceededError) return ownError(504, error.code, error.message);
  if (error instanceof InvalidAnswerError) return ownError(502, error.code, error.message);
  if (error instanceof NoDeploymentAvailableError) return ownError(503, error.code, error.message);
  if (error instanceof SpendBudgetExceededError) return ownError(402, error.code, error.message);
  if (error instanceof TokenBudgetExceededError) return ownError(413, error.code, error.message);
  if (error instanceof InvalidOptionError) return ownError(400, error.code, error.message);
  const last = callRecord(error)?.attempts.at(-1);
  if (last?.outcome === 'caller-error')
    return ownError(400, 'invalid_request', `No request could be made: ${describe(error)}.`);
  if (isTimeout(error)) return ownError(504, 'upstream_timeout', 'No upstream answered in time.');
  return ownError(statusOf(error) ?? 503, 'upstream_unreachable', `No upstream answered: ${describe(error)}.`);
}

function jsonHeaders(from: Headers): Headers {
  const headers = withoutForgedHeaders(passedBack(from));
  headers.delete('content-type');
  return headers;
}

function ownError(status: number, code: string, message: string): Response {
  const body = { error: { message, type: 'model_router_error', code, param: null } };
  return jsonResponse(body, status, { 'x-should-retry': 'false' });
}
