// Three models answer: the route learns which one is fastest, stays with it, and moves on when another one becomes
// faster.
import assert from 'node:assert/strict';
import { callRecord, ModelRouter } from 'model-router';
import { answer, startFakeProvider } from 'model-router/testing';

const models = ['deepseek-ai/DeepSeek-V4-Flash', 'qwen/Qwen3-32B', 'zai-org/GLM-5'];
const [flash = '', qwen = '', glm = ''] = models;
const provider = await startFakeProvider({
  models: { [flash]: answer({ latencyMs: 90 }), [qwen]: answer({ latencyMs: 20 }), [glm]: answer({ latencyMs: 50 }) },
});
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: provider.url } },
  deployments: { [flash]: {}, [qwen]: {}, [glm]: {} },
  routes: { chat: { deployments: models, strategy: 'lowest-latency' } },
});

/** Makes calls, and counts the answers of each model. */
async function traffic(calls: number): Promise<Map<string, number>> {
  const answered = new Map<string, number>(models.map((model) => [model, 0]));
  for (let i = 0; i < calls; i += 1) {
    const completion = await router.chat.completions.create({
      model: 'chat',
      messages: [{ role: 'user', content: `Question ${i}` }],
    });
    const deployment = callRecord(completion)?.deployment ?? '';
    answered.set(deployment, (answered.get(deployment) ?? 0) + 1);
  }
  return answered;
}

const show = (answered: Map<string, number>) => {
  for (const [model, calls] of answered) console.log(`  ${model}: ${calls} calls`);
};

console.log('Qwen is the fastest:');
const first = await traffic(120);
show(first);
assert((first.get(qwen) ?? 0) > 90);

provider.set(qwen, answer({ latencyMs: 150 }));
console.log('Qwen has become slow, and GLM is the fastest:');
await traffic(30); // old measurements lose weight
const second = await traffic(120);
show(second);
assert((second.get(glm) ?? 0) > 90);

console.log(
  String(
    router
      .explain({ model: 'chat', messages: [] })
      .deployments.map(({ id }) => id)
      .join(', then '),
  ),
);
await router.close();
await provider.close();
