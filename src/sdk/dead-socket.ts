import { statusOf } from '../classify.js';

/** Error codes of a connection that the other side has closed. */
const RESET = new Set([
  'ECONNRESET',
  'EPIPE',
  'UND_ERR_SOCKET',
  'ERR_HTTP2_GOAWAY_SESSION',
  'ERR_HTTP2_INVALID_SESSION',
  'ERR_HTTP2_SESSION_ERROR',
]);
/** HTTP/2: the server ends the connection in order, or has not begun the request. The codes alone have more meanings. */
const NOT_BEGUN = /^(UND_ERR_INFO .*"GOAWAY" frame|ERR_HTTP2_STREAM_ERROR .*NGHTTP2_REFUSED_STREAM)/s;
/** A server that crashes during its work takes longer than this. */
const MAX_AGE_MS = 1000;
/** How deep the SDK and `fetch` wrap a socket's error. */
const MAX_DEPTH = 5;

/** Whether a request failed before any byte of its answer because its pooled connection was already dead. */
export function isDeadSocket(error: unknown, sentAt: number): boolean {
  // An answer may name such a code, too: that of the server's own connection.
  if (performance.now() - sentAt > MAX_AGE_MS || statusOf(error) !== null) return false;
  let cause = error;
  for (let depth = 0; depth < MAX_DEPTH && cause instanceof Error; depth++) {
    const code = 'code' in cause ? cause.code : undefined;
    if (typeof code === 'string' && (RESET.has(code) || NOT_BEGUN.test(`${code} ${cause.message}`))) return true;
    cause = cause.cause;
  }
  return false;
}

/** The origins that have answered a router before. At any other origin, a reset may be the server's answer. */
export class AnsweredOrigins {
  /** By base URL, because clients have few of them. */
  readonly #baseURLs = new Set<string>();

  add(baseURL: string): void {
    this.#baseURLs.add(baseURL);
  }

  has(baseURL: string): boolean {
    const origin = originOf(baseURL);
    return origin !== undefined && [...this.#baseURLs].some((each) => originOf(each) === origin);
  }
}

function originOf(url: string): string | undefined {
  return URL.canParse(url) ? new URL(url).origin : undefined;
}
