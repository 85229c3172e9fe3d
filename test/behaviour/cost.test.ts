import { callRecord, type DeploymentOptions } from 'model-router';
import { type AnswerUsage, answer, cut, fail, hang } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { ask, askStream, askWith, collect, errorOf, read } from '../helpers/messages.js';
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
    ['cached input at the price of input, where it has none', { price }, { ...usage, cachedInputTokens: 400 }, 0.003],
    ['cached input for nothing', { price: { ...price, cachedInput: 0 } }, { ...usage, cachedInputTokens: 1000 }, 0.001],
    ['nothing, for those who charge nothing', { price: { input: 0, output: 0 } }, usage, 0],
  ])('%s', async (_, deployment, used, costUsd) => {
    const { router } = build({ a: answer({ usage: used }) }, priced({ a: deployment }));
    const record = callRecord(await ask(router));
    expect(record?.costUsd).toBeCloseTo(costUsd, 12);
    expect(record?.attempts[0]?.costUsd).toBeCloseTo(costUsd, 12);
    expect(router.snapshot().deployments.a?.costUsd).toBeCloseTo(costUsd, 12);
    expect(router.snapshot().routes.standard?.costUsd).toBeCloseTo(costUsd, 12);
  });

  it('is counted in the words of responses as well', async () => {
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

  it('hands the provider’s own usage on untouched, whatever else it says', async () => {
    const extra = { total_time: 0.5, cost_details: { upstream: 1 } };
    const { router } = build({ a: answer({ usage: { ...usage, extra } }) }, priced({ a: { price } }));
    const completion = await ask(router);
    expect(completion.usage).toMatchObject(extra);
    expect(callRecord(completion)?.providerUsage).toEqual(completion.usage);
  });

  it('is the price of the deployment that answered', async () => {
    const { router } = build(
      { a: fail(500), b: answer({ usage }) },
      priced({ a: { price: { input: 100, output: 100 } }, b: { price } }),
    );
    const record = callRecord(await ask(router));
    expect(record?.costUsd).toBeCloseTo(0.003, 12);
    expect(record?.attempts.map((attempt) => attempt.costUsd)).toEqual([0, expect.closeTo(0.003, 12)]);
  });
});

describe('a cost that nobody knows', () => {
  it.each<[string, Setup, AnswerUsage | false]>([
    ['without a price', priced({ a: {} }), usage],
    ['without usage', priced({ a: { price } }), false],
  ])('is null, never 0: %s', async (_, settings, used) => {
    const { router } = build({ a: answer({ usage: used }) }, settings);
    const record = callRecord(await ask(router));
    expect(record?.costUsd).toBeNull();
    expect(record?.attempts[0]?.costUsd).toBeNull();
    expect(router.snapshot().deployments.a?.costUsd).toBe(0);
  });

  it('is an attempt’s that was cut off or took too long: nobody told what it used', async () => {
    const { router } = build(
      { a: hang(), b: cut(), c: answer({ usage }) },
      { ...priced({ a: { price }, b: { price }, c: { price } }), attemptTimeoutMs: 1000 },
    );
    const { value } = await settled(ask(router));
    expect(callRecord(value)?.attempts.map((attempt) => attempt.costUsd)).toEqual([
      null,
      null,
      expect.closeTo(0.003, 12),
    ]);
  });

  it('is one of a model that is not listed', async () => {
    const { router } = build({ a: answer({ usage }) }, { fake: { unknownModels: 'answer' } });
    expect(callRecord(await ask(router, 'unlisted'))?.costUsd).toBeNull();
  });
});

describe('a cost that is 0', () => {
  it('is that of an answer with an error status', async () => {
    const { router } = build({ a: fail(400) }, priced({ a: { price } }));
    expect(callRecord(await errorOf(ask(router)))?.attempts).toMatchObject([{ costUsd: 0 }]);
  });
});

describe('a stream', () => {
  it('costs what its usage says, once it has ended', async () => {
    const { router } = build({ a: answer({ usage }) }, priced({ a: { price } }));
    const stream = await askStream(router);
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

  it('that broke has a cost that nobody knows', async () => {
    const { router } = build({ a: cut() }, priced({ a: { price } }));
    const { error } = await read(await askStream(router));
    expect(callRecord(error)).toMatchObject({ costUsd: null, usage: null });
  });
});

it('is told by withResponse, where it is known', async () => {
  const { router } = build({ a: answer({ usage }) }, priced({ a: { price } }));
  const { response } = await ask(router).withResponse();
  expect(Object.fromEntries([...response.headers].filter(([name]) => name.startsWith('x-router')))).toEqual({
    'x-router-deployment': 'a',
    'x-router-attempts': '1',
    'x-router-cache': 'off',
    'x-router-cost-usd': '0.003',
  });
  const unknown = await askWith(build({ a: answer() }).router, {}).withResponse();
  expect(unknown.response.headers.has('x-router-cost-usd')).toBe(false);
});
