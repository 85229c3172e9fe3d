import { ModelRouter, type RouterOptions, type RouterSettings } from 'model-router';
import { onTestFinished } from 'vitest';

export interface Sent {
  readonly url: string;
  readonly method: string;
  readonly headers: Headers;
  readonly body: string;
  readonly redirect: string | undefined;
}

export type Answering = (sent: Sent) => Response | Promise<Response>;

/** A `fetch` that records each request as it would be on the wire, and answers with the result of `answering`. */
export function recordedFetch(answering: Answering = () => completion()): {
  fetch: typeof fetch;
  sent: Sent[];
} {
  const sent: Sent[] = [];
  const recorded: typeof fetch = async (input, init) => {
    const request = new Request(input, init);
    // The SDK requests this from a custom fetch once, before its first upload.
    if (request.url.startsWith('data:')) return new Response('');
    const { url, method, headers } = request;
    const each = { url, method, headers, body: await request.text(), redirect: init?.redirect };
    sent.push(each);
    return answering(each);
  };
  return { fetch: recorded, sent };
}

/** A good answer of any chat endpoint. */
export function completion(content = 'Hello', usage = { prompt_tokens: 5, completion_tokens: 5 }): Response {
  const total_tokens = usage.prompt_tokens + usage.completion_tokens;
  return Response.json({
    id: 'chatcmpl-1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, message: { role: 'assistant', content }, finish_reason: 'stop' }],
    usage: { ...usage, total_tokens },
  });
}

/** A router with one client, `default`, whose key is `sk-ours-0123456789`, and one deployment, `m`. */
export function routerOver(answering: Answering, settings: RouterSettings & Partial<RouterOptions> = {}) {
  const { fetch, sent } = recordedFetch(answering);
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk-ours-0123456789', baseURL: 'https://up.test/v1', fetch, logLevel: 'off' } },
    deployments: { m: { price: { input: 1, output: 1 } } },
    retry: { baseMs: 0, maxMs: 0 },
    ...settings,
  });
  onTestFinished(() => void router.close());
  return { router, sent };
}

export const base = 'https://api.openai.com/v1';
export const messages = [{ role: 'user' as const, content: 'Hi' }];

/** A logger that records its lines. */
export function lines() {
  const written: string[] = [];
  const write = (...parts: unknown[]) => void written.push(parts.map(String).join(' '));
  return { logger: { error: write, warn: write, info: write, debug: write }, written };
}
