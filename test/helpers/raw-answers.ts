import { ModelRouter, type RouterSettings } from 'model-router';
import { onTestFinished } from 'vitest';

export interface RawRequest {
  readonly path: string;
  readonly method: string;
  readonly body: Record<string, unknown>;
}

type RawAnswer = unknown | { status: number; error: unknown } | { events: unknown[] };

/** A router over one client, whose answers are what `answer` returns: JSON, an error, or the events of a stream. */
export function rawRouter(
  answer: (request: RawRequest) => RawAnswer,
  settings: RouterSettings & { logger?: typeof console } = {},
): { router: ModelRouter; requests: RawRequest[] } {
  const requests: RawRequest[] = [];
  const fetch = async (url: string | URL | Request, init: RequestInit = {}): Promise<Response> => {
    const body = typeof init.body === 'string' ? JSON.parse(init.body) : {};
    const request = { path: new URL(String(url)).pathname, method: init.method ?? 'get', body };
    requests.push(request);
    return toResponse(await answer(request));
  };
  const router = new ModelRouter({
    clients: { default: { apiKey: 'sk-key', baseURL: 'https://raw.test/v1', fetch, logLevel: 'off' } },
    random: () => 0,
    ...settings,
  });
  onTestFinished(() => router.close());
  return { router, requests };
}

function toResponse(answer: RawAnswer): Response {
  if (isObject(answer) && Array.isArray(answer.events)) {
    const lines = answer.events.map((event) => `data: ${JSON.stringify(event)}\n\n`).join('');
    return new Response(`${lines}data: [DONE]\n\n`, { headers: { 'content-type': 'text/event-stream' } });
  }
  if (isObject(answer) && typeof answer.status === 'number' && 'error' in answer)
    return Response.json({ error: answer.error }, { status: answer.status });
  return Response.json(answer);
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null;

/** A chat completion with this usage. */
export function completion(usage: unknown, more: Record<string, unknown> = {}): Record<string, unknown> {
  return {
    id: 'c1',
    object: 'chat.completion',
    created: 1,
    model: 'm',
    choices: [{ index: 0, finish_reason: 'stop', message: { role: 'assistant', content: 'Hello.' } }],
    usage,
    ...more,
  };
}

/** The chunks of a stream with this usage at its end. */
export function chunks(usage: unknown, more: Record<string, unknown> = {}): { events: unknown[] } {
  const base = { id: 'c1', object: 'chat.completion.chunk', created: 1, model: 'm', ...more };
  return {
    events: [
      { ...base, choices: [{ index: 0, delta: { role: 'assistant', content: 'Hello.' } }] },
      { ...base, choices: [{ index: 0, delta: {}, finish_reason: 'stop' }] },
      { ...base, choices: [], usage },
    ],
  };
}

/** A response with these items in its output. */
export function response(
  usage: unknown,
  output: unknown[] = [],
  more: Record<string, unknown> = {},
): Record<string, unknown> {
  const message = {
    type: 'message',
    id: 'm1',
    role: 'assistant',
    content: [{ type: 'output_text', text: 'Hello.', annotations: [] }],
  };
  return {
    id: 'resp_1',
    object: 'response',
    created_at: 1,
    status: 'completed',
    model: 'm',
    output: [...output, message],
    usage,
    ...more,
  };
}
