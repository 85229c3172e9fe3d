// One deployment with eight slots, and three times as many standard calls as it can handle: premium calls go first, and
// take hardly longer than on an idle machine.
import assert from 'node:assert/strict';
import { CapacityExceededError, callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';

const fetch = fakeFetch({ models: { model: answer({ latencyMs: 40 }) } });
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'https://global-apis.com/v1', fetch } },
  deployments: { model: { maxConcurrent: 8, maxQueue: 40 } },
  routes: { chat: ['model'] },
});
const messages = [{ role: 'user' as const, content: 'Hello' }];
const queued = { standard: [] as number[], premium: [] as number[] };
let refused = 0;

async function call(priority: 'standard' | 'premium'): Promise<void> {
  try {
    const completion = await router.chat.completions.create({ model: 'chat', messages }, callOptions({ priority }));
    queued[priority].push(callRecord(completion)?.queuedMs ?? 0);
  } catch (error) {
    assert(error instanceof CapacityExceededError);
    assert.equal(priority, 'standard', 'standard calls are refused first');
    refused += 1;
  }
}

const calls: Promise<void>[] = [];
for (let i = 0; i < 60; i += 1) {
  for (let n = 0; n < 6; n += 1) calls.push(call('standard'));
  if (i % 5 === 0) calls.push(call('premium'));
  await new Promise((resolve) => setTimeout(resolve, 10));
}
await Promise.all(calls);

const median = (values: number[]) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
console.log(
  `premium:  ${queued.premium.length} answered, half of them waited ${median(queued.premium).toFixed(0)} ms at most`,
);
console.log(
  `standard: ${queued.standard.length} answered, half of them waited ${median(queued.standard).toFixed(0)} ms at most; ${refused} refused`,
);
assert.equal(queued.premium.length, 12);
assert(refused > 0);
assert(median(queued.premium) < median(queued.standard));
await router.close();
