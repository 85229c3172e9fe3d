import { callRecord, type DeploymentOptions } from 'model-router';
import { type AnswerUsage, answer, cut, fail, hang, reset } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { collect, errorOf, messages, read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

useFakeTime();

const price = { input: 2, output: 10 };
const usage = { inputTokens: 1000, outputTokens: 100 };

const priced = (deployments: Record<string, DeploymentOptions>): Setup => ({
  deployments,
  routes: { standard: Object.keys(deployments) },
});

describe('what a call costs', () => {
  it.each<[string, DeploymentOptions, AnswerUsage, number]>([
    ['input and output', { price }, usage, 0.003],
    ['reasoning is output', { price }, { ...usage, reasoningTokens: 60 }, 0.003],
    [
      'cached input at its own price',
      { price: { ...price, cachedInput: 0.5 } },
      { ...usage, cachedInputTokens: 400 },
      0.0024,
    ],
    [
      'cached input at the price of input, if it has none of its own',
      { price },
      { ...usage, cachedInputTokens: 400 },
      0.003,
    ],
    ['free cached input', { price: { ...price, cachedInput: 0 } }, { ...usage, cachedInputTokens: 1000 }, 0.001],
    ['nothing at a price of 0', { price: { input: 0, output: 0 } }, usage, 0],
  ])('%s', async (_, deployment, used, costUsd) => {
    const { router } = build({ a: answer({ usage: used }) }, priced({ a: deployment }));
    const record = callRecord(await sendChat(router));
    expect(record?.costUsd).toBeCloseTo(costUsd, 12);
    expect(record?.attempts[0]?.costUsd).toBeCloseTo(costUsd, 12);
    expect(router.snapshot().deployments.a?.costUsd).toBeCloseTo(costUsd, 12);
    expect(router.snapshot().routes.standard?.costUsd).toBeCloseTo(costUsd, 12);
  });

  it('is unknown if the cost of any attempt is: an attempt that broke, or an answer that was not good enough', async () => {
    const { router } = build(
      { unpriced: [reset(), answer('Hm.')], priced: answer({ usage }) },
      {
        ...priced({ unpriced: {}, priced: { price } }),
        routes: { standard: { deployments: ['unpriced', 'priced'], escalate: { when: () => true, maxShare: 1 } } },
      },
    );
    for (const outcome of ['connection', 'success']) {
      const record = callRecord(await sendChat(router));
      expect(record?.attempts.map((attempt) => [attempt.outcome, attempt.costUsd])).toEqual([
        [outcome, null],
        ['success', 0.003],
      ]);
      expect(record?.costUsd).toBeNull();
    }
    expect(router.snapshot().routes.standard).toMatchObject({ costUsd: null, unpriced: 2 });
  });

  it('is counted from the usage of responses as well', async () => {
    const { router } = build(
      { a: answer({ usage: { ...usage, cachedInputTokens: 400, reasoningTokens: 60 } }) },
      priced({ a: { price: { ...price, cachedInput: 0.5 } } }),
    );
    const record = callRecord(await router.responses.create({ model: 'a', input: 'Hello' }));
    expect(record).toMatchObject({
      usage: { inputTokens: 1000, outputTokens: 100, cachedInputTokens: 400, reasoningTokens: 60 },
      providerUsage: { input_tokens: 1000 },
    });
    expect(record?.costUsd).toBeCloseTo(0.0024, 12);
  });

  it('returns the provider’s own usage unchanged, with all its fields', async () => {
    const extra = { total_time: 0.5, cost_details: { upstream: 1 } };
    const { router } = build({ a: answer({ usage: { ...usage, extra } }) }, priced({ a: { price } }));
    const completion = await sendChat(router);
    expect(completion.usage).toMatchObject(extra);
    expect(callRecord(completion)?.providerUsage).toEqual(completion.usage);
  });

  it('is the price of the deployment that answered', async () => {
    const { router } = build(
      { a: fail(500), b: answer({ usage }) },
      priced({ a: { price: { input: 100, output: 100 } }, b: { price } }),
    );
    const record = callRecord(await sendChat(router));
    expect(record?.costUsd).toBeCloseTo(0.003, 12);
    expect(record?.attempts.map((attempt) => attempt.costUsd)).toEqual([0, expect.closeTo(0.003, 12)]);
  });
});

describe('an unknown cost', () => {
  it('is null, never 0, without a price', async () => {
    const { router } = build({ a: answer({ usage }) }, priced({ a: {} }));
    const record = callRecord(await sendChat(router));
    expect(record?.costUsd).toBeNull();
    expect(record?.attempts[0]?.costUsd).toBeNull();
    const { deployments, routes, spend } = router.snapshot();
    expect(deployments.a).toMatchObject({ costUsd: null, unpriced: 1 });
    expect(routes.standard).toMatchObject({ costUsd: null, unpriced: 1 });
    expect(spend).toMatchObject({
      totalUsd: null,
      unpriced: 1,
      byDeployment: { a: null },
      byRoute: { standard: null },
    });
    expect(router.spendCsv()).toContain(',a,standard,,,1\r\n');
  });

  it('is estimated for an attempt that was cut off or timed out: it may have been billed', async () => {
    const { router } = build(
      { a: hang(), b: cut(), c: answer({ usage }) },
      { ...priced({ a: { price }, b: { price }, c: { price } }), attemptTimeoutMs: 1000 },
    );
    const { value } = await settled(sendChat(router));
    // The duration of whole answers is unknown, so all of the output may have been generated.
    const worst = (router.explain({ model: 'a', messages }).inputTokens * price.input + 4096 * price.output) / 1e6;
    expect(callRecord(value)?.attempts.map(({ costUsd, estimated }) => [costUsd, estimated])).toEqual([
      [expect.closeTo(worst, 12), true],
      [expect.closeTo(worst, 12), true],
      [expect.closeTo(0.003, 12), undefined],
    ]);
    expect(callRecord(value)).toMatchObject({ costUsd: expect.closeTo(0.003 + 2 * worst, 12), estimated: true });
    expect(router.snapshot().spend.totalUsd).toBeCloseTo(0.003 + 2 * worst, 9);
  });

  it('is that of a model that is not listed', async () => {
    const { router } = build({ a: answer({ usage }) }, { fake: { unknownModels: 'answer' } });
    expect(callRecord(await sendChat(router, 'unlisted'))?.costUsd).toBeNull();
  });
});

describe('a cost that is 0', () => {
  it.each(['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN'])('is that of a request that was never sent: %s', async (code) => {
    const fetch = () =>
      Promise.reject(Object.assign(new TypeError('fetch failed'), { cause: Object.assign(new Error(code), { code }) }));
    const { router } = build(['a'], { ...priced({ a: { price } }), clients: { default: { fetch } }, maxAttempts: 1 });
    const record = callRecord(await errorOf(sendChat(router)));
    expect(record?.attempts).toMatchObject([{ status: null, costUsd: 0 }]);
    expect(record?.estimated).toBeUndefined();
  });

  it('is that of an answer with an error status', async () => {
    const { router } = build({ a: fail(400) }, priced({ a: { price } }));
    expect(callRecord(await errorOf(sendChat(router)))?.attempts).toMatchObject([{ costUsd: 0 }]);
  });
});

describe('a stream', () => {
  it('costs what its usage says, once it has ended', async () => {
    const { router } = build({ a: answer({ usage }) }, priced({ a: { price } }));
    const stream = await streamChat(router);
    expect(callRecord(stream)?.costUsd).toBeNull();
    await read(stream);
    expect(callRecord(stream)?.costUsd).toBeCloseTo(0.003, 12);
  });

  it('of /completions costs it, too', async () => {
    const { router } = build({ a: answer({ usage }) }, priced({ a: { price } }));
    const stream = await router.completions.create({ model: 'a', prompt: 'Once', stream: true });
    await collect(stream);
    expect(callRecord(stream)?.costUsd).toBeCloseTo(0.003, 12);
  });

  it('of images or of a transcript costs what its last event says', async () => {
    const { router } = build({ a: answer({ usage }) }, priced({ a: { price } }));
    const drawn = await router.images.generate({ model: 'a', prompt: 'A hat', stream: true });
    await collect(drawn);
    expect(callRecord(drawn)).toMatchObject({ costUsd: 0.003, providerUsage: { output_tokens: 100 } });
    const file = new File(['sound'], 'a.wav');
    const written = await router.audio.transcriptions.create({ model: 'a', file, stream: true });
    await collect(written);
    expect(callRecord(written)).toMatchObject({ costUsd: 0.003, usage: { inputTokens: 1000 } });
    expect(callRecord(written)?.estimated).toBeUndefined();
  });

  it('of images without reported usage has an unknown cost: images do not show it', async () => {
    const { router } = build({ a: answer({ usage: false }) }, priced({ a: { price } }));
    const drawn = await router.images.generate({ model: 'a', prompt: 'A hat', stream: true });
    await collect(drawn);
    expect(callRecord(drawn)?.costUsd).toBeNull();
    expect(callRecord(drawn)?.estimated).toBeUndefined();
  });

  it('that broke costs its input and what was delivered, as an estimate', async () => {
    const words = Array.from({ length: 40 }, (_, i) => ` word${i}`);
    const { router } = build({ a: cut({ chunks: words, afterChunks: 30 }) }, priced({ a: { price } }));
    const { error, text } = await read(await streamChat(router));
    const record = callRecord(error);
    expect(text).toContain('word20');
    expect(record).toMatchObject({
      estimated: true,
      providerUsage: null,
      attempts: [{ outcome: 'interrupted', estimated: true }],
    });
    const { inputTokens = 0, outputTokens = 0 } = record?.usage ?? {};
    expect(inputTokens).toBe(router.explain({ model: 'a', messages }).inputTokens);
    // Each of these is two or three tokens.
    expect(outputTokens).toBeGreaterThan(50);
    expect(outputTokens).toBeLessThan(120);
    expect(record?.costUsd).toBeCloseTo((inputTokens * price.input + outputTokens * price.output) / 1e6, 12);
    expect(router.snapshot().deployments.a).toMatchObject({ costUsd: record?.costUsd, usage: { outputTokens } });
  });

  it('that broke has estimated usage and no cost where no price is known', async () => {
    const { router } = build({ a: cut({ chunks: 4, afterChunks: 2 }) }, priced({ a: {} }));
    const { error } = await read(await streamChat(router));
    expect(callRecord(error)).toMatchObject({
      estimated: true,
      costUsd: null,
      usage: { inputTokens: expect.any(Number) },
    });
  });

  it('has a cost estimated from the answer if the deployment reports no usage and has a price', async () => {
    const { router } = build(
      { a: answer({ usage: false }), b: answer({ usage: false }) },
      priced({ a: { price, streamUsage: false }, b: {} }),
    );
    const stream = await streamChat(router);
    await read(stream);
    expect(callRecord(stream)).toMatchObject({ estimated: true, usage: { outputTokens: expect.any(Number) } });
    const other = await streamChat(router, 'b');
    await read(other);
    expect(callRecord(other)?.estimated).toBeUndefined();
    expect(callRecord(other)?.usage).toBeNull();
  });
});

it('has its cost in withResponse if it is known', async () => {
  const { router } = build({ a: answer({ usage }) }, priced({ a: { price } }));
  const { response } = await sendChat(router).withResponse();
  expect(Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('x-router')))).toEqual({
    'x-router-deployment': 'a',
    'x-router-attempts': '1',
    'x-router-cache': 'off',
    'x-router-cost-usd': '0.003',
  });
  const unknown = await sendChatWith(build({ a: answer() }).router, {}).withResponse();
  expect(unknown.response.headers.has('x-router-cost-usd')).toBe(false);
});

it.each([false, true])('has its cost in asResponse if it is known by then (stream: %s)', async (stream) => {
  const { router } = build({ a: answer({ usage }) }, priced({ a: { price } }));
  const call = router.chat.completions.create({ model: 'standard', messages, stream });
  const { headers } = await call.asResponse();
  expect([headers.get('x-router-deployment'), headers.get('x-router-attempts')]).toEqual(['a', '1']);
  expect(headers.get('x-router-cache')).toBe('off');
});
