// Tests of the same application (app/support-desk.ts) with `fakeFetch` from the test kit: no server, no socket, and
// faults that a mocked response cannot have. With fake timers, not even a hang takes time.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { install } from '@sinonjs/fake-timers';
import { ModelRouter, StreamInterruptedError } from 'model-router';
import { answer, cut, type FakeFetch, fakeFetch, hang, type Models } from 'model-router/testing';
import { handleTicket } from './app/support-desk.ts';

const cheap = 'deepseek-ai/DeepSeek-V4-Flash';
const other = 'qwen/Qwen3-32B';

/** A router over scripted upstreams, and the fake that records the requests. */
function setUp(models: Models): { router: ModelRouter; fake: FakeFetch } {
  const fake = fakeFetch({ models });
  const router = new ModelRouter({
    clients: { default: { apiKey: 'test', baseURL: 'https://global-apis.com/v1', fetch: fake } },
    deployments: { [cheap]: {}, [other]: {} },
    fallbacks: [other],
    deadlineMs: 10_000,
  });
  return { router, fake };
}

test('the summary and the reply come from what the models say', async () => {
  const { router, fake } = setUp({ [cheap]: [answer('Charged twice.'), answer('We are sorry!')], [other]: answer() });
  const pieces: string[] = [];
  const handled = await handleTicket(router, 'I was charged twice.', (text) => pieces.push(text));
  assert.deepEqual(handled, { summary: 'Charged twice.', reply: 'We are sorry!' });
  assert.equal(pieces.join(''), 'We are sorry!');
  // The requests are recorded, with credentials masked.
  assert.equal(fake.requests[1]?.stream, true);
  assert.equal(fake.requests[0]?.headers.authorization, '***');
  await router.close();
});

test('a model that hangs is left in time for the other one', async () => {
  const clock = install({
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'],
  });
  try {
    const { router, fake } = setUp({ [cheap]: hang(), [other]: answer('Answered.') });
    const startedAt = performance.now();
    const handling = handleTicket(router, 'I was charged twice.');
    await clock.tickAsync(20_000);
    assert.equal((await handling).reply, 'Answered.');
    console.log(`  2 calls, ${fake.count} requests, 20 s in virtual time`);
    // Half of the deadline is reserved for a model without statistics.
    const leftAfter = (fake.requestsOf(other)[0]?.startedAt ?? 0) - startedAt;
    assert.equal(leftAfter, 5000);
    await router.close();
  } finally {
    clock.uninstall();
  }
});

test('a reply that breaks off is an error, not half a reply', async () => {
  const { router } = setUp({
    [cheap]: [answer(), cut({ chunks: ['We are ', 'sorry!'], afterChunks: 1 })],
    [other]: answer(),
  });
  await assert.rejects(handleTicket(router, 'I was charged twice.'), (error) => {
    assert(error instanceof StreamInterruptedError);
    assert.equal(error.text, 'We are ');
    return true;
  });
  await router.close();
});
