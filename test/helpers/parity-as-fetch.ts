import { ModelRouter, type RouterOptions } from 'model-router';
import { type FakeProvider, type Models, startFakeProvider } from 'model-router/testing';
import { afterEach } from 'vitest';
import { messages } from './parity-bodies.js';

export const base = 'https://api.openai.com/v1';
export const model = 'standard';

/** A router's fetch, over a fake provider with two deployments behind the route `standard`. */
export interface Door {
  readonly fake: FakeProvider;
  readonly router: ModelRouter;
  readonly routed: typeof fetch;
}

/** Opens an entry point in a test, and closes it after the test. */
export function useDoor(): (models: Models, options?: Partial<RouterOptions>) => Promise<Door> {
  const opened: Door[] = [];
  afterEach(async () => {
    for (const { router, fake } of opened.splice(0)) {
      router.close();
      await fake.close();
    }
  });
  return async (models, options = {}) => {
    const fake = await startFakeProvider({ models, apiKeys: { ours: 'sk-ours-0123456789' } });
    const router = new ModelRouter({
      clients: { default: { apiKey: 'sk-ours-0123456789', baseURL: fake.url } },
      deployments: { first: { price: { input: 1, output: 1 } }, second: {} },
      routes: { standard: ['first', 'second'] },
      retry: { baseMs: 0, maxMs: 0 },
      logLevel: 'off',
      ...options,
    });
    const door = { fake, router, routed: router.asFetch() };
    opened.push(door);
    return door;
  };
}

export const post = (body: unknown, init: RequestInit = {}): RequestInit => ({
  method: 'POST',
  body: JSON.stringify(body),
  ...init,
  headers: { 'content-type': 'application/json', ...init.headers },
});

/** Requests a chat as a stream. */
export const streamOf = ({ routed }: Door, init: RequestInit = {}) =>
  routed(`${base}/chat/completions`, post({ model, messages, stream: true }, init));
