import type { OpenAI } from 'openai';

/** Travels in the SDK's fetch options, which it hands on as they are. */
const ON_REQUEST = Symbol('model-router.onRequest');

/**
 * Who is told. It forgets them once the request is answered: the SDK keeps a request's options for as long as the answer
 * lives, and the platform keeps that one until a full garbage collection.
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

const closables = new WeakSet<OpenAI>();

/**
 * Lets the requests of a client be ended from outside, by the controller that the SDK makes for each. The SDK's own way
 * is a signal, which it ties to that controller's: that costs more than all else that the router does for a call.
 */
export function makeClosable(client: OpenAI): OpenAI {
  const fetchWithTimeout = client.fetchWithTimeout.bind(client);
  client.fetchWithTimeout = (url, init, ms, controller) => {
    onRequestOf(init)?.tell?.(() => controller.abort());
    // It was over before it began.
    if (controller.signal.aborted) return Promise.reject(controller.signal.reason);
    return fetchWithTimeout(url, init, ms, controller);
  };
  closables.add(client);
  return client;
}

/** Clients that the router has built are. */
export const isClosable = (client: OpenAI): boolean => closables.has(client);

function onRequestOf(init: RequestInit | undefined): OnRequest | undefined {
  return init == null ? undefined : (Reflect.get(init, ON_REQUEST) as OnRequest | undefined);
}
