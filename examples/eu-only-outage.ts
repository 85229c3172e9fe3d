// Data must stay in the EU, and its region is down: another EU region answers, the US one never gets it. If no EU
// region is left, the call fails.
import assert from 'node:assert/strict';
import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fail, fakeFetch } from 'model-router/testing';

const fetch = fakeFetch({ models: { 'eu-west': fail(503), 'eu-north': answer(), us: answer() } });
const client = { apiKey: 'a-key-for-the-fake', baseURL: 'https://global-apis.com/v1', fetch };
const router = new ModelRouter({
  clients: { default: client, eu: client },
  deployments: {
    'eu-west': { client: 'eu', region: 'eu-west-1' },
    us: { client: 'default', region: 'us-east-1' },
    'eu-north': { client: 'eu', region: 'eu-north-1' },
  },
  routes: { chat: ['eu-west', 'us', 'eu-north'] },
  retry: { baseMs: 1 },
});
const messages = [{ role: 'user' as const, content: 'A letter with a name in it.' }];
const eu = callOptions({ regions: ['eu-west-1', 'eu-north-1'] });

console.log(
  String(
    router
      .explain({ model: 'chat', messages }, eu)
      .deployments.map(({ id, excluded }) => `${id}: ${excluded ?? 'allowed'}`)
      .join('\n'),
  ),
);
const completion = await router.chat.completions.create({ model: 'chat', messages }, eu);
console.log(`answered by ${callRecord(completion)?.deployment} in ${callRecord(completion)?.region}`);
assert.equal(callRecord(completion)?.deployment, 'eu-north');

// Files and batches are restricted too: they go to the client whose deployments all lie within the regions.
await router.withOptions({ regions: ['eu-west-1', 'eu-north-1'] }).batches.create({
  input_file_id: 'file-1',
  endpoint: '/v1/chat/completions',
  completion_window: '24h',
});

fetch.set('eu-north', fail(503));
const error = await router.chat.completions.create({ model: 'chat', messages }, eu).catch((thrown: unknown) => thrown);
console.log(`both EU regions are down: ${error instanceof Error ? error.message : ''}`);
assert(error instanceof Error);
assert(fetch.requests.every(({ model }) => model !== 'us'));
await router.close();
