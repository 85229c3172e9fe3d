import { ModelRouter, type RouterOptions } from 'model-router';
import type { SimulateOptions } from 'model-router/simulate';
import { answer } from 'model-router/testing';

export const simulatedOptions: RouterOptions = {
  // Like a missing environment variable.
  clients: {
    default: { apiKey: undefined, baseURL: 'https://one.test/v1' },
    other: { apiKey: undefined, baseURL: 'https://two.test/v1' },
  },
  deployments: {
    first: { price: { input: 1, output: 1 } },
    second: { client: 'other', price: { input: 2, output: 2 } },
  },
  routes: { standard: ['first', 'second'] },
  deadlineMs: 2000,
};

const usage = { inputTokens: 800, outputTokens: 200 };

/** A small simulation: a minute, four calls a second, every answer after 100 ms. */
export function small(changes: Partial<SimulateOptions> = {}, options: Partial<RouterOptions> = {}): SimulateOptions {
  return {
    router: ({ offline }) => new ModelRouter(offline({ ...simulatedOptions, ...options })),
    traffic: { perSecond: 4, durationMs: 60_000, arrivals: 'even', model: 'standard' },
    upstreams: { first: answer({ latencyMs: 100, usage }), second: answer({ latencyMs: 100, usage }) },
    ...changes,
  };
}
