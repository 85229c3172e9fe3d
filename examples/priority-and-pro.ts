// Standard calls go to the cheap model, premium calls and `Pro/` names to dedicated capacity. Prints what the upstream
// gets.
import assert from 'node:assert/strict';
import { callOptions, ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const pro = 'Pro/deepseek-ai/DeepSeek-V3.2';
const provider = await startFakeProvider({
  models: { [cheap]: answer(), 'qwen/Qwen3-32B': answer(), [pro]: answer(), 'Pro/zai-org/GLM-5': answer() },
  apiKeys: { 'everyday key': 'key-1', 'pro key': 'key-2' },
});
const router = new ModelRouter({
  clients: {
    default: { apiKey: 'key-1', baseURL: provider.url },
    pro: { apiKey: 'key-2', baseURL: provider.url },
  },
  deployments: {
    [cheap]: { price: { input: 0.25, output: 0.25 } },
    'qwen/Qwen3-32B': { price: { input: 0.28, output: 0.28 } },
    // If there is a client `pro`, a `Pro/` name is sent with X-Capacity-Guarantee: dedicated.
    [pro]: { client: 'pro', price: { input: 2.5, output: 2.5 } },
  },
  // `model: 'auto'` means the route of the call's priority.
  routes: { standard: [cheap, 'qwen/Qwen3-32B'], premium: { deployments: [pro], deadlineMs: 10_000 } },
  retry: { baseMs: 50 },
});
const body = { model: 'auto', messages: [{ role: 'user' as const, content: 'Hello!' }] };

/** Prints the provider's last request. */
function report(what: string) {
  const { model, apiKeyOf, headers } = provider.requests.at(-1) ?? assert.fail('nothing was sent');
  const priority = headers['x-request-priority'] ?? '-';
  const capacity = headers['x-capacity-guarantee'] ?? '-';
  console.log(`${what.padEnd(32)} ${model?.padEnd(30)} ${apiKeyOf?.padEnd(13)} ${priority.padEnd(9)} ${capacity}`);
  return { model, apiKeyOf, priority, capacity };
}
console.log(`${' '.repeat(33)}${'model'.padEnd(31)}${'key'.padEnd(14)}priority  capacity`);

await router.chat.completions.create(body);
const everyday = report('standard');
assert.deepEqual(everyday, { model: cheap, apiKeyOf: 'everyday key', priority: '-', capacity: '-' });

const dedicated = { model: pro, apiKeyOf: 'pro key', priority: 'high', capacity: 'dedicated' };
await router.chat.completions.create(body, callOptions({ priority: 'premium' }));
assert.deepEqual(report('premium, for this call'), dedicated);

const premium = router.withOptions({ priority: 'premium' });
await premium.routeRequest('Hello!');
assert.deepEqual(report('premium, by withOptions'), dedicated);

await router.chat.completions.create(body, { headers: { 'X-Request-Priority': 'high' } });
assert.deepEqual(report('premium, by a header'), dedicated);

// Not listed anywhere: its prefix names the client.
await router.chat.completions.create({ ...body, model: 'Pro/zai-org/GLM-5' });
assert.deepEqual(report('a Pro/ model by its name'), { ...dedicated, model: 'Pro/zai-org/GLM-5' });

// Premium never goes to a cheaper model: when Pro fails, it is retried.
provider.set(pro, [fail(503), answer()]);
provider.clear();
await premium.routeRequest('Hello!');
assert.deepEqual(report('premium, after a 503'), dedicated);
assert.equal(provider.requestsOf(pro).length, 2);
assert.equal(provider.count, 2);

await router.close();
await provider.close();
