// A Worker with routers that serve many requests. What a request does, and with whom, is up to `worker-cases.mjs`.
import { callOptions, callRecord, ModelRouter } from 'model-router';

const messages = [{ role: 'user', content: 'hello' }];
const client = { apiKey: 'sk-test', baseURL: BASE_URL };

/** At module scope, as documented. */
const routers = {
  cached: new ModelRouter({ clients: { default: client }, cache: { mode: 'all' } }),
  stale: new ModelRouter({ clients: { default: client }, cache: { mode: 'all', ttlMs: 50, staleMs: 60_000 } }),
};

/** Made by the first request that needs it, which then ends. */
const made = {
  breaking: () =>
    new ModelRouter({
      clients: { default: client },
      deployments: { down: { model: DOWN }, good: {} },
      routes: { chat: ['down', 'good'] },
      retry: { budget: 0 },
      breaker: { failures: 3, windowMs: 2000, minRate: 0, consecutive: Number.POSITIVE_INFINITY, cooldownMs: 1500 },
    }),
};

async function ask(
  { router: name, model, abortMs, deadlineMs, stream = false, breaksOff = false, waits = false },
  ctx,
) {
  routers[name] ??= made[name]();
  const router = routers[name];
  const controller = new AbortController();
  if (abortMs !== undefined) setTimeout(() => controller.abort(), abortMs);
  const options = callOptions({
    ...(deadlineMs && { deadlineMs }),
    ...(waits && { waitUntil: (promise) => ctx.waitUntil(promise) }),
  });
  try {
    const answer = await router.chat.completions.create(
      { model, messages, stream },
      { ...options, signal: controller.signal },
    );
    let text = stream ? '' : answer.choices[0].message.content;
    if (stream) {
      for await (const { choices } of answer) {
        text += choices[0]?.delta.content ?? '';
        if (breaksOff && text !== '') break;
      }
    }
    const { deployment, cache } = callRecord(answer);
    return { text, deployment, cache, state: router.snapshot().deployments.down?.state };
  } catch (error) {
    return { error: error.code ?? error.message };
  }
}

export default {
  fetch: async (request, _, ctx) => Response.json(await ask(await request.json(), ctx)),
};
