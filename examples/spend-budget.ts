// A job uses the most expensive model by mistake: without a limit it would cost $4,000. It stops at $400, after warnings.
import assert from 'node:assert/strict';
import { callOptions, ModelRouter, SpendBudgetExceededError } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';

const usage = { inputTokens: 400, outputTokens: 3900 };
const fake = fakeFetch({ models: { 'o1-pro': answer({ usage }), 'deepseek-ai/DeepSeek-V4-Flash': answer({ usage }) } });
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'http://fake.test/v1', fetch: fake } },
  deployments: {
    'o1-pro': { price: { input: 150, output: 600 } }, // US dollars per million tokens
    'deepseek-ai/DeepSeek-V4-Flash': { price: { input: 0.25, output: 0.25 } },
  },
  routes: { batch: ['o1-pro', 'deepseek-ai/DeepSeek-V4-Flash'] },
  budgets: [
    { usd: 400, window: 'month' },
    { usd: 20, window: 'day', per: 'tenant' }, // each tenant's
  ],
  maxAttempts: 1,
  logLevel: 'off', // the warnings are in the log, too, at `warn`
});
router.on('budget-warning', ({ budget, percent, spentUsd, tenant }) => {
  if (tenant === null) console.log(`  ${percent} % of ${budget}: $${spentUsd.toFixed(2)} is spent`);
});

const body = { model: 'batch', messages: [{ role: 'user' as const, content: 'Summarise document 17.' }] };
console.log(`A call may cost up to $${router.explain(body).maxCostUsd?.toFixed(2)}. 1,700 documents are waiting.`);

let done = 0;
let stopped: unknown;
while (stopped === undefined && done < 1700) {
  const tenant = `tenant-${done % 100}`;
  await router.chat.completions.create(body, callOptions({ tenant })).then(
    () => done++,
    (error: unknown) => {
      stopped = error;
    },
  );
}
assert(stopped instanceof SpendBudgetExceededError);
const { totalUsd, budgets } = router.snapshot().spend;
assert(totalUsd !== null);
console.log(`Stopped after ${done} documents and $${totalUsd.toFixed(2)}; all of them would have been $4,080.`);
console.log(`  ${stopped.message}`);
assert(totalUsd <= 400 && totalUsd > 395);
assert.equal(fake.requests.length, done);
assert.equal(budgets[0]?.reservedUsd, 0);

// As the message suggests: the expensive model is skipped, and the cheap one uses what is left.
const { model } = await router.chat.completions.create(body, callOptions({ overBudget: 'skip', tenant: 'tenant-1' }));
console.log(`With overBudget: 'skip', ${model} answered.`);
assert.equal(model, 'deepseek-ai/DeepSeek-V4-Flash');

// Each tenant has its own budget.
const single = callOptions({ overBudget: 'refuse', tenant: 'tenant-1', maxCostUsd: 0.5 });
const tooDear = await router.chat.completions.create(body, single).catch((error: unknown) => error);
assert(tooDear instanceof SpendBudgetExceededError);
assert.equal(tooDear.budget, 'maxCostUsd');

console.log('Where the money went:', router.snapshot().spend.byDeployment);
console.log(router.spendCsv().split('\r\n').slice(0, 3).join('\n'));
await router.close();
