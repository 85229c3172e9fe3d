// A support desk: forty people ask six questions, most of them at once. Equal questions are one call.
import assert from 'node:assert/strict';
import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, startFakeProvider } from 'model-router/testing';

const model = 'deepseek-ai/DeepSeek-V4-Flash';
const provider = await startFakeProvider({
  models: { [model]: answer({ content: 'You have 14 days from delivery, and pay nothing for it.', latencyMs: 120 }) },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [model]: { price: { input: 0.25, output: 0.25 } } },
  routes: { support: [model] },
  cache: { mode: 'all', ttlMs: 600_000, staleMs: 60_000, staleIfErrorMs: 3_600_000 },
});

const questions = [
  "What's your refund policy?",
  'Where is my parcel?',
  'How do I change my password?',
  'Do you ship to Norway?',
  'How long is the warranty?',
  'Can I pay by invoice?',
];

let count = 0;
/** One question of a customer: prints how the cache was used, and how long it took. */
async function ask(question: string, tenant: string) {
  const messages = [
    { role: 'system' as const, content: 'You answer for a shop. '.repeat(40) },
    { role: 'user' as const, content: question },
  ];
  count += 1;
  const completion = await router.chat.completions.create(
    { model: 'support', messages },
    callOptions({ tenant: tenant }),
  );
  const record = callRecord(completion);
  assert(record);
  return record;
}

const everybody = Array.from({ length: 20 }, (_, i) => ask(questions[i % questions.length] ?? '', 'shop'));
const rush = await Promise.all(everybody);
const later: typeof rush = [];
for (let i = 0; i < 20; i += 1) later.push(await ask(questions[i % questions.length] ?? '', 'shop'));

const records = [...rush, ...later];
const misses = records.filter(({ cache }) => cache === 'miss');
const missMs = misses.reduce((sum, { durationMs }) => sum + durationMs, 0) / misses.length;
const savedMs = records.reduce((sum, { durationMs }) => sum + Math.max(0, missMs - durationMs), 0);
const { cache } = router.snapshot();
const costUsd = records.reduce((sum, each) => sum + (each.costUsd ?? 0), 0);

console.log(`${count} questions, ${provider.requests.length} calls to the model`);
console.log(`  ${cache.misses} sent, ${cache.joined} joined a call in flight, ${cache.hits} answered from the cache`);
console.log(`  paid $${costUsd.toFixed(6)}, saved $${cache.savedUsd.toFixed(6)} and ${cache.savedTokens} tokens`);
console.log(`  a call took ${missMs.toFixed(0)} ms; ${savedMs.toFixed(0)} ms of waiting were saved`);
assert.equal(provider.requests.length, questions.length);
assert.deepEqual([cache.misses, cache.joined, cache.hits], [6, 14, 20]);
assert(cache.savedUsd > 5 * costUsd);

const other = await ask(questions[0] ?? '', 'another shop');
console.log(`The same question in another tenant: ${other.cache}`);
assert.equal(other.cache, 'miss');

await router.close();
await provider.close();
