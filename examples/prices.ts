// The cost of a call, and the price behind it: the deployment's own, a public table, or the router's small one.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { genaiPrices } from 'model-router/genai-prices';
import { answer, startFakeProvider } from 'model-router/testing';

// 2000 input tokens, 1500 of them from the provider's cache; 100 output tokens.
const usage = { inputTokens: 2000, outputTokens: 100, cachedInputTokens: 1500 };
const models = ['our-own', 'gpt-4o-mini', 'qwen/Qwen3-32B', 'a-model-of-tomorrow'];
const provider = await startFakeProvider({
  models: Object.fromEntries(models.map((model) => [model, answer({ usage })])),
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { 'our-own': { price: { input: 1, output: 4, cachedInput: 0.1 } } },
  // For all others, listed or not: your own table, or this one from the optional peer @pydantic/genai-prices.
  prices: genaiPrices(),
});
const unknown: string[] = [];
router.on('price-unknown', ({ model }) => unknown.push(model ?? ''));

const sources: (string | null)[] = [];
for (const model of models) {
  const completion = await router.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hello' }] });
  const { costUsd, priceSource } = callRecord(completion) ?? assert.fail('a call of the router has a record');
  console.log(`${model.padEnd(20)} ${costUsd === null ? 'unknown  ' : `$${costUsd.toFixed(6)}`}  ${priceSource ?? ''}`);
  sources.push(priceSource);
  if (model === 'our-own') assert.equal(costUsd, (500 * 1 + 1500 * 0.1 + 100 * 4) / 1e6);
}
assert.match(sources.join(), /^deployment,genai-prices \d[\d.]*,built-in \d{4}-\d\d-\d\d,$/);
assert.deepEqual(unknown, ['a-model-of-tomorrow']);

await router.close();
await provider.close();
