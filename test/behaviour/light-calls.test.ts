import { createHook } from 'node:async_hooks';
import { ModelRouter } from 'model-router';
import { OpenAI } from 'openai';
import { expect, it } from 'vitest';

const CALLS = 20;
const options = {
  apiKey: 'sk-test-0000',
  baseURL: 'http://upstream.invalid/v1',
  maxRetries: 0,
  fetch: async () =>
    Response.json({
      id: 'chatcmpl-1',
      model: 'm',
      choices: [{ index: 0, message: { role: 'assistant', content: 'Hi.' } }],
    }),
};

/** How many promises and timers a call creates. */
async function countPerCall(client: OpenAI): Promise<{ promises: number; timers: number }> {
  const call = () => client.chat.completions.create({ model: 'm', messages: [{ role: 'user', content: 'Hi.' }] });
  await call();
  const found = { promises: 0, timers: 0 };
  const hook = createHook({
    init(_, type) {
      if (type === 'PROMISE') found.promises++;
      if (type === 'Timeout') found.timers++;
    },
  }).enable();
  for (let i = 0; i < CALLS; i++) await call();
  hook.disable();
  return { promises: found.promises / CALLS, timers: found.timers / CALLS };
}

it('a call that succeeds at once adds at most 30 promises and one timer to those of a plain client', async () => {
  const plain = await countPerCall(new OpenAI(options));
  const router = new ModelRouter({
    clients: { default: options },
    deployments: { first: { client: 'default', model: 'm' }, second: { client: 'default', model: 'm' } },
    routes: { m: ['first', 'second'] },
  });
  const routed = await countPerCall(router);
  await router.close();
  expect(routed.promises - plain.promises).toBeLessThanOrEqual(30);
  expect(routed.timers - plain.timers).toBeLessThanOrEqual(1);
});
