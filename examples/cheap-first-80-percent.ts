// The cheap model answers four of five calls; where its confidence is low, the better model answers. The bill stays
// small.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const better = 'Pro/deepseek-ai/DeepSeek-V3.2';
const usage = { inputTokens: 400, outputTokens: 100 };
let calls = 0;
const fetch = fakeFetch({
  models: {
    // Every fifth answer of the cheap model is a guess: its tokens have a probability of 55 %.
    [cheap]: () => answer({ content: 'Paris', logprob: Math.log(calls++ % 5 === 4 ? 0.55 : 0.97), usage }),
    [better]: answer({ content: 'Paris, France', usage }),
  },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'https://global-apis.com/v1', fetch } },
  deployments: {
    [cheap]: { price: { input: 0.25, output: 0.25 } },
    [better]: { price: { input: 2.5, output: 2.5 } },
  },
  routes: { chat: { deployments: [cheap, better], escalate: { minConfidence: 0.8, maxShare: 0.3 } } },
});
router.on('call-escalated', ({ from, confidence }) => console.log(`  ${from} was ${confidence?.toFixed(2)} sure`));

let costUsd = 0;
let escalated = 0;
for (let i = 0; i < 50; i += 1) {
  const completion = await router.chat.completions.create({
    model: 'chat',
    messages: [{ role: 'user', content: `What is the capital of France? (${i})` }],
  });
  const record = callRecord(completion);
  costUsd += record?.costUsd ?? 0;
  if (record?.escalated) escalated += 1;
  // The probabilities were requested by the router, so the caller does not see them.
  assert.equal(completion.choices[0]?.logprobs, null);
}
const allBetter = (50 * 500 * 2.5) / 1e6;
console.log(`${50 - escalated} of 50 calls stayed with the cheap model`);
console.log(`$${costUsd.toFixed(5)}, and $${allBetter.toFixed(5)} if the better model answered all`);
assert.equal(escalated, 10);
assert(costUsd < 0.35 * allBetter);
await router.close();
