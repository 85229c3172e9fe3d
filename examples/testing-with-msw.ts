// Tests of an application (app/support-desk.ts) against mocked upstreams, with msw: the router's requests are plain
// `fetch`, so nothing special is needed. `node:test` makes this file run by itself; with vitest only that import changes.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';
import { ModelRouter } from 'model-router';
import { HttpResponse, http } from 'msw';
import { setupServer } from 'msw/node';
import { handleTicket } from './app/support-desk.ts';

const baseURL = 'https://global-apis.com/v1';
const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';

/** The models that were requested, in order. */
const requested: string[] = [];

/** A chat endpoint where some models are down. */
function chat(down: readonly string[] = []) {
  return http.post(`${baseURL}/chat/completions`, async ({ request }) => {
    const { model, stream } = (await request.json()) as { model: string; stream?: boolean };
    requested.push(model);
    if (down.includes(model)) return HttpResponse.json({ error: { message: 'Overloaded' } }, { status: 503 });
    const choice = { index: 0, finish_reason: 'stop' };
    const common = { id: 'chatcmpl-1', created: 0, model };
    if (!stream) {
      const message = { role: 'assistant', content: `Summary by ${model}` };
      return HttpResponse.json({ ...common, object: 'chat.completion', choices: [{ ...choice, message }] });
    }
    const chunk = {
      ...common,
      object: 'chat.completion.chunk',
      choices: [{ ...choice, delta: { content: `Reply by ${model}` } }],
    };
    return new HttpResponse(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`, {
      headers: { 'content-type': 'text/event-stream' },
    });
  });
}

const server = setupServer(chat());
before(() => server.listen({ onUnhandledFrame: 'error' }));
afterEach(() => {
  server.resetHandlers();
  requested.length = 0;
});
after(() => server.close());

/** A new router for each test, because breakers have state. */
function newRouter(): ModelRouter {
  return new ModelRouter({
    clients: { default: { apiKey: 'test', baseURL } },
    deployments: { [cheap]: {}, [other]: {} },
    fallbacks: [other],
  });
}

test('a ticket is summed up and answered by the cheap model', async () => {
  const router = newRouter();
  const handled = await handleTicket(router, 'I was charged twice.');
  assert.deepEqual(handled, { summary: `Summary by ${cheap}`, reply: `Reply by ${cheap}` });
  assert.deepEqual(requested, [cheap, cheap]);
  await router.close();
});

test('tickets are handled while the cheap model is down', async () => {
  server.use(chat([cheap]));
  const router = newRouter();
  const handled = await handleTicket(router, 'I was charged twice.');
  assert.deepEqual(handled, { summary: `Summary by ${other}`, reply: `Reply by ${other}` });
  assert.deepEqual(requested, [cheap, other, cheap, other]);
  await router.close();
});

test('the caller gets the error when every model is down', async () => {
  server.use(chat([cheap, other]));
  const router = newRouter().withOptions({ maxAttempts: 2 });
  await assert.rejects(handleTicket(router, 'I was charged twice.'), { status: 503 });
  assert.deepEqual(requested, [cheap, other]);
  router.close();
});
