// A Cloudflare Worker, with or without `nodejs_compat`. Keys: `wrangler secret put GLOBAL_API_KEY`.
import { env, waitUntil } from 'cloudflare:workers';
import { ModelRouter } from 'model-router';

// At module scope: breakers, cache and statistics live as long as the isolate, for all its requests.
const router = new ModelRouter({
  clients: { default: { apiKey: env.GLOBAL_API_KEY, baseURL: 'https://global-apis.com/v1' } },
  deployments: { 'deepseek-ai/DeepSeek-V4-Flash': {}, 'qwen/Qwen3-32B': {} },
  routes: { standard: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
  cache: { mode: 'idempotent', staleMs: 60_000 },
  // Keeps the isolate alive while a stale answer is refreshed.
  waitUntil,
});

export default {
  async fetch(request: Request): Promise<Response> {
    const { prompt } = (await request.json()) as { prompt: string };
    const messages = [{ role: 'user' as const, content: prompt }];
    const stream = await router.chat.completions.create({ model: 'standard', messages, temperature: 0, stream: true });
    return new Response(stream.toReadableStream());
  },
};
