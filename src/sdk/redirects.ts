import { APIError, APIPromise, type OpenAI } from 'openai';
import { isAsyncIterable, isRecord } from '../util/is-record.js';
import { fetchOf, optionsOf, propsOf, type RequestOptions, type ResponseProps } from './internals.js';
import { isApiError } from './sdk-errors.js';

/** The limit of `fetch` itself. */
const MAX_REDIRECTS = 20;
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

export interface Followed {
  readonly promise: APIPromise<unknown>;
  readonly props: ResponseProps;
}

/**
 * Sends a request and follows its redirects: within the origin as a plain client does. To another origin `fetch` would
 * forward everything except `Authorization` and `Cookie`: `api-key`, a deployment's headers, the prompt. So a request
 * with a body or a routed one is not redirected there, and a plain GET (a file's content) loses the client's and the
 * call's headers. In browsers, which hide redirects, `fetch` follows them.
 */
export async function sendFollowing(
  client: OpenAI,
  options: RequestOptions,
  isRouted: boolean,
  send: (options: RequestOptions) => APIPromise<unknown>,
): Promise<Followed> {
  if (!canRead(client, options)) {
    const promise = send(options);
    return { promise, props: await propsOf(promise) };
  }
  let current: RequestOptions = { ...options, fetchOptions: { ...options.fetchOptions, redirect: 'manual' } };
  let from: URL | undefined;
  for (let hops = 0; ; hops++) {
    try {
      const promise = send(current);
      const props = await propsOf(promise);
      // Pages pass on the options that they were fetched with.
      restore(props.options, options.fetchOptions);
      return { promise, props };
    } catch (error) {
      if (!isRedirect(error)) throw error;
      from ??= urlOf(client, current);
      const location = locationOf(error, from);
      if (location === undefined || from === undefined) throw error;
      if (hops >= MAX_REDIRECTS) throw refusal('The upstream redirects without end.');
      if (location.origin === from.origin) current = redirected(current, location, error.status);
      else if (isRouted || current.method !== 'get' || current.body != null)
        throw refusal('The upstream redirects to another origin, which a request with a body is not sent to.');
      else return elsewhere(client, current, location);
      from = location;
    }
  }
}

function restore(options: RequestOptions, given: RequestOptions['fetchOptions']): void {
  if (given === undefined) delete options.fetchOptions;
  else options.fetchOptions = given;
}

/** Whether a redirect can be read here, and the application has not set its own redirect option. */
function canRead(client: OpenAI, { fetchOptions, body }: RequestOptions): boolean {
  if (Reflect.get(optionsOf(client), 'x509Transport') != null) return false;
  const isConfigured = setsRedirect(client.fetchOptions) || setsRedirect(fetchOptions);
  // A one-time body cannot be sent again, for which `fetch` has its own error.
  return !isConfigured && !isAsyncIterable(body) && !isBrowser();
}

const setsRedirect = (options: unknown) => isRecord(options) && options.redirect !== undefined;

function isBrowser(): boolean {
  const scope: object = globalThis;
  if ('document' in scope && scope.document !== undefined) return true;
  // Checked before the navigator, which Node creates at each access.
  if (!('importScripts' in scope) || typeof scope.importScripts !== 'function') return false;
  const { userAgent }: { userAgent?: unknown } = Reflect.get(globalThis, 'navigator') ?? {};
  return userAgent !== 'Cloudflare-Workers';
}

function urlOf(client: OpenAI, { path = '', query, defaultBaseURL }: RequestOptions): URL | undefined {
  try {
    return new URL(client.buildURL(path, isRecord(query) ? query : undefined, defaultBaseURL));
  } catch {
    // The request itself fails with the reason.
    return undefined;
  }
}

function isRedirect(error: unknown): error is APIError {
  return isApiError(error) && REDIRECTS.has(Number(error.status));
}

function locationOf({ headers }: APIError, from: URL | undefined): URL | undefined {
  const location = headers instanceof Headers ? headers.get('location') : null;
  if (location === null || !URL.canParse(location, from?.href)) return undefined;
  const url = new URL(location, from);
  return /^https?:$/.test(url.protocol) ? url : undefined;
}

/** Follows the Fetch standard: 303, and 301 or 302 after POST, become GET. The new request has no query of its own. */
function redirected(
  { query: _, ...options }: RequestOptions,
  location: URL,
  status: number | undefined,
): RequestOptions {
  const next: RequestOptions = { ...options, path: location.href };
  const becomesGet = status === 303 || (options.method === 'post' && (status === 301 || status === 302));
  if (!becomesGet || options.method === 'get') return next;
  const { body: _body, ...rest } = next;
  return { ...rest, method: 'get' };
}

async function elsewhere(client: OpenAI, options: RequestOptions, url: URL): Promise<Followed> {
  const controller = new AbortController();
  const { signal } = options;
  const abort = () => controller.abort(signal?.reason);
  if (signal?.aborted) abort();
  signal?.addEventListener('abort', abort, { once: true });
  const timer = setTimeout(() => controller.abort(), options.timeout ?? client.timeout);
  try {
    const fetch = fetchOf(client);
    const response = await fetch(url.href, { method: 'GET', signal: controller.signal, redirect: 'follow' });
    if (!response.ok)
      throw APIError.generate(response.status, undefined, (await response.text()).slice(0, 1000), new Headers());
    const ids = { requestLogID: 'redirected', retryOfRequestLogID: undefined, startTime: Date.now() };
    const props: ResponseProps = { response, options, controller, ...ids };
    return { promise: new APIPromise(client, Promise.resolve(props)), props };
  } finally {
    clearTimeout(timer);
  }
}

/** Classified as a server error that must not be retried there. */
function refusal(message: string): Error {
  const error = { message, code: 'redirect_refused', type: 'model_router_error', param: null };
  return APIError.generate(502, { error }, undefined, new Headers({ 'x-should-retry': 'false' }));
}
