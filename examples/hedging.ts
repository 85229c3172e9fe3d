// After 500 ms the call is also sent to the other model: the first valid answer wins, and the loser is aborted.
import assert from 'node:assert/strict';
import { callOptions, callRecord, ModelRouter } from 'model-router';
import { answer, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const provider = await startFakeProvider({
  models: { [cheap]: answer({ latencyMs: 3000 }), [other]: answer({ content: 'Here I am.', latencyMs: 80 }) },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [cheap]: {}, [other]: {} },
  routes: { standard: { deployments: [cheap, other], deadlineMs: 10_000, hedgeAfterMs: 500 } },
});
const messages = [{ role: 'user' as const, content: 'Hello?' }];
router.on('hedge-started', ({ deployment, afterMs }) =>
  console.log(`  ${deployment} gets a hedge, after ${afterMs.toFixed(0)} ms`),
);

/** Makes a call, shows its attempts, and returns how long it took. */
async function call(what: string, options: Parameters<typeof router.chat.completions.create>[1]): Promise<number> {
  console.log(`${what}:`);
  const record = callRecord(await router.chat.completions.create({ model: 'standard', messages }, options));
  assert(record);
  for (const { deployment, outcome, startedMs, durationMs } of record.attempts) {
    console.log(
      `  ${deployment}: ${outcome}, from ${startedMs.toFixed(0)} to ${(startedMs + durationMs).toFixed(0)} ms`,
    );
  }
  console.log(`  answered by ${record.deployment} after ${record.durationMs.toFixed(0)} ms`);
  return record.durationMs;
}

assert((await call('The cheap model is slow today', {})) < 2000);
assert((await call('Without a hedge', callOptions({ hedgeAfterMs: false }))) >= 2990);

provider.set(cheap, answer({ latencyMs: 100 }));
assert((await call('The cheap model is quick again: no hedge', {})) < 500);
assert.equal(provider.requests.filter(({ model }) => model === other).length, 1);

// A call that the server stores is never hedged.
const { hedgeAfterMs, hedgeDisabledReason } = router.explain({ model: 'standard', messages, store: true });
console.log(`With store: true: ${hedgeAfterMs === null ? `no hedge, ${hedgeDisabledReason}` : 'hedged'}`);
assert.equal(hedgeAfterMs, null);

await router.close();
await provider.close();
