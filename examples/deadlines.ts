// One deadline for the whole call: attempts, waits and failover. A hanging model is abandoned early enough for the next
// to answer.
import assert from 'node:assert/strict';
import { callOptions, callRecord, DeadlineExceededError, ModelRouter } from 'model-router';
import { answer, hang, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const provider = await startFakeProvider({
  models: { [cheap]: hang(), [other]: answer({ content: 'Here I am.', latencyMs: 20 }) },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [cheap]: {}, [other]: {} },
  routes: { standard: { deployments: [cheap, other], deadlineMs: 1000 } },
});
const body = { model: 'standard', messages: [{ role: 'user' as const, content: 'Hello?' }] };

const completion = await router.chat.completions.create(body);
const record = callRecord(completion);
assert(record);
console.log(`The cheap model hangs, and 1000 ms are allowed: answered after ${record.durationMs.toFixed(0)} ms`);
for (const { deployment, outcome, startedMs, durationMs } of record.attempts) {
  console.log(`  ${deployment}: ${outcome}, from ${startedMs.toFixed(0)} to ${(startedMs + durationMs).toFixed(0)} ms`);
}
assert.equal(record.deployment, other);
assert(record.durationMs < 1000);

console.log('Both hang:');
provider.set(other, hang());

/** Makes a call that gets no answer, and returns how long it took. */
async function giveUp(options: Parameters<typeof router.chat.completions.create>[1]): Promise<number> {
  const startedAt = performance.now();
  try {
    await router.chat.completions.create(body, options);
  } catch (error) {
    if (!(error instanceof DeadlineExceededError)) throw error;
    const took = performance.now() - startedAt;
    console.log(`  ${error.code} after ${took.toFixed(0)} ms: ${error.message}`);
    return took;
  }
  return assert.fail('no upstream answers');
}

const byRoute = await giveUp({});
// The value nearest to the call wins, even if it is longer. A header may shorten it.
const byCall = await giveUp(callOptions({ deadlineMs: 600 }));
const byHeader = await giveUp({ headers: { 'X-Router-Deadline-Ms': '400' } });

// At most a few milliseconds late on a busy machine, never by another attempt.
for (const [took, deadline] of [[byRoute, 1000] as const, [byCall, 600] as const, [byHeader, 400] as const]) {
  assert(took >= deadline - 2 && took < deadline + 250, `${took} ms of ${deadline}`);
}

await router.close();
await provider.close();
