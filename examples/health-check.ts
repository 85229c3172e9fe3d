// Does each deployment work, what would a call do, and what has happened so far?
import assert from 'node:assert/strict';
import { ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const pro = 'Pro/deepseek-ai/DeepSeek-V3.2';
const provider = await startFakeProvider({
  models: { [cheap]: answer({ latencyMs: 20 }), [other]: answer({ latencyMs: 40 }), [pro]: answer({ latencyMs: 30 }) },
  servedModels: { [cheap]: 'deepseek-v4-flash-2026-10-14' },
  apiKeys: { everyday: 'a-key-for-the-fake' },
});
const router = new ModelRouter({
  clients: {
    default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url },
    pro: { apiKey: 'a-key-with-a-typo', baseURL: provider.url },
  },
  deployments: { [cheap]: { price: { input: 0.25, output: 0.25 } }, [other]: {}, [pro]: { client: 'pro' } },
  routes: { standard: { deployments: [cheap, other], deadlineMs: 5000 }, premium: [pro] },
});

// One token from each deployment. For a readiness probe or a deploy's smoke test: it never rejects.
console.log('check():');
const checks = await router.check();
for (const { deployment, ok, latencyMs, servedModel, error } of checks) {
  console.log(
    `  ${ok ? 'ok    ' : 'FAILED'} ${deployment}: ${servedModel ?? error?.message}, ${latencyMs.toFixed(0)} ms`,
  );
}
assert.deepEqual(
  checks.map(({ ok }) => ok),
  [true, true, false],
);

const ask = () =>
  router.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content: 'Hello!' }] });
for (let i = 0; i < 10; i += 1) await ask();
provider.set(cheap, fail(500));
// Five failures in a row that span a second open the breaker.
for (let i = 0; i < 10; i += 1) {
  await ask();
  await new Promise((resolve) => setTimeout(resolve, 150));
}

console.log('explain(), the plan for a call without making it:');
const plan = router.explain({ model: 'standard', messages: [] });
for (const { id, excluded = `available, at most ${plan.attemptTimeoutMs} ms` } of plan.deployments) {
  console.log(`  ${id}: ${excluded}`);
}
assert.equal(plan.deployments[0]?.id, other);

console.log('snapshot(), plain JSON, for a /status page:');
for (const [id, deployment] of Object.entries(router.snapshot().deployments)) {
  const { state, requests, failures, latencyMs, costUsd } = deployment;
  const times = `p50 ${latencyMs.p50?.toFixed(0) ?? '-'} ms, p99 ${latencyMs.p99?.toFixed(0) ?? '-'} ms`;
  console.log(
    `  ${id}: ${state}, ${requests} requests, ${failures} failures, ${times}, $${costUsd?.toFixed(6) ?? '?'}`,
  );
}
assert.equal(router.snapshot().deployments[cheap]?.state, 'open');
// Printing a router shows this too, and never a key.
assert(!JSON.stringify(router).includes('a-key'));

await router.close();
await provider.close();
