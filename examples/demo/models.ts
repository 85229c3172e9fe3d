// The three models of the demo, and the router over them: the same against the fake provider and against the real one.
import { type ClientSpec, ModelRouter, type RouterOptions } from 'model-router';

export const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
export const other = 'qwen/Qwen3-32B';
export const pro = 'Pro/deepseek-ai/DeepSeek-V3.2';

/** US dollars per million tokens, for input and output. */
export const prices: Readonly<Record<string, number>> = { [cheap]: 0.25, [other]: 0.28, [pro]: 2.5 };

type Clients = Readonly<Record<'default' | 'fallback' | 'pro', ClientSpec>>;

export function newRouter(clients: Clients, options: Omit<RouterOptions, 'clients'> = {}): ModelRouter {
  const price = (model: string) => ({ input: prices[model] ?? 0, output: prices[model] ?? 0 });
  return new ModelRouter({
    logLevel: 'off', // the screen shows what the log would show
    clients,
    deployments: {
      [cheap]: { client: 'default', price: price(cheap) },
      [other]: { client: 'fallback', price: price(other) },
      [pro]: { client: 'pro', price: price(pro) },
    },
    routes: { standard: [cheap, other], premium: { deployments: [pro], priority: 'premium' } },
    ...options,
  });
}
