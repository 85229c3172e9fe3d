/** What a connection ends with that the other side has given up. */
const RESET = new Set(['ECONNRESET', 'EPIPE', 'UND_ERR_SOCKET']);
/** A server that crashes while it works takes longer. */
const MAX_AGE_MS = 1000;
/** As deep as the SDK and `fetch` wrap the error of a socket. */
const MAX_DEPTH = 5;

/** Whether a request that failed before any byte of its answer met a pooled connection that was dead already. */
export function isDeadSocket(error: unknown, sentAt: number): boolean {
  if (performance.now() - sentAt > MAX_AGE_MS) return false;
  let cause = error;
  for (let depth = 0; depth < MAX_DEPTH && cause instanceof Error; depth++) {
    if ('code' in cause && typeof cause.code === 'string' && RESET.has(cause.code)) return true;
    cause = cause.cause;
  }
  return false;
}

/** The origins that have answered a router before: of others, a reset may well be the answer. */
export class AnsweredOrigins {
  /** By base URL, as clients have few of them. */
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
