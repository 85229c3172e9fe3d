// Next.js, `app/api/chat/route.ts`, on Node. `after` keeps a serverless function alive for background work.
import { callOptions, ModelRouter } from 'model-router';
import { after } from 'next/server';

const router = new ModelRouter({
  clients: { default: { apiKey: process.env['GLOBAL_API_KEY'] ?? '', baseURL: 'https://global-apis.com/v1' } },
  deployments: { 'deepseek-ai/DeepSeek-V4-Flash': {}, 'qwen/Qwen3-32B': {} },
  routes: { standard: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
  cache: { mode: 'idempotent', staleMs: 60_000 },
});

export async function POST(request: Request): Promise<Response> {
  const { prompt } = (await request.json()) as { prompt: string };
  const completion = await router.chat.completions.create(
    { model: 'standard', messages: [{ role: 'user', content: prompt }], temperature: 0 },
    callOptions({ waitUntil: (promise) => after(() => promise) }),
  );
  return Response.json({ text: completion.choices[0]?.message.content });
}
