// Changes the primary without a redeploy and without losing a call: `router.update` replaces the route, and statistics
// stay.
import assert from 'node:assert/strict';
import { callRecord, InvalidOptionError, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';

const flash = 'deepseek-ai/DeepSeek-V4-Flash';
const qwen = 'qwen/Qwen3-32B';
const fetch = fakeFetch({ models: { [flash]: answer({ latencyMs: 30 }), [qwen]: answer() } });
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'https://global-apis.com/v1', fetch } },
  deployments: { [flash]: {}, [qwen]: {} },
  routes: { chat: [flash, qwen] },
});
router.on('config-updated', ({ options }) => console.log(`updated: ${options.join(', ')}`));
const call = () => router.chat.completions.create({ model: 'chat', messages: [{ role: 'user', content: 'Hi' }] });

const running = call();
router.update({ routes: { chat: [qwen, flash] } });
const next = await call();
console.log(`the next call: ${callRecord(next)?.deployment}`);
console.log(`the call that was running: ${callRecord(await running)?.deployment}`);
assert.equal(callRecord(next)?.deployment, qwen);
assert.equal(callRecord(await running)?.deployment, flash);

// A mistake changes nothing.
assert.throws(() => router.update({ routes: { chat: ['qwen/Qwen3-23B'] }, deadlineMs: 1000 }), InvalidOptionError);
assert.equal(callRecord(await call())?.deployment, qwen);
assert.equal(router.snapshot().routes.chat?.requests, 3);
await router.close();
