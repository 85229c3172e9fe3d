// Three clients, each with its own key and server, in one object. No key ever reaches another client's server.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { answer, startFakeProvider } from 'model-router/testing';
import { OpenAI } from 'openai';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const pro = 'Pro/deepseek-ai/DeepSeek-V3.2';
const apiKeys = { default: 'key-of-default', fallback: 'key-of-fallback', pro: 'key-of-pro' };
const servers = {
  // The key of the default client has been revoked: its server accepts another one only.
  default: await startFakeProvider({ models: { [cheap]: answer() }, apiKeys: { replaced: 'a-new-key' } }),
  fallback: await startFakeProvider({ models: { [other]: answer() }, apiKeys }),
  pro: await startFakeProvider({ models: { [pro]: answer() }, apiKeys }),
};

const router = new ModelRouter({
  clients: {
    default: { apiKey: apiKeys.default, baseURL: servers.default.url },
    fallback: { apiKey: apiKeys.fallback, baseURL: servers.fallback.url },
    // An existing client works as well, with all its settings.
    pro: new OpenAI({ apiKey: apiKeys.pro, baseURL: servers.pro.url, defaultHeaders: { 'X-Team': 'search' } }),
  },
  deployments: { [cheap]: {}, [other]: { client: 'fallback' }, [pro]: { client: 'pro' } },
  routes: { standard: [cheap, other], premium: [pro] },
});
const messages = [{ role: 'user' as const, content: 'Hello!' }];

router.on('client-suspended', ({ client, status, forMs }) => {
  console.log(`-- the client ${client} was refused (${status}) and is suspended for ${forMs / 1000} s`);
});

for (const model of ['standard', 'standard', 'premium']) {
  const completion = await router.chat.completions.create({ model, messages });
  const { attempts } = callRecord(completion) ?? assert.fail('a call of the router has a record');
  console.log(`${model}: ${attempts.map(({ deployment, status }) => `${deployment} ${status}`).join(', ')}`);
}

for (const [name, server] of Object.entries(servers)) {
  const keys = server.requests.map(({ apiKeyOf }) => apiKeyOf ?? 'a key that it does not know');
  console.log(`the server of ${name} was shown: ${keys.join(', ')}`);
}

assert.equal(servers.default.count, 1, 'a refused key is not sent again and again');
assert.deepEqual(
  servers.fallback.requests.map(({ apiKeyOf }) => apiKeyOf),
  ['fallback', 'fallback'],
);
assert.deepEqual(
  servers.pro.requests.map(({ apiKeyOf, headers }) => [apiKeyOf, headers['x-team']]),
  [['pro', 'search']],
);

await router.close();
await Promise.all(Object.values(servers).map((server) => server.close()));
