// A provider reports failures in its own way: what the router recognises by itself, and how to teach it the rest.
import assert from 'node:assert/strict';
import { callOptions, callRecord, ModelRouter, type OpenAI } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const provider = await startFakeProvider({
  models: {
    // An empty balance, a withdrawn model and an error inside a 200, as servers really report them.
    'no-balance': fail(400, { code: 'Arrearage', message: 'The account is not in good standing.' }),
    withdrawn: fail(400, { message: 'The model has been decommissioned.', code: 'model_decommissioned' }),
    'error-in-200': answer({ body: { error: { message: 'The engine is overloaded.', code: 503 } } }),
    // A code that only this provider knows, and a refusal.
    maintenance: fail(400, { code: 'E_MAINTENANCE', message: 'Back at noon.' }),
    strict: fail(400, { code: 'content_filter', message: 'Refused.' }),
    healthy: answer({ content: 'Hello.' }),
  },
});

const client = { apiKey: 'a-key-for-the-fake', baseURL: provider.url };
const names = ['no-balance', 'withdrawn', 'error-in-200', 'maintenance', 'strict'];
const router = new ModelRouter({
  clients: Object.fromEntries([...names, 'healthy'].map((name) => [name, client])),
  deployments: Object.fromEntries([...names, 'healthy'].map((name) => [name, { client: name }])),
  routes: Object.fromEntries(names.map((name) => [`${name} or another`, [name, 'healthy']])),
  retry: { budget: false },
  classifyError: ({ code }) => (code === 'E_MAINTENANCE' ? 'server-error' : undefined),
});
const messages: OpenAI.ChatCompletionMessageParam[] = [{ role: 'user', content: 'Hello?' }];

const outcomes: Record<string, string | undefined> = {};
for (const name of names) {
  const body = { model: `${name} or another`, messages };
  // A refusal ends a call, unless the call's options say otherwise.
  const completion = await router.chat.completions.create(body, callOptions({ failoverOn: ['content-filter'] }));
  const attempts = callRecord(completion)?.attempts ?? [];
  console.log(attempts.map(({ deployment, outcome, code }) => `${deployment}: ${outcome} ${code ?? ''}`).join(' -> '));
  outcomes[name] = attempts[0]?.outcome;
  assert.equal(attempts.at(-1)?.deployment, 'healthy');
}

assert.deepEqual(outcomes, {
  'no-balance': 'unauthorized',
  withdrawn: 'model-not-found',
  'error-in-200': 'server-error',
  maintenance: 'server-error',
  strict: 'content-filter',
});

await router.close();
await provider.close();
