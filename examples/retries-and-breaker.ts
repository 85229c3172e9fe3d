// What is retried and what is not: a single deployment is retried after a backoff with jitter, or when `Retry-After`
// says so;
// a wrong request never is; and a deployment that keeps failing gets no traffic until it has recovered.
import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { callRecord, ModelRouter } from 'model-router';
import { answer, fail, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const provider = await startFakeProvider({ models: { [cheap]: answer(), [other]: answer() } });
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [cheap]: {}, [other]: {} },
  routes: { alone: [cheap], standard: [cheap, other] },
  retry: { baseMs: 100, maxMs: 2000 }, // the wait before retry n is half of min(maxMs, baseMs * 2 ** n), and up to as much again
  // Opens at 5 failures within 10 s if they are half of the calls (the default), here also at 3 in a row.
  breaker: { consecutive: 3, cooldownMs: 300 },
});

/** Makes one call, and prints each attempt with the wait before it. */
async function send(what: string, model: string): Promise<number[]> {
  const promise = router.chat.completions.create({ model, messages: [{ role: 'user', content: 'Hello!' }] });
  const holder = await promise.catch((error: unknown) => error);
  const { attempts } = callRecord(holder) ?? { attempts: [] };
  let endedMs = 0;
  const waits = attempts.map(({ startedMs, durationMs }) => {
    const wait = startedMs - endedMs;
    endedMs = startedMs + durationMs;
    return wait;
  });
  const lines = attempts.map(
    ({ deployment, status }, i) => `${deployment} ${status} (waited ${waits[i]?.toFixed(0)} ms)`,
  );
  console.log(`${what}: ${lines.join(', ')}`);
  return waits;
}

provider.set(cheap, [fail(503), fail(503), answer()]);
assert.equal((await send('503 twice', 'alone')).length, 3);

provider.set(cheap, [fail(429, { headers: { 'retry-after-ms': '250' } }), answer()]);
const [, waited = 0] = await send('429, retry after 250 ms', 'alone');
assert(waited >= 249, 'Retry-After is respected');

provider.set(cheap, fail(400, { message: 'messages must not be empty' }));
assert.equal((await send('400', 'standard')).length, 1, 'a wrong request is wrong everywhere');

router.on('breaker-opened', ({ deployment, cooldownMs }) =>
  console.log(`-- ${deployment} is left alone, ${cooldownMs} ms`),
);
router.on('breaker-closed', ({ deployment }) => console.log(`-- ${deployment} is back`));

provider.set(cheap, fail(500));
for (let i = 1; i <= 3; i += 1) await send(`failure ${i}`, 'standard');
provider.clear();
for (let i = 1; i <= 3; i += 1) await send('breaker open', 'standard');
assert.equal(provider.requestsOf(cheap).length, 0, 'an open breaker means no traffic');

provider.set(cheap, answer());
await sleep(320);
await send('after the cooldown', 'standard');
assert.equal(router.snapshot().deployments[cheap]?.state, 'closed');

await router.close();
await provider.close();
