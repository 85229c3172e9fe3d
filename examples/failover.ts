// The cheap model is down: the next one answers the call, and the record shows how.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const usage = { inputTokens: 1240, outputTokens: 310 };
const provider = await startFakeProvider({
  models: {
    'deepseek-ai/DeepSeek-V4-Flash': fail(503, { latencyMs: 400 }),
    'qwen/Qwen3-32B': answer({ content: 'Refunds take five working days.', latencyMs: 350, usage }),
  },
});

const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: {
    'deepseek-ai/DeepSeek-V4-Flash': { price: { input: 0.25, output: 0.25 } },
    'qwen/Qwen3-32B': { price: { input: 0.28, output: 0.28 } },
  },
  routes: { standard: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
});

const completion = await router.chat.completions.create({
  model: 'standard',
  messages: [{ role: 'user', content: 'How long does a refund take?' }],
});

const record = callRecord(completion);
assert(record?.costUsd != null);
for (const { number, deployment, status, durationMs } of record.attempts) {
  console.log(`attempt ${number}: ${deployment.padEnd(30)} ${status} after ${(durationMs / 1000).toFixed(2)} s`);
}
console.log(`answered: "${completion.choices[0]?.message.content}"`);
console.log(`in ${(record.durationMs / 1000).toFixed(2)} s for $${record.costUsd.toFixed(6)}`);

assert.deepEqual(
  record.attempts.map(({ status }) => status),
  [503, 200],
);
// A failed attempt costs nothing here: 1550 tokens at $0.28 per million.
assert.equal(record.costUsd.toFixed(6), '0.000434');

await router.close();
await provider.close();
