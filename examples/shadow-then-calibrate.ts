// Which `minConfidence` makes 95 % of the cheap model's answers good? Shadow calls to the better model judge the cheap
// one, invisible to callers; `calibrate` finds the threshold and its guarantee.
import assert from 'node:assert/strict';
import { type CalibrationRecord, calibrate, ModelRouter } from 'model-router';
import { seededRandom } from 'model-router/simulate';
import { answer, fakeFetch } from 'model-router/testing';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const better = 'Pro/deepseek-ai/DeepSeek-V3.2';
const random = seededRandom(7);
const fetch = fakeFetch({
  models: {
    // The more confident the cheap model is, the more often it is right.
    [cheap]: () => {
      const confidence = random();
      const isRight = random() < 1 / (1 + Math.exp(2 - 14 * confidence));
      return answer({ content: isRight ? 'refund' : 'invoice', logprob: Math.log(Math.max(0.01, confidence)) });
    },
    [better]: answer({ content: 'refund' }),
  },
});
const said = (given: { choices: { message: { content: string } }[] }) => given.choices[0]?.message.content;
const router = new ModelRouter({
  clients: { default: { apiKey: 'a-key-for-the-fake', baseURL: 'https://global-apis.com/v1', fetch } },
  deployments: { [cheap]: { price: { input: 0.25, output: 0.25 } }, [better]: { price: { input: 2.5, output: 2.5 } } },
  routes: {
    classify: {
      deployments: [cheap],
      shadow: {
        deployment: better,
        share: 1, // 0.01 in production: here 1, so that the example is short
        maxConcurrent: 100,
        compare: ({ primary, shadow }) => said(primary) === said(shadow),
      },
    },
  },
});

const records: CalibrationRecord[] = [];
router.on('shadow-ended', (record) => records.push(record));
for (let i = 0; i < 1000; i += 1) {
  const messages = [{ role: 'user' as const, content: `Ticket ${i}` }];
  await router.chat.completions.create({ model: 'classify', messages });
}
while (records.length < 1000) await new Promise((resolve) => setTimeout(resolve, 10));

const found = calibrate(records, { quality: 0.95 });
assert(found.minConfidence !== null, 'a threshold was found');
console.log(`minConfidence ${found.minConfidence.toFixed(2)}, score '${found.score}'`);
console.log(`keeps ${(100 * found.keptShare).toFixed(0)} % of the answers with the cheap model`);
console.log(
  `of those, ${(100 * found.quality.seen).toFixed(1)} % were good, at least ${(100 * found.quality.low).toFixed(1)} %`,
);
assert(found.quality.low >= 0.94 && found.keptShare > 0.5);
await router.close();
