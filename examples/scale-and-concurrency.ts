// 64 calls at once while the primary is down: none fails, and after the first failures none even tries it. Then a few
// thousand calls through the same router, to show the throughput of one process.
import assert from 'node:assert/strict';
import { ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const primary = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const usage = { inputTokens: 800, outputTokens: 200 };
const provider = await startFakeProvider({
  models: { [primary]: fail(503, { latencyMs: 20 }), [other]: answer({ latencyMs: 50, usage }) },
  keep: 100, // the fake need not remember thousands of requests
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: {
    [primary]: { price: { input: 0.25, output: 0.25 } },
    [other]: { price: { input: 0.28, output: 0.28 } },
  },
  routes: { standard: [primary, other] },
});
const ask = () =>
  router.chat.completions.create({ model: 'standard', messages: [{ role: 'user', content: 'Hello!' }] });

/** Makes this many calls at once. */
async function wave(calls: number): Promise<void> {
  const before = router.snapshot().deployments[primary]?.requests ?? 0;
  const startedAt = performance.now();
  const results = await Promise.allSettled(Array.from({ length: calls }, ask));
  const took = performance.now() - startedAt;
  const failed = results.filter(({ status }) => status === 'rejected').length;
  const tried = (router.snapshot().deployments[primary]?.requests ?? 0) - before;
  console.log(`${calls} at once: ${failed} failed, ${tried} had tried the primary, ${took.toFixed(0)} ms`);
  assert.equal(failed, 0);
}

await wave(64);
assert.equal(router.snapshot().deployments[primary]?.state, 'open');
await wave(64);
assert.equal(router.snapshot().deployments[primary]?.requests, 64, 'the second wave left the primary alone');

// 64 workers, each with one call after the other.
const total = 2000;
let left = total;
const startedAt = performance.now();
await Promise.all(
  Array.from({ length: 64 }, async () => {
    while (left-- > 0) await ask();
  }),
);
const seconds = (performance.now() - startedAt) / 1000;
const perHour = (total * (usage.inputTokens + usage.outputTokens) * 3600) / seconds / 1e6;
console.log(
  `${total} calls, 64 at a time: ${(total / seconds).toFixed(0)} a second, ${perHour.toFixed(0)}M tokens an hour`,
);

const { deployments, routes } = router.snapshot();
console.log(
  `the route standard: ${routes.standard?.requests} calls, ${routes.standard?.failures} failed, $${routes.standard?.costUsd?.toFixed(2)}`,
);
assert.equal(routes.standard?.failures, 0);
assert.equal(deployments[other]?.inFlight, 0);

await router.close();
await provider.close();
