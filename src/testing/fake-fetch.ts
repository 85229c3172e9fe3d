import { checkFake } from './check-fake.js';
import { type FakeControls, withControls } from './fake-controls.js';
import type { FakeOptions } from './fake-options.js';
import { FetchSink } from './fetch-sink.js';
import { isObject } from './json.js';
import { readBody, readText } from './received-body.js';
import { type Choose, RunningScript, type Script } from './script.js';
import { Upstream } from './upstream.js';

/** Options of `fakeFetch`. */
export interface FakeFetchOptions extends FakeOptions {
  /** Continue after a caller's abort, like a broken transport; a behaviour can set it, too. @default false */
  readonly ignoreAbort?: boolean;
}

/** A `fetch` without a socket, and its controls for a test. */
export type FakeFetch = Fetch & FakeControls;

type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * A fake provider without a socket: `new OpenAI({ fetch: fakeFetch(answer()) })`. It takes one script for all requests,
 * or the options of `startFakeProvider`. Its waits follow fake timers. It handles abort signals like `fetch`: it
 * rejects with the signal's reason, and during the body, the body rejects.
 */
export function fakeFetch(script: Script, options?: FakeFetchOptions): FakeFetch;
export function fakeFetch(options: FakeFetchOptions): FakeFetch;
export function fakeFetch(what: Script | FakeFetchOptions, more: FakeFetchOptions = {}): FakeFetch {
  if (!isScript(what) && !isObject(what)) {
    throw new TypeError(`fakeFetch needs a script, or options such as { models }, got ${JSON.stringify(what)}`);
  }
  checkFake('fakeFetch', isScript(what) ? more : what, ['ignoreAbort']);
  const options = isScript(what) ? { ...forEverything(what), ...more } : what;
  const upstream = new Upstream(options);
  let isClosed = false;

  const fetch: Fetch = async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input);
    // The SDK calls a custom fetch with `data:,` before its first upload.
    if (url.protocol === 'data:') return new Response(decodeURIComponent(url.pathname.replace(/^[^,]*,/, '')));
    const call = input instanceof Request ? { ...initOf(input), ...init } : init;
    const signal = call.signal ?? undefined;
    const headers = headersOf(call);
    if (signal?.aborted && !options.ignoreAbort) return Promise.reject(signal.reason);
    const body = call.body ?? undefined;
    const type = headers['content-type'];
    // Text is read without an `await`, because most calls of a drill do not need one.
    const received = body === undefined || typeof body === 'string' ? readText(body, type) : await readBody(body, type);
    if (signal?.aborted && !options.ignoreAbort) return Promise.reject(signal.reason);
    if (isClosed) throw new TypeError('fetch failed', { cause: refusal(url) });
    const exchange = upstream.receive({ ...received, method: (call.method ?? 'GET').toUpperCase(), url, headers });
    const ignoreAbort = exchange.ignoreAbort ?? options.ignoreAbort ?? false;
    return new Promise((resolve, reject) => {
      const sink = new FetchSink({ url: url.href, resolve, reject, signal: ignoreAbort ? undefined : signal });
      sink.play(upstream.play(exchange, sink));
    });
  };

  return withControls(fetch, upstream, async () => {
    isClosed = true;
    upstream.close();
  });
}

function isScript(what: Script | FakeFetchOptions): what is Script {
  return typeof what === 'function' || Array.isArray(what) || (isObject(what) && typeof what.type === 'string');
}

/** One script that counts all requests, whatever model they name. */
function forEverything(script: Script): FakeFetchOptions {
  const running = new RunningScript(script);
  const next: Choose = (request) => running.next(request);
  return { unknownModels: next, withoutModel: next };
}

function initOf(request: Request): RequestInit {
  const { method, headers, body, signal } = request;
  return { method, headers, body, signal };
}

function headersOf({ headers, body }: RequestInit): Record<string, string> {
  const result: Record<string, string> = {};
  for (const [name, value] of headers instanceof Headers ? headers : new Headers(headers)) result[name] = value;
  if (result['content-type'] === undefined) {
    if (typeof body === 'string') result['content-type'] = 'text/plain;charset=UTF-8';
    else if (body instanceof FormData) result['content-type'] = 'multipart/form-data';
  }
  return result;
}

function refusal(url: URL): Error {
  return Object.assign(new Error(`connect ECONNREFUSED ${url.host}`), { code: 'ECONNREFUSED', syscall: 'connect' });
}
