// A Worker with routers that serve many requests. `worker-cases.mjs` controls what a request does, and with which
// router.
import { waitUntil } from 'cloudflare:workers';
import { callOptions, callRecord, ModelRouter } from 'model-router';

const messages = [{ role: 'user', content: 'hello' }];
const client = { apiKey: 'sk-test', baseURL: BASE_URL };

/** The routers' log lines. */
const lines = [];
const keep = (line) => lines.push(line);
const logger = { debug() {}, info() {}, warn: keep, error: keep };
const stale = { mode: 'all', ttlMs: 50, staleMs: 60_000 };
const shadowed = {
  clients: { default: client },
  deployments: { good: {}, shadow: { model: SHADOW } },
  routes: { chat: { deployments: ['good'], shadow: { deployment: 'shadow', share: 1 } } },
};

/** At module scope, as documented. */
const routers = {
  cached: new ModelRouter({ clients: { default: client }, cache: { mode: 'all' } }),
  stale: new ModelRouter({ clients: { default: client }, cache: stale }),
  background: new ModelRouter({ clients: { default: client }, cache: stale, waitUntil }),
  full: new ModelRouter({ clients: { default: client }, deployments: { slow200: { maxConcurrent: 1 } } }),
  shadowed: new ModelRouter({ ...shadowed, logger, logLevel: 'warn' }),
  'shadowed, waitUntil': new ModelRouter({ ...shadowed, waitUntil }),
};
const explained = routers.cached.explain({ model: 'a', messages }).deployments.map(({ id }) => id);

/** Created by the first request that needs it, which then ends. */
const made = {
  breaking: () =>
    new ModelRouter({
      clients: { default: client },
      deployments: { down: { model: DOWN }, good: {} },
      routes: { chat: ['down', 'good'] },
      retry: { budget: 0 },
      breaker: { failures: 3, windowMs: 3000, minRate: 0, consecutive: Number.POSITIVE_INFINITY, cooldownMs: 3000 },
    }),
};

async function handle(
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
    return {
      text,
      deployment,
      cache,
      lines,
      explained,
      state: router.snapshot().deployments.down?.state,
    };
  } catch (error) {
    return { error: error.code ?? error.message };
  }
}

export default {
  fetch: async (request, _, ctx) => Response.json(await handle(await request.json(), ctx)),
};
