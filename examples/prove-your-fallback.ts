// A test of your own configuration: `simulate` runs the real router, with your options, through an outage in virtual
// time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelRouter, type RouterOptions } from 'model-router';
import { simulate, simulationTable } from 'model-router/simulate';
import { hang } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const baseURL = 'https://global-apis.com/v1';

/** The application's options. No key is needed here. */
const options: RouterOptions = {
  clients: { default: { apiKey: process.env.GLOBAL_API_KEY, baseURL } },
  deployments: { [cheap]: { price: { input: 0.25, output: 0.25 } }, [other]: { price: { input: 0.28, output: 0.28 } } },
  routes: { standard: [cheap, other] },
  deadlineMs: 4000,
};

/** Four minutes of calls; for two of them the cheap model hangs. */
const outage = (changes: Partial<RouterOptions> = {}) =>
  simulate({
    router: ({ offline }) => new ModelRouter(offline({ ...options, ...changes })),
    traffic: { perSecond: 10, durationMs: 4 * 60_000, model: 'standard' },
    faults: [{ at: cheap, behavior: hang(), fromMs: 60_000, toMs: 3 * 60_000 }],
  });

test('my fallback is reachable within my deadline', async () => {
  const result = await outage();
  console.log(simulationTable({ 'as it is': result }));
  assert.ok((result.availability ?? 0) >= 0.999, `only ${result.availability} answered`);
  assert.ok((result.latencyMs.max ?? 0) <= 4000);
  assert.deepEqual(result.advice, []);
});

test('a configuration that looks right, and is not', async () => {
  const result = await outage({ maxAttempts: 1 });
  console.log(simulationTable({ 'one attempt': result }));
  for (const sentence of result.advice) console.log(`- ${sentence}`);
  assert.ok((result.availability ?? 1) < 0.99);
  assert.match(result.advice.join('\n'), /No reserve/);
});
