// A new model gets 5 % of the users, always the same ones; a report compares it with the old one, valid at every look.
import assert from 'node:assert/strict';
import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';

const stable = 'deepseek-ai/DeepSeek-V4-Flash';
const canary = 'deepseek-ai/DeepSeek-V5-Flash';
const fetch = fakeFetch({
  models: {
    [stable]: answer({ usage: { inputTokens: 400, outputTokens: 100 } }),
    [canary]: answer({ usage: { inputTokens: 400, outputTokens: 160 } }), // it talks more
  },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'https://global-apis.com/v1', fetch } },
  deployments: {
    [stable]: { price: { input: 0.25, output: 0.25 } },
    [canary]: { price: { input: 0.25, output: 0.25 } },
  },
  routes: {
    chat: { deployments: [stable, canary], strategy: { by: 'weighted', weights: { [stable]: 95, [canary]: 5 } } },
  },
});

const variants = new Map<string, string | null>();
for (let call = 0; call < 4000; call += 1) {
  const user = `user-${call % 2000}`;
  const completion = await router.chat.completions.create(
    { model: 'chat', messages: [{ role: 'user', content: 'How long does a refund take?' }] },
    callOptions({ assignmentKey: user }),
  );
  const variant = callRecord(completion)?.variant ?? null;
  if (variants.has(user)) assert.equal(variants.get(user), variant, 'a user keeps its variant');
  variants.set(user, variant);
  router.feedback(completion, { helpful: call % 10 === 0 ? 0 : 1 });
}

const report = router.abReport('chat');
console.log(String(report));
const share = (report.variants[canary]?.keys ?? 0) / variants.size;
console.log(`\n${(100 * share).toFixed(1)} % of the users had the canary`);
assert(share > 0.035 && share < 0.065);
const cost = report.comparisons.find(({ metric }) => metric === 'costUsd');
assert(cost?.interval && cost.interval[0] > 0, 'the canary costs more, and the report is sure of it');
assert.equal(report.sampleRatioMismatch, false);

await router.close();
