// The AI SDK on a router: it has its own client, and uses the router as its `fetch`. Model names are the router's
// routes and deployments; failover, deadlines and breakers happen below.
import assert from 'node:assert/strict';
import { createOpenAI } from '@ai-sdk/openai';
import { generateText, streamText } from 'ai';
import { ModelRouter } from 'model-router';
import { answer, cut, fail, startFakeProvider } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';
const provider = await startFakeProvider({
  models: {
    [cheap]: [fail(503), cut({ afterChunks: 0 }), answer('The cheap model is back.')],
    [other]: answer({ content: 'Hello from the other one.', chunks: 3, chunkMs: 20 }),
  },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [cheap]: { price: { input: 0.25, output: 0.25 } }, [other]: { price: { input: 0.28, output: 0.28 } } },
  routes: { standard: [cheap, other] },
});
router.on('call-ended', ({ record }) => {
  const attempts = record.attempts.map(({ deployment, outcome }) => `${deployment} ${outcome}`);
  console.log(`  ${record.requestedModel}: ${attempts.join(', ')}, $${record.costUsd?.toFixed(7)}`);
});

// The only line that the AI SDK needs. It requires a key; the router drops it and uses its own.
const openai = createOpenAI({ apiKey: 'unused', fetch: router.asFetch() });
// The router already retries: without this, the AI SDK would retry once more around it.
const maxRetries = 0;

const generated = await generateText({ model: openai.chat('standard'), prompt: 'Say hello.', maxRetries });
console.log(`generateText: ${generated.text}`);
assert.equal(generated.text, 'Hello from the other one.');

const streamed = streamText({ model: openai.chat('standard'), prompt: 'Say hello.', maxRetries });
let text = '';
for await (const piece of streamed.textStream) text += piece;
console.log(`streamText: ${text}`);
assert.equal(text, 'Hello from the other one.');

// Without `.chat` it uses the Responses API, which is routed as well.
const responded = await generateText({ model: openai('standard'), prompt: 'Say hello.', maxRetries });
console.log(`generateText over the Responses API: ${responded.text}`);
assert.equal(responded.text, 'The cheap model is back.');
assert.equal(provider.requests.at(-1)?.endpoint, '/responses');

await router.close();
await provider.close();
