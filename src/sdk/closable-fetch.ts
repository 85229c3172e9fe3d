/** The application's or the platform's `fetch`, as the SDK calls it. */
export type Fetch = (input: string | URL | Request, init?: RequestInit) => Promise<Response>;

/** Travels in the SDK's fetch options, which it hands on as they are. */
const ON_REQUEST = Symbol('model-router.onRequest');

/**
 * Who is told when a request begins, and how to end it; forgotten once the headers are there. The SDK keeps a request's
 * options for as long as the answer lives, and the platform keeps that one until a full garbage collection.
 */
export class OnRequest {
  constructor(public tell: ((close: () => void) => void) | undefined) {}

  get options(): object {
    return { [ON_REQUEST]: this };
  }

  forget(): void {
    this.tell = undefined;
  }
}

/**
 * Lets a request be ended from outside. The SDK's way is a signal, which it ties to its own by `AbortSignal.any`: that
 * costs more than all else that the router does for a call.
 */
export function closable(fetch: Fetch): Fetch {
  const closableFetch: Fetch = (input, init) => {
    const tell = onRequestOf(init)?.tell;
    if (init == null || tell === undefined) return fetch(input, init);
    const controller = new AbortController();
    const given = init.signal;
    if (given?.aborted) controller.abort(given.reason);
    // The SDK's own, which lives as long as the request.
    else given?.addEventListener('abort', () => controller.abort(given.reason), { once: true });
    tell(() => controller.abort());
    // It was over before it began.
    if (controller.signal.aborted) return Promise.reject(controller.signal.reason);
    return fetch(input, { ...init, signal: controller.signal });
  };
  // Some carry classes of their own (`fetch.Response`), which the SDK looks for.
  return Object.assign(Object.setPrototypeOf(closableFetch, fetch), { [ON_REQUEST]: true });
}

/** Clients that the router has built are, unless their `fetch` was replaced since. */
export const isClosable = (fetch: unknown): boolean => typeof fetch === 'function' && ON_REQUEST in fetch;

function onRequestOf(init: RequestInit | undefined): OnRequest | undefined {
  return init == null ? undefined : (Reflect.get(init, ON_REQUEST) as OnRequest | undefined);
}
