import type { OpenAI } from 'openai';
import { describe, isAbort, isTimeout, statusOf, upstreamBody } from './classify.js';
import {
  DeadlineExceededError,
  InvalidOptionError,
  NoDeploymentAvailableError,
  SpendBudgetExceededError,
  TokenBudgetExceededError,
} from './errors.js';
import { protocolOf } from './request/read-call.js';
import type { RequestOptions } from './sdk/request-headers.js';
import { routerHeaders } from './sdk/routed-promise.js';
import { encodeEvents } from './sdk/server-sent-events.js';
import { callRecord } from './telemetry/call-record.js';
import { isRecord } from './util/is-record.js';

/** The caller's own credentials stay here; what describes the bytes of one hop is not for the next. */
const DROPPED = new Set([
  'authorization',
  'api-key',
  'x-api-key',
  'proxy-authorization',
  'cookie',
  'openai-organization',
  'openai-project',
  'host',
  'connection',
  'content-length',
  'accept-encoding',
  'user-agent',
]);
const NOT_PASSED_BACK = ['content-length', 'content-encoding', 'transfer-encoding', 'connection', 'set-cookie'];
const METHODS = { GET: 'get', POST: 'post', PUT: 'put', PATCH: 'patch', DELETE: 'delete' } as const;

/** The router as a `fetch`: reads a request, has it answered as any other call, and writes the answer out. */
export function asFetch(router: OpenAI, baseURL: string): typeof fetch {
  const base = readBase(baseURL);
  return async function routedFetch(input, init) {
    const request = new Request(input, init);
    // Not the request's own: that one follows the caller's only as long as the request is held.
    const signal = init?.signal ?? (input instanceof Request ? input.signal : undefined);
    try {
      const options = await readRequest(request, base, signal);
      if (options instanceof Response) return options;
      return await answer(router, options);
    } catch (error) {
      if (signal?.aborted) throw signal.reason;
      return withRouterHeaders(errorResponse(error), error);
    }
  };
}

function readBase(baseURL: string): URL {
  const base = URL.canParse(baseURL) ? new URL(baseURL) : undefined;
  if (base === undefined)
    throw new InvalidOptionError('baseURL', `${JSON.stringify(baseURL)} is not allowed; give an absolute URL.`);
  return base;
}

async function readRequest(
  request: Request,
  base: URL,
  signal: AbortSignal | undefined,
): Promise<RequestOptions | Response> {
  const url = new URL(request.url);
  const prefix = base.pathname.replace(/\/$/, '');
  if (url.origin !== base.origin || !url.pathname.startsWith(`${prefix}/`)) {
    return ownError(400, 'invalid_url', `This fetch answers only below ${base.href}.`);
  }
  const method = Object.entries(METHODS).find(([name]) => name === request.method)?.[1];
  if (method === undefined) return ownError(400, 'invalid_method', `${request.method} is not supported.`);
  const type = request.headers.get('content-type') ?? '';
  const body = await readBody(request, type);
  if (body instanceof Response) return body;
  const options: RequestOptions = {
    method,
    path: url.pathname.slice(prefix.length),
    query: readQuery(url.searchParams),
    headers: headersOf(request, body),
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

async function readBody(request: Request, type: string): Promise<unknown> {
  if (request.body === null) return undefined;
  if (type.startsWith('multipart/form-data'))
    return request.formData().catch(() => ownError(400, 'invalid_form', 'The body is not a valid form.'));
  // Some callers leave the type out: what reads as JSON is JSON.
  if (!/json|^$|^text\/plain/.test(type)) return request.arrayBuffer();
  try {
    const body: unknown = await request.json();
    return body;
  } catch (error) {
    if (request.signal.aborted) throw error;
    return ownError(400, 'invalid_json', 'The body is not valid JSON.');
  }
}

function headersOf({ headers }: Request, body: unknown): Record<string, string> {
  // The SDK writes JSON and form data itself, with their types; other bytes keep theirs.
  const typed = body instanceof ArrayBuffer;
  return Object.fromEntries([...headers].filter(([name]) => !DROPPED.has(name) && (typed || name !== 'content-type')));
}

async function answer(router: OpenAI, options: RequestOptions): Promise<Response> {
  const protocol = protocolOf(options);
  if (protocol === undefined) return router.request<unknown>(options).asResponse();
  const { data, response } = await router.request<unknown>(options).withResponse();
  const headers = passedBack(response.headers);
  const { status } = response;
  if (data instanceof Response) return new Response(data.body, { status, headers });
  if (isIterable(data)) return new Response(encodeEvents(data, protocol, options.signal), { status, headers });
  if (typeof data === 'string') return new Response(data, { status, headers });
  headers.set('content-type', 'application/json');
  return new Response(JSON.stringify(data), { status, headers });
}

function passedBack(from: Headers): Headers {
  const headers = new Headers(from);
  for (const name of NOT_PASSED_BACK) headers.delete(name);
  return headers;
}

function isIterable(data: unknown): data is AsyncIterable<unknown> {
  return typeof data === 'object' && data !== null && Symbol.asyncIterator in data;
}

/** Which deployments were asked is told of an error, too. */
function withRouterHeaders(response: Response, error: unknown): Response {
  const record = callRecord(error);
  for (const [name, value] of record === undefined ? [] : Object.entries(routerHeaders(record))) {
    response.headers.set(name, encodeURI(value));
  }
  return response;
}

/** An upstream's error stays the response it was; the router's own are JSON that says not to retry. */
function errorResponse(error: unknown): Response {
  if (isAbort(error)) throw error;
  const upstream = upstreamBody(error);
  if (upstream !== undefined)
    return Response.json(upstream.body, { status: upstream.status, headers: jsonHeaders(upstream.headers) });
  if (error instanceof DeadlineExceededError) return ownError(504, error.code, error.message);
  if (error instanceof NoDeploymentAvailableError) return ownError(503, error.code, error.message);
  if (error instanceof SpendBudgetExceededError) return ownError(402, error.code, error.message);
  if (error instanceof TokenBudgetExceededError) return ownError(413, error.code, error.message);
  if (error instanceof InvalidOptionError) return ownError(400, error.code, error.message);
  if (isTimeout(error)) return ownError(504, 'upstream_timeout', 'No upstream answered in time.');
  return ownError(statusOf(error) ?? 503, 'upstream_unreachable', `No upstream answered: ${describe(error)}.`);
}

function jsonHeaders(from: Headers): Headers {
  const headers = passedBack(from);
  headers.delete('content-type');
  return headers;
}

function ownError(status: number, code: string, message: string): Response {
  const body = { error: { message, type: 'model_router_error', code, param: null } };
  return Response.json(body, { status, headers: { 'x-should-retry': 'false' } });
}
