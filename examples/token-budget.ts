// A pasted 50-page document is refused before it is sent, and the error says what to change.
import assert from 'node:assert/strict';
import { callOptions, callRecord, ModelRouter, TokenBudgetExceededError } from 'model-router';
import { answer, startFakeProvider } from 'model-router/testing';

const model = 'deepseek-ai/DeepSeek-V4-Flash';
const provider = await startFakeProvider({ models: { [model]: answer('The handbook is about holidays.') } });
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [model]: {} },
  routes: {
    chat: { deployments: [model], maxInputTokens: 8000 },
    documents: { deployments: [model], maxInputTokens: 60_000 },
  },
});
router.on('budget-refused', ({ route, estimate, limit }) =>
  console.log(`  event: route ${route}, about ${estimate} tokens, limit ${limit}`),
);

/** About 400 words. */
const page = 'Every employee may take the days that are left of one year in the first quarter of the next one. '.repeat(
  21,
);
const ask = (content: string) => ({ model: 'chat', messages: [{ role: 'user' as const, content }] });
const question = ask('How many days of holiday do I have?');
const pasted = ask(`What is this about?\n\n${Array.from({ length: 50 }, () => page).join('\n\n')}`);

await router.chat.completions.create(question);
console.log(`A question of about ${router.explain(question).inputTokens} tokens was sent.`);

console.log('The same with a 50-page document pasted into it:');
const error = await router.chat.completions.create(pasted).catch((reason: unknown) => reason);
assert(error instanceof TokenBudgetExceededError);
console.log(`  ${error.message}`);
assert.equal(provider.requests.length, 1);
assert.deepEqual(callRecord(error)?.attempts, []);

// As the message suggests. `explain` shows the same without a call.
assert.equal(router.explain(pasted).refusal, error.message);
await router.chat.completions.create({ ...pasted, model: 'documents' });
console.log('On a route for documents it was sent.');
await router.chat.completions.create(pasted, callOptions({ maxInputTokens: error.estimate }));
console.log('With a limit raised for this one call, too.');
assert.equal(provider.requests.length, 3);

await router.close();
await provider.close();
