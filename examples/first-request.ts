// A first request: the call that you know from `openai`, on a client that can fail over.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { answer, startFakeProvider } from 'model-router/testing';

// Replaces your provider, on loopback, so that this runs offline and without a key.
const provider = await startFakeProvider({
  models: {
    'deepseek-ai/DeepSeek-V4-Flash': answer('Because air scatters blue light more than red.'),
    'qwen/Qwen3-32B': answer('Rayleigh scattering.'),
  },
});

const router = new ModelRouter({
  clients: {
    // Yours: { apiKey: process.env.GLOBAL_API_KEY, baseURL: 'https://global-apis.com/v1' }
    default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url },
  },
  deployments: {
    'deepseek-ai/DeepSeek-V4-Flash': { price: { input: 0.25, output: 0.25 } }, // US dollars per million tokens
    'qwen/Qwen3-32B': { price: { input: 0.28, output: 0.28 } },
  },
  // Names that callers use as `model`, and the deployments of each, in order.
  routes: { standard: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
});

const completion = await router.chat.completions.create({
  model: 'standard',
  messages: [{ role: 'user', content: 'Why is the sky blue?' }],
});
console.log(completion.choices[0]?.message.content);

// The record shows what happened to the call. The answer is the provider's, unchanged.
const record = callRecord(completion);
assert(record?.costUsd != null);
console.log(
  `answered by ${record.deployment} in ${record.durationMs.toFixed(0)} ms, ` +
    `${record.usage?.inputTokens} + ${record.usage?.outputTokens} tokens, $${record.costUsd.toFixed(7)}`,
);

// A short form: one user message, to the route of the call's priority.
const short = await router.routeRequest('And why is it red in the evening?');

assert.equal(record.deployment, 'deepseek-ai/DeepSeek-V4-Flash');
assert.equal(callRecord(short)?.route, 'standard');

await router.close();
await provider.close();
