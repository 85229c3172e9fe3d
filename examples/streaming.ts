// Streams fail over until the first content, and never after it: no restart and no repeated text, but an error with
// the partial output.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter, StreamInterruptedError } from 'model-router';
import { answer, cut, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const story = { chunks: ['Once ', 'upon ', 'a ', 'time.'], chunkMs: 30 };
const provider = await startFakeProvider({
  models: {
    // In the first call, cut before its first piece; in the second, after two pieces.
    [cheap]: [cut({ ...story, afterChunks: 0 }), cut({ ...story, afterChunks: 2 })],
    [other]: answer(story),
  },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [cheap]: { price: { input: 0.25, output: 0.25 } }, [other]: { price: { input: 0.28, output: 0.28 } } },
  routes: { standard: [cheap, other] },
});
const body = {
  model: 'standard',
  messages: [{ role: 'user' as const, content: 'Tell me a story.' }],
  stream: true as const,
};

console.log('Broken before the first content:');
const first = await router.chat.completions.create(body);
let text = '';
for await (const chunk of first) text += chunk.choices[0]?.delta.content ?? '';
// A stream's record is complete when the stream has ended.
const record = callRecord(first);
console.log(`  "${text}" from ${record?.deployment}`);
console.log(`  attempts: ${record?.attempts.map((each) => `${each.deployment} ${each.outcome}`).join(', ')}`);
console.log(`  first content after ${record?.timeToFirstChunkMs?.toFixed(0)} ms, cost $${record?.costUsd?.toFixed(7)}`);
assert.equal(text, 'Once upon a time.');
assert.equal(record?.deployment, other);

console.log('Broken after it:');
const second = await router.chat.completions.create(body);
let seen = '';
try {
  for await (const chunk of second) seen += chunk.choices[0]?.delta.content ?? '';
  assert.fail('a broken stream must not end like a whole one');
} catch (error) {
  if (!(error instanceof StreamInterruptedError)) throw error;
  console.log(`  ${error.name} (${error.reason}): ${error.message}`);
  console.log(`  what had arrived: "${error.text}", in ${error.partial.length} chunks`);
  assert.equal(error.text, seen);
  assert.equal(seen, 'Once upon ');
  // There was no failover: you decide whether to start again.
  assert.equal(callRecord(error)?.attempts.length, 1);
}

await router.close();
await provider.close();
