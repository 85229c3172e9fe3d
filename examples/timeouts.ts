// Every timeout is an option, in milliseconds; none is the SDK's ten minutes.
import assert from 'node:assert/strict';
import { callOptions, callRecord, ModelRouter, StreamInterruptedError } from 'model-router';
import { answer, hang, stall, startFakeProvider } from 'model-router/testing';
import { OpenAI } from 'openai';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const provider = await startFakeProvider({ models: { [cheap]: hang(), [other]: answer() } });
const connection = { apiKey: 'a-key-for-the-fake', baseURL: provider.url };
const router = new ModelRouter({
  clients: { default: connection },
  deployments: { [cheap]: {}, [other]: {} },
  routes: { standard: [cheap, other] },
  breaker: false, // this example fails on purpose, and needs the cheap model first each time
});
const body = { model: 'standard', messages: [{ role: 'user' as const, content: 'Hello!' }] };

console.log(
  `openai's own limit: ${new OpenAI(connection).timeout / 60_000} minutes an attempt, and no limit for a call`,
);
const { deadlineMs, attemptTimeoutMs } = router.explain(body);
console.log(
  `the router's, unless you say otherwise: ${deadlineMs / 1000} s a call, its first attempt at most ${attemptTimeoutMs} ms`,
);
assert.equal(deadlineMs, 120_000);

/** When the first attempt ended. */
async function givenUpAfter(what: string, options: Parameters<typeof router.chat.completions.create>[1]) {
  const record = callRecord(await router.chat.completions.create(body, options));
  const [first] = record?.attempts ?? [];
  assert(first?.outcome === 'timeout' && record?.deployment === other);
  console.log(`${what}: the cheap model was left after ${first.durationMs.toFixed(0)} ms, the other one answered`);
  return first.durationMs;
}
assert((await givenUpAfter('attemptTimeoutMs: 300', callOptions({ attemptTimeoutMs: 300 }))) < 1000);
// The SDK's own option means the same: time for one attempt.
assert((await givenUpAfter('timeout: 300         ', { timeout: 300 })) < 1000);

console.log('A stream that says nothing for a second after its second piece:');
provider.set(cheap, stall({ chunks: ['Well, ', 'let me ', 'think.'], afterChunks: 2, ms: 1000 }));

const plain = new OpenAI({ ...connection, timeout: 300 });
const startedAt = performance.now();
const unlimited = await plain.chat.completions.create({ ...body, model: cheap, stream: true });
for await (const _ of unlimited);
const took = performance.now() - startedAt;
console.log(`  a plain client with timeout: 300 waits for it, ${took.toFixed(0)} ms: its timeout ends at the headers`);
assert(took >= 990);

const limited = await router.chat.completions.create(
  { ...body, stream: true },
  callOptions({ firstChunkTimeoutMs: 2000, chunkTimeoutMs: 300 }),
);
const error = await (async () => {
  for await (const _ of limited);
})().catch((reason: unknown) => reason);
assert(error instanceof StreamInterruptedError && error.reason === 'stalled');
console.log(`  the router with chunkTimeoutMs: 300: ${error.name} (${error.reason}), "${error.text}" had arrived`);

provider.set(cheap, stall({ afterChunks: 0, ms: 1000 }));
const late = await router.chat.completions.create({ ...body, stream: true }, callOptions({ firstChunkTimeoutMs: 200 }));
for await (const _ of late);
console.log(`firstChunkTimeoutMs: 200, and nothing within it: the stream came from ${callRecord(late)?.deployment}`);
assert.equal(callRecord(late)?.deployment, other);

await router.close();
await provider.close();
