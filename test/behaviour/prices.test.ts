import { callRecord, type DeploymentOptions, type ModelRouter, type PriceQuery, type RouterEvent } from 'model-router';
import { genaiPrices } from 'model-router/genai-prices';
import { answer, fail } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { BUILT_IN_PRICES_VERSION } from '../../src/prices/built-in.js';
import { useFakeTime } from '../helpers/clock.js';
import { errorOf, read, sendChat, streamChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

useFakeTime();

const usage = { inputTokens: 1000, outputTokens: 100 };
const price = { input: 2, output: 10 };
const other = { input: 4, output: 20 };
const unlisted = { fake: { unknownModels: 'answer' as const } };

/** A router over one deployment `d` with the given model. */
const over = (deployment: DeploymentOptions, settings: Setup = {}) =>
  build(
    { [deployment.model ?? 'd']: answer({ usage }) },
    { deployments: { d: deployment }, routes: { standard: ['d'] }, ...settings },
  ).router;

function unknownIn(router: ModelRouter): RouterEvent[] {
  const received: RouterEvent[] = [];
  router.on('price-unknown', (event) => received.push(event));
  return received;
}

describe('the price of a call comes from', () => {
  const builtIn = `built-in ${BUILT_IN_PRICES_VERSION}`;

  it.each<[string, DeploymentOptions, Setup, number | null, string | null]>([
    [
      'its deployment, before all others',
      { model: 'gpt-4o', price },
      { prices: { 'gpt-4o': other } },
      0.003,
      'deployment',
    ],
    ['the table, by the upstream’s name', { model: 'm' }, { prices: { m: other, d: price } }, 0.006, 'prices'],
    ['the table, before the built-in one', { model: 'gpt-4o' }, { prices: { 'gpt-4o': other } }, 0.006, 'prices'],
    ['a function', {}, { prices: () => price }, 0.003, 'prices'],
    ['the built-in table', { model: 'gpt-4o' }, {}, 0.0035, builtIn],
    ['nowhere, for an unknown model', {}, {}, null, null],
    ['nowhere, with prices: false', { model: 'gpt-4o' }, { prices: false }, null, null],
    ['its deployment, with prices: false', { price }, { prices: false }, 0.003, 'deployment'],
    ['nowhere, if the table says null', { model: 'gpt-4o' }, { prices: { 'gpt-4o': null } }, null, null],
  ])('%s', async (_, deployment, settings, costUsd, priceSource) => {
    const record = callRecord(await sendChat(over(deployment, settings)));
    if (costUsd === null) expect(record?.costUsd).toBeNull();
    else expect(record?.costUsd).toBeCloseTo(costUsd, 12);
    expect(record).toMatchObject({ priceSource, attempts: [{ priceSource }] });
  });

  it('the table, for a model that is not listed', async () => {
    const { router } = build({ a: answer({ usage }) }, { ...unlisted, prices: { 'some/model': price } });
    expect(callRecord(await sendChat(router, 'some/model'))).toMatchObject({ priceSource: 'prices' });
    expect(callRecord(await sendChat(router, 'another/model'))).toMatchObject({ priceSource: null, costUsd: null });
  });

  it('the served model, if the requested name has no price', async () => {
    const { router } = build(
      { alias: answer({ usage }) },
      { fake: { servedModels: { alias: 'gpt-4o' } }, prices: { other: price } },
    );
    expect(callRecord(await sendChat(router, 'alias'))).toMatchObject({ costUsd: 0.0035, priceSource: builtIn });
    const named = build(
      { alias: answer({ usage }) },
      { fake: { servedModels: { alias: 'gpt-4o' } }, prices: { alias: price } },
    );
    expect(callRecord(await sendChat(named.router, 'alias'))).toMatchObject({ priceSource: 'prices' });
  });

  it('the deployment of each attempt', async () => {
    const { router } = build(
      { a: fail(500), 'gpt-4o': answer({ usage }) },
      { deployments: { a: { price }, 'gpt-4o': {} }, routes: { standard: ['a', 'gpt-4o'] } },
    );
    expect(callRecord(await sendChat(router))).toMatchObject({
      priceSource: builtIn,
      attempts: [
        { priceSource: 'deployment', costUsd: 0 },
        { priceSource: builtIn, costUsd: 0.0035 },
      ],
    });
  });

  it('the public table, with its version', async () => {
    const router = over({ model: 'o4-mini' }, { prices: genaiPrices({ provider: 'openai' }) });
    const record = callRecord(await sendChat(router));
    expect(record?.costUsd).toBeCloseTo((1000 * 1.1 + 100 * 4.4) / 1e6, 12);
    expect(record?.priceSource).toMatch(/^genai-prices \d/);
  });
});

describe('a price function', () => {
  it('is called once for each deployment at construction, and once for each unlisted model', async () => {
    const prices = vi.fn(({ model }: PriceQuery) => (model === 'm' ? price : undefined));
    const { router } = build(
      { m: answer({ usage }) },
      { ...unlisted, deployments: { d: { model: 'm' }, own: { price } }, routes: { standard: ['d'] }, prices },
    );
    expect(prices.mock.calls).toEqual([[{ model: 'm', deployment: 'd' }]]);
    for (let i = 0; i < 3; i++) {
      await sendChat(router);
      await sendChat(router, 'm');
    }
    expect(prices.mock.calls.slice(1)).toEqual([[{ model: 'm', deployment: 'default/*' }]]);
  });

  it('that returns an incomplete price for a deployment is an invalid option', () => {
    const wrong = { prices: () => ({ input: 1 }) } as unknown as Setup;
    expect(() => over({}, wrong)).toThrow(expect.objectContaining({ option: 'prices("d").output' }));
  });

  it('that throws fails no call', async () => {
    const { router } = build(
      { a: answer({ usage }) },
      {
        ...unlisted,
        prices: ({ deployment }) => {
          if (deployment.endsWith('/*')) throw new Error('not today');
          return price;
        },
      },
    );
    expect(callRecord(await sendChat(router, 'unlisted'))).toMatchObject({ costUsd: null, priceSource: null });
  });
});

describe('an unknown price', () => {
  it('is reported once for each model, with a hint what to do', async () => {
    const debug = vi.fn();
    const logger = { error: vi.fn(), warn: vi.fn(), info: vi.fn(), debug };
    const { router } = build({ a: answer({ usage }) }, { ...unlisted, logger, logLevel: 'debug' });
    const received = unknownIn(router);
    for (let i = 0; i < 2; i++) for (const model of ['a', 'unlisted']) await sendChat(router, model);
    const hintOf = (model: string) =>
      `no price is known for "${model}", so its cost is not: give its deployment a \`price\`, or the router \`prices\`, ` +
      'as { input, output } in US dollars per million tokens';
    expect(received).toEqual([
      { type: 'price-unknown', deployment: 'a', model: 'a', hint: hintOf('a') },
      { type: 'price-unknown', deployment: 'default/*', model: 'unlisted', hint: hintOf('unlisted') },
    ]);
    expect(debug.mock.calls.flat().filter((line) => String(line).startsWith('model-router'))).toEqual([
      `model-router ${hintOf('a')}`,
      `model-router ${hintOf('unlisted')}`,
    ]);
  });

  it('writes no line at `info`, and fails no call with a logger that throws', async () => {
    const broken = () => {
      throw new Error('full disk');
    };
    const info = vi.fn();
    const quiet = { error: vi.fn(), warn: vi.fn(), info, debug: vi.fn() };
    await sendChat(build({ a: answer({ usage }) }, { logger: quiet, logLevel: 'info' }).router);
    expect(info).toHaveBeenCalledTimes(1);
    const logger = { error: vi.fn(), warn: vi.fn(), info: broken, debug: vi.fn(broken) };
    const { router } = build(
      { a: answer({ usage }) },
      { clients: { default: { logLevel: 'off' } }, logger, logLevel: 'debug' },
    );
    expect(callRecord(await sendChat(router))?.costUsd).toBeNull();
    expect(logger.debug).toHaveBeenCalled();
  });

  it('is reported for a stream too', async () => {
    const { router } = build({ a: answer({ usage }) });
    const received = unknownIn(router);
    await read(await streamChat(router, 'a'));
    expect(received).toEqual([{ type: 'price-unknown', deployment: 'a', model: 'a', hint: expect.any(String) }]);
  });

  it('is not reported where no tokens were used or all is known', async () => {
    const { router } = build(
      { a: fail(400), b: answer({ usage: false }), c: answer({ usage }) },
      { deployments: { a: {}, b: {}, c: { price } } },
    );
    const received = unknownIn(router);
    await errorOf(sendChat(router, 'a'));
    await sendChat(router, 'b');
    await sendChat(router, 'c');
    expect(received).toEqual([]);
  });

  it('is reported for a thousand models at most', async () => {
    const { router } = build({ a: answer({ usage }) }, unlisted);
    const received = unknownIn(router);
    for (let i = 0; i < 1002; i++) await sendChat(router, `model-${i}`);
    expect(received).toHaveLength(1000);
  });
});

describe('the usage of a stream', () => {
  it.each<[string, Setup, boolean]>([
    ['is requested if the table has the price', { prices: { a: price } }, true],
    ['is not requested if the price is unknown', {}, false],
    [
      'is not requested if the deployment does not support it',
      { prices: { a: price }, deployments: { a: { streamUsage: false } } },
      false,
    ],
  ])('%s', async (_, settings, isAsked) => {
    const { router, fake } = build({ a: answer({ usage }) }, settings);
    const stream = await streamChat(router, 'a');
    const { chunks } = await read(stream);
    const body = fake.requests[0]?.body as { stream_options?: unknown };
    expect(body.stream_options).toEqual(isAsked ? { include_usage: true } : undefined);
    // The caller did not request usage: it gets neither the extra chunk nor its empty field.
    for (const chunk of chunks) {
      expect(chunk.choices).not.toEqual([]);
      expect(chunk.usage ?? null).toBeNull();
    }
    if (isAsked) expect(callRecord(stream)?.costUsd).toBeCloseTo(0.003, 12);
  });

  it('of an unlisted model is requested if its price is known', async () => {
    const { router, fake } = build({ m: answer({ usage }) }, { deployments: {}, prices: { m: price } });
    const stream = await streamChat(router, 'm');
    await read(stream);
    expect(fake.requests[0]?.body).toMatchObject({ stream_options: { include_usage: true } });
    expect(callRecord(stream)).toMatchObject({ costUsd: expect.closeTo(0.003, 12), priceSource: 'prices' });
  });
});

it('includes tokens written to a provider’s cache, at their own price', async () => {
  const details = { prompt_tokens_details: { cached_tokens: 0, cache_write_tokens: 800 } };
  const { router } = build(
    { a: answer({ usage: { ...usage, extra: details } }) },
    { deployments: { a: { price: { ...price, cacheWrite: 2.5 } } }, routes: { standard: ['a'] } },
  );
  const record = callRecord(await sendChat(router));
  expect(record?.usage).toMatchObject({ inputTokens: 1000, cacheWriteTokens: 800 });
  expect(record?.costUsd).toBeCloseTo((200 * 2 + 800 * 2.5 + 100 * 10) / 1e6, 12);
  await sendChat(router);
  const { deployments, routes } = router.snapshot();
  expect(deployments.a?.usage.cacheWriteTokens).toBe(1600);
  expect(routes.standard?.usage.cacheWriteTokens).toBe(1600);
});
