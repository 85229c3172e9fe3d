// One region is down: the other takes over. Data that must stay in a region stays there, even if the call then fails.
import assert from 'node:assert/strict';
import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, startFakeProvider } from 'model-router/testing';

const model = 'deepseek-ai/DeepSeek-V4-Flash';
const us = await startFakeProvider({ models: { [model]: answer('Hello from Virginia.') } });
const eu = await startFakeProvider({ models: { [model]: answer('Hello from Ireland.') } });

const router = new ModelRouter({
  clients: {
    us: { apiKey: 'a-key-for-the-fake', baseURL: us.url },
    eu: { apiKey: 'a-key-for-the-fake', baseURL: eu.url },
  },
  deployments: {
    'flash in us-east-1': { client: 'us', model, region: 'us-east-1' },
    'flash in eu-west-1': { client: 'eu', model, region: 'eu-west-1' },
  },
  routes: {
    standard: ['flash in us-east-1', 'flash in eu-west-1'],
    // Residency as an option of the route; `withOptions` and single calls can set it too.
    patients: { deployments: ['flash in us-east-1', 'flash in eu-west-1'], regions: ['eu-west-1'] },
  },
});
const messages = [{ role: 'user' as const, content: 'Hello!' }];

/** Makes a call, and returns where it was answered, or why not. */
async function send(what: string, promise: Promise<{ choices: { message: { content: string | null } }[] }>) {
  const outcome = await promise.then(
    (completion) => ({ text: completion.choices[0]?.message.content ?? '', region: callRecord(completion)?.region }),
    (error: Error) => ({ text: `${error.constructor.name}: ${error.message}`, region: null }),
  );
  console.log(`${what}: ${outcome.text}`);
  return outcome.region;
}

assert.equal(await send('all is well', router.chat.completions.create({ model: 'standard', messages })), 'us-east-1');
assert.equal(await send('patient data', router.chat.completions.create({ model: 'patients', messages })), 'eu-west-1');

// The plan says why a deployment is excluded, before anything is sent.
for (const { id, excluded = 'available' } of router.explain({ model: 'patients', messages }).deployments) {
  console.log(`  ${id}: ${excluded}`);
}

await us.close();
assert.equal(
  await send('us-east-1 is down', router.chat.completions.create({ model: 'standard', messages })),
  'eu-west-1',
);

const inUs = callOptions({ regions: ['us-east-1'] });
const askedBefore = eu.count;
const stayed = await send(
  'us-east-1 is down, US only',
  router.chat.completions.create({ model: 'standard', messages }, inUs),
);
assert.equal(stayed, null);
assert.equal(eu.count, askedBefore, 'nothing has left the region');

await router.close();
await eu.close();
