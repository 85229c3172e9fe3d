/** Error codes of a connection that the other side has closed. */
const RESET = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
/** A server that crashes during its work takes longer than this. */
const MAX_AGE_MS = 1000;
/** How deep the SDK and `fetch` wrap a socket's error. */
const MAX_DEPTH = 5;

/** Whether a request failed before any byte of its answer because its pooled connection was already dead. */
export function isDeadSocket(error: unknown, sentAt: number): boolean {
  if (performance.now() - sentAt > MAX_AGE_MS) return false;
  let cause = error;
  for (let depth = 0; depth < MAX_DEPTH && cause instanceof Error; depth++) {
    if ('code' in cause && typeof cause.code === 'string' && RESET.has(cause.code)) return true;
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
