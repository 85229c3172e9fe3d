// A model answers prose although JSON was requested: the route rejects such answers, and the next model answers.
import assert from 'node:assert/strict';
import { callRecord, InvalidAnswerError, ModelRouter } from 'model-router';
import { answer, fakeFetch } from 'model-router/testing';
import { z } from 'zod';

const Order = z.object({ item: z.string(), pieces: z.number().int().positive() });
const talkative = 'deepseek-ai/DeepSeek-V4-Flash';
const exact = 'qwen/Qwen3-32B';
const fetch = fakeFetch({
  models: {
    [talkative]: answer({ content: 'Sure! Here is your order: two chairs.' }),
    [exact]: answer({ content: '{"item":"chair","pieces":2}' }),
  },
});

/** Whether a completion contains an order. */
function holdsOrder(completion: { choices: { message: { content: string | null } }[] }): boolean {
  try {
    return Order.safeParse(JSON.parse(completion.choices[0]?.message.content ?? '')).success;
  } catch {
    return false;
  }
}

const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'https://global-apis.com/v1', fetch } },
  deployments: { [talkative]: {}, [exact]: {} },
  routes: {
    orders: { deployments: [talkative, exact], accept: holdsOrder },
    talkative: { deployments: [talkative], accept: holdsOrder },
  },
});
const messages = [{ role: 'user' as const, content: 'Two chairs, please.' }];

const completion = await router.chat.completions.create({ model: 'orders', messages });
const order = Order.parse(JSON.parse(completion.choices[0]?.message.content ?? ''));
console.log(order);
for (const { deployment, outcome } of callRecord(completion)?.attempts ?? [])
  console.log(`  ${deployment}: ${outcome}`);
assert.deepEqual(order, { item: 'chair', pieces: 2 });

// Streams are held back until they are judged.
const stream = await router.chat.completions.create({ model: 'orders', messages, stream: true });
let text = '';
for await (const chunk of stream) text += chunk.choices[0]?.delta.content ?? '';
assert.equal(text, '{"item":"chair","pieces":2}');

// If every answer is rejected, the call fails with an error that says so.
const error = await router.chat.completions.create({ model: 'talkative', messages }).catch((thrown: unknown) => thrown);
assert(error instanceof InvalidAnswerError);
console.log(error.message);
await router.close();
