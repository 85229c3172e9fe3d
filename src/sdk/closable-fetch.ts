import { limitErrorBody } from './error-body.js';
import { noteAttempt } from './error-facts.js';

/** The application's or the platform's `fetch`, as the SDK calls it. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/**
 * The reason of each request that the router ends, as a platform creates it. One for all: each would have a stack, and
 * the engine keeps the objects whose methods are in a stack, so a caller that keeps its stream would keep the call.
 */
export const ENDED = new DOMException('This operation was aborted', 'AbortError');

/**
 * The answer to a request that the router has ended: nobody waits for it. The SDK reads the headers first, and passes on
 * what they throw. For each rejection it would create an error with a stack, which nobody sees, and a line for its log.
 */
const NO_ANSWER = {
  get headers(): Headers {
    throw ENDED;
  },
} as Response;

/** Stored in the SDK's fetch options, which it passes on unchanged. */
const ON_REQUEST = Symbol('model-router.onRequest');

/**
 * Reports that a request starts, and how to end it. It drops its references when they are no longer needed, because the
 * SDK retains a request's options as long as the answer, and the platform retains that until a full garbage collection.
 */
export class OnRequest {
  #report: ((close: () => void) => void) | undefined;
  #close: (() => void) | undefined;
  /** The error that `fetch` threw. */
  thrown: unknown;

  constructor(
    report: (close: () => void) => void,
    /** Whether the SDK's own signal also ends it: the caller may abort the signal of a stream. */
    readonly isLinked: boolean,
  ) {
    this.#report = report;
  }

  get options(): object {
    return { [ON_REQUEST]: this };
  }

  get isAwaited(): boolean {
    return this.#report !== undefined;
  }

  /** Whether the request can still be ended. */
  get isOpen(): boolean {
    return this.#close !== undefined;
  }

  open(close: () => void): void {
    this.#close = close;
    this.#report?.(close);
  }

  close(): void {
    this.#close?.();
  }

  forget(): void {
    this.#report = undefined;
    this.#close = undefined;
    this.thrown = undefined;
  }
}

/**
 * Lets a request be ended from outside. The SDK would use a signal, which it combines with its own by
 * `AbortSignal.any`, which costs more than everything else that the router does for a call.
 */
export function closable(fetch: Fetch): Fetch {
  const closableFetch: Fetch = (input, init) => {
    const onRequest = onRequestOf(init);
    if (init == null || !onRequest?.isAwaited) return fetch(input, init).then(limitErrorBody);
    const controller = new AbortController();
    const given = init.signal;
    if (given?.aborted) controller.abort(given.reason);
    // The SDK's own signal, which lives as long as the request.
    else if (onRequest.isLinked) given?.addEventListener('abort', () => controller.abort(given.reason), { once: true });
    const { signal } = controller;
    onRequest.open(() => controller.abort(ENDED));
    // The attempt was over before the request started.
    if (signal.aborted) return signal.reason === ENDED ? Promise.resolve(NO_ANSWER) : Promise.reject(signal.reason);
    return fetch(input, { ...init, signal }).then(
      (response) => noteAttempt(limitErrorBody(response)),
      (error) => {
        if (signal.reason === ENDED) return NO_ANSWER;
        onRequest.thrown = error;
        throw error;
      },
    );
  };
  // Some `fetch` functions have their own classes (`fetch.Response`), which the SDK looks for.
  return Object.assign(Object.setPrototypeOf(closableFetch, fetch), { [ON_REQUEST]: true });
}

/** True for clients that the router has built, unless their `fetch` was replaced later. */
export const isClosable = (fetch: unknown): boolean => typeof fetch === 'function' && ON_REQUEST in fetch;

function onRequestOf(init: RequestInit | undefined): OnRequest | undefined {
  return init == null ? undefined : (Reflect.get(init, ON_REQUEST) as OnRequest | undefined);
}
