// 184 models with one key: to swap a model, change a string. No model has to be listed.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { startFakeProvider } from 'model-router/testing';

const provider = await startFakeProvider({
  models: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B', 'openai/gpt-4o'],
  apiKeys: { 'the one key': 'a-key-for-the-fake' },
});

// With a plain client's options, a router has that one client, and passes each model on under its name.
const router = new ModelRouter({ apiKey: 'a-key-for-the-fake', baseURL: provider.url });

for (const model of ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B', 'openai/gpt-4o']) {
  const completion = await router.chat.completions.create({
    model,
    messages: [{ role: 'user', content: 'Who are you?' }],
  });
  console.log(`${model}: ${completion.choices[0]?.message.content}`);
  assert.equal(callRecord(completion)?.servedModel, model);
}
assert(provider.requests.every(({ apiKeyOf }) => apiKeyOf === 'the one key'));

// With your own route, the string is in one place: callers use `chat`, and never have to change.
const chat = 'qwen/Qwen3-32B';
const named = new ModelRouter({
  apiKey: 'a-key-for-the-fake',
  baseURL: provider.url,
  deployments: { [chat]: {} },
  routes: { chat: [chat] },
  unlistedModels: 'refuse', // and a typo is an error that suggests the right name
});
const completion = await named.chat.completions.create({
  model: 'chat',
  messages: [{ role: 'user', content: 'Hello!' }],
});
console.log(`chat: ${callRecord(completion)?.servedModel}`);

const typo = named.chat.completions.create({
  model: 'qwen/Qwen3-32b',
  messages: [{ role: 'user', content: 'Hello!' }],
});
await assert.rejects(typo, (error: Error) => {
  console.log(`${error.constructor.name}: ${error.message}`);
  return error.message.includes(chat);
});

await router.close();
await named.close();
await provider.close();
