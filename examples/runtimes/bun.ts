// bun run bun.ts, after bun add model-router openai
import { ModelRouter } from 'model-router';

const router = new ModelRouter({
  clients: { default: { apiKey: process.env['GLOBAL_API_KEY'] ?? '', baseURL: 'https://global-apis.com/v1' } },
  deployments: { 'deepseek-ai/DeepSeek-V4-Flash': {}, 'qwen/Qwen3-32B': {} },
  routes: { standard: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
});

Bun.serve({
  port: 3000,
  async fetch(request) {
    const completion = await router.routeRequest(await request.text());
    return new Response(completion.choices[0]?.message.content);
  },
});
