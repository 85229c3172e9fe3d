// Next.js, `app/api/chat/route.ts`, on the edge runtime. The same file without `runtime` runs on Node.
import { ModelRouter } from 'model-router';

export const runtime = 'edge';

// At module scope: breakers, cache and statistics live as long as the instance, for all its requests.
const router = new ModelRouter({
  clients: { default: { apiKey: process.env['GLOBAL_API_KEY'] ?? '', baseURL: 'https://global-apis.com/v1' } },
  deployments: { 'deepseek-ai/DeepSeek-V4-Flash': {}, 'qwen/Qwen3-32B': {} },
  routes: { standard: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
});

export async function POST(request: Request): Promise<Response> {
  const { prompt } = (await request.json()) as { prompt: string };
  const messages = [{ role: 'user' as const, content: prompt }];
  const stream = await router.chat.completions.create({ model: 'standard', messages, stream: true });
  return new Response(stream.toReadableStream());
}
