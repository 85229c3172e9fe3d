// deno run --allow-net --allow-env deno.ts, after deno add npm:model-router npm:openai
import { ModelRouter } from 'model-router';

const router = new ModelRouter({
  clients: { default: { apiKey: Deno.env.get('GLOBAL_API_KEY') ?? '', baseURL: 'https://global-apis.com/v1' } },
  deployments: { 'deepseek-ai/DeepSeek-V4-Flash': {}, 'qwen/Qwen3-32B': {} },
  routes: { standard: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
});

Deno.serve({ port: 8000 }, async (request) => {
  const completion = await router.routeRequest(await request.text());
  return new Response(completion.choices[0]?.message.content);
});
