// A key is revoked while the application runs: its client is suspended, the fallback answers, and `router.update` sets
// the new key without a restart.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter, type RouterOptions } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';

const models = {
  'deepseek-ai/DeepSeek-V4-Flash': answer({ content: 'from the first account' }),
  'qwen/Qwen3-32B': answer(),
};
const fetch = fakeFetch({ models, apiKeys: { fresh: 'sk-fresh-key', other: 'sk-other-key' } });
const clients = (apiKey: string): RouterOptions['clients'] => ({
  default: { apiKey, baseURL: 'https://global-apis.com/v1', fetch },
  fallback: { apiKey: 'sk-other-key', baseURL: 'https://global-apis.com/v1', fetch },
});
const router = new ModelRouter({
  clients: clients('sk-revoked-key'),
  deployments: { 'deepseek-ai/DeepSeek-V4-Flash': {}, 'qwen/Qwen3-32B': { client: 'fallback' } },
  routes: { chat: ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B'] },
  logLevel: 'error', // hides the warning about the refused key
});
router.on('client-suspended', ({ client, status }) => console.log(`client ${client} is suspended (${status})`));
const ask = async () => {
  const completion = await router.chat.completions.create({
    model: 'chat',
    messages: [{ role: 'user', content: 'Hi' }],
  });
  return callRecord(completion)?.deployment;
};

assert.equal(await ask(), 'qwen/Qwen3-32B');
console.log('the old key was refused, and the fallback answered');

router.update({ clients: clients('sk-fresh-key') });
assert.equal(await ask(), 'deepseek-ai/DeepSeek-V4-Flash');
console.log('the new key works at once');
await router.close();
