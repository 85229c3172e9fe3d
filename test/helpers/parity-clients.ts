import { ModelRouter, type RouterOptions, type RouterSettings } from 'model-router';
import { answer, type RecordedRequest, type Script } from 'model-router/testing';
import { type ClientOptions, OpenAI } from 'openai';
import type { Door } from './parity-case.js';

export const API_KEY = 'sk-parity-0123456789';

/** Calls a tool until the request has a tool's result. */
function useTools({ body }: RecordedRequest) {
  return JSON.stringify(body).includes('"role":"tool"')
    ? answer('It is sunny in Bern.')
    : answer({ toolCalls: [{ name: 'weather', arguments: { city: 'Bern' } }] });
}

/** The models that every fake of these tests has. */
export const usualModels: Readonly<Record<string, Script>> = {
  chat: answer(),
  tools: useTools,
  thinker: answer({ reasoning: 'Let me think about that.', content: 'The answer is 42.', chunks: 3 }),
  refuser: answer({ refusal: 'I will not do that.' }),
  short: answer({ content: 'It was a', finishReason: 'length' }),
  cached: answer({
    content: 'Hi',
    usage: { inputTokens: 100, cachedInputTokens: 60, extra: { prompt_cache_hit: 60 } },
  }),
  embedder: answer(),
  painter: answer(),
  speaker: answer(),
  'org/with slash': answer(),
};

export type RouterDoor = Exclude<Door, 'plain client'>;
export const doors: readonly RouterDoor[] = ['router of one client', 'router with routes'];
/** Plus a router whose call options, default headers and query stand next to its clients. */
export const allDoors: readonly RouterDoor[] = [...doors, 'router with options beside its clients'];

/** The name to send so that `model` of the fake answers. */
export const nameBehind = (door: Door) => (model: string) => (door === 'router with routes' ? `route-${model}` : model);

/** The same options on a plain client, on a router of that one client, and on a router whose routes rename each model. */
export function clientOf(
  door: Door,
  options: ClientOptions,
  models: readonly string[],
  settings: RouterSettings = {},
): OpenAI {
  if (door === 'plain client') return new OpenAI(options);
  if (door === 'router of one client') return new ModelRouter({ ...options, ...settings });
  if (door === 'router with options beside its clients') {
    const { timeout, maxRetries, logLevel, defaultHeaders, defaultQuery, ...own } = options;
    const beside = { timeout, maxRetries, logLevel, defaultHeaders, defaultQuery };
    const given: Partial<RouterOptions> = Object.fromEntries(
      Object.entries(beside).filter(([, value]) => value !== undefined),
    );
    return new ModelRouter({ clients: { default: own }, ...given, ...settings });
  }
  const { maxRetries, logLevel } = options;
  return new ModelRouter({
    clients: { default: options },
    deployments: Object.fromEntries(models.map((model) => [`deployment-${model}`, { client: 'default', model }])),
    routes: Object.fromEntries(models.map((model) => [`route-${model}`, [`deployment-${model}`]])),
    ...(maxRetries !== undefined && { maxRetries }),
    ...(logLevel !== undefined && { logLevel }),
    ...settings,
  });
}
