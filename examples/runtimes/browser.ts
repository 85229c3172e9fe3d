// A page. NEVER put a provider's key in a page: anyone who opens it can read it. The page calls your own proxy, which
// authenticates the user and adds the key; `apiKey` is whatever that proxy accepts as a session.
import { ModelRouter } from 'model-router';

const router = new ModelRouter({
  clients: {
    default: {
      apiKey: 'the-session-of-this-user',
      baseURL: `${location.origin}/api/openai/v1`,
      // The SDK refuses to run in a page unless you confirm that it contains no secret.
      dangerouslyAllowBrowser: true,
    },
  },
  deployments: { 'deepseek-ai/DeepSeek-V4-Flash': {}, 'qwen/Qwen3-32B': {} },
  routes: { standard: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
});

/** Writes the answer into an element of the page, as it comes. */
export async function answer(prompt: string, element: { textContent: string | null }): Promise<void> {
  const messages = [{ role: 'user' as const, content: prompt }];
  const stream = await router.chat.completions.create({ model: 'standard', messages, stream: true });
  element.textContent = '';
  for await (const { choices } of stream) element.textContent += choices[0]?.delta.content ?? '';
}
