import { answer, fail } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { settled, useFakeTime } from '../helpers/clock.js';
import { read, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';
import { telemetry } from '../helpers/telemetry.js';

useFakeTime();
const usage = { inputTokens: 1000, outputTokens: 100 };

describe('metrics', () => {
  it('are the published ones', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer({ usage, latencyMs: 300 }) });
    otel.instrument(router);
    await settled(sendChat(router));
    await settled(streamChat(router).then(read));
    const series = await otel.series();
    const attributes = {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'a',
      'server.address': 'default.test',
      'server.port': 443,
    };
    expect(series.get('gen_ai.client.operation.duration')).toMatchObject([
      { attributes, value: { count: 2, sum: 0.6 } },
    ]);
    expect(series.get('gen_ai.client.operation.time_to_first_chunk')).toMatchObject([
      { attributes, value: { count: 1 } },
    ]);
    // The stream has reported no usage, because it was not requested.
    expect(series.get('gen_ai.client.token.usage')).toMatchObject([
      { attributes: { ...attributes, 'gen_ai.token.type': 'input' }, value: { count: 1, sum: 1000 } },
      { attributes: { ...attributes, 'gen_ai.token.type': 'output' }, value: { count: 1, sum: 100 } },
    ]);
    const [duration] = series.get('gen_ai.client.operation.duration') ?? [];
    const boundaries = expect.arrayContaining([0.01, 0.02, 81.92, 655.36]);
    expect(duration?.value).toMatchObject({ buckets: { boundaries } });
  });

  it('follow the next conventions if configured', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer({ usage }) });
    otel.instrument(router, { names: 'next' });
    await sendChat(router);
    await router.embeddings.create({ model: 'standard', input: 'text' });
    const series = await otel.series();
    expect(series.get('gen_ai.client.inference.duration')).toHaveLength(1);
    expect(series.get('gen_ai.client.embeddings.duration')).toHaveLength(1);
    expect(series.get('gen_ai.client.inference.usage.input_tokens')?.[0]).toMatchObject({ value: 1000 });
    expect(
      [...series.keys()].filter((name) => name.includes('client.operation') || name.includes('token.usage')),
    ).toEqual([]);
  });

  it('of the router exist from the start, at 0', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer(), b: answer() }, { budgets: [{ usd: 5, window: 'day' }] });
    otel.instrument(router);
    const series = await otel.series();
    expect(series.get('model_router.cost')).toMatchObject([
      { attributes: { deployment: 'a' }, value: 0 },
      { attributes: { deployment: 'b' }, value: 0 },
    ]);
    expect(series.get('model_router.failovers')).toContainEqual(
      expect.objectContaining({ attributes: { from: 'a', to: 'b', reason: 'server-error' }, value: 0 }),
    );
    expect(series.get('model_router.cache.calls')).toMatchObject(
      ['hit', 'miss', 'joined', 'stale'].map((cache) => ({ attributes: { cache }, value: 0 })),
    );
    expect(series.get('model_router.breaker.state')).toMatchObject([{ value: 0 }, { value: 0 }]);
    expect(series.get('model_router.paused')).toMatchObject([{ value: 0 }, { value: 0 }]);
    expect(series.get('model_router.budget.limit')).toMatchObject([
      { attributes: { budget: '$5 a day', route: '' }, value: 5 },
    ]);
  });

  it('count failovers, costs, budgets, breakers, pauses, cache and error budgets', async () => {
    const otel = telemetry();
    const { router } = build(
      { a: fail(500), b: answer({ usage }) },
      {
        deployments: {
          a: { price: { input: 1, output: 1 } },
          b: { price: { input: 1, output: 10 }, sla: { uptime: 0.9 } },
        },
        routes: { standard: ['a', 'b'] },
        breaker: { consecutive: 1 },
        budgets: [{ usd: 5, window: 'day' }],
      },
    );
    otel.instrument(router);
    await sendChat(router);
    const series = await otel.series();
    const nonZero = (name: string) =>
      series
        .get(name)
        ?.filter(({ value }) => value !== 0)
        .map(({ attributes, value }) => [attributes, value]);
    expect(nonZero('model_router.failovers')).toEqual([[{ from: 'a', to: 'b', reason: 'server-error' }, 1]]);
    expect(nonZero('model_router.cost')).toEqual([[{ deployment: 'b' }, 0.002]]);
    expect(nonZero('model_router.breaker.state')).toEqual([[{ deployment: 'a' }, 2]]);
    expect(nonZero('model_router.cache.calls')).toEqual([]);
    expect(nonZero('model_router.calls')).toEqual([[{ route: 'standard', outcome: 'success' }, 1]]);
    expect(nonZero('model_router.budget.spent')).toEqual([[{ budget: '$5 a day', route: '' }, 0.002]]);
    expect(nonZero('model_router.sla.error_budget_left')).toEqual([[{ deployment: 'b' }, 1]]);
    expect(series.get('model_router.attempt.duration')?.map(({ attributes }) => attributes)).toEqual([
      { deployment: 'a' },
      { deployment: 'b' },
    ]);
    expect(nonZero('model_router.attempts')).toEqual([
      [{ deployment: 'a', outcome: 'server-error' }, 1],
      [{ deployment: 'b', outcome: 'success' }, 1],
    ]);
  });

  it('have one more series each for 10,000 random models and tenants', async () => {
    const otel = telemetry();
    const body = {
      choices: [{ message: { content: 'yes' }, finish_reason: 'stop' }],
      usage: { prompt_tokens: 1, completion_tokens: 1 },
    };
    const { router } = build(
      { a: answer() },
      {
        budgets: [{ usd: 5, window: 'day', per: 'tenant' }],
        unknownPrice: 'allow',
        clients: { default: { fetch: () => Promise.resolve(Response.json(body)) } },
      },
    );
    otel.instrument(router);
    await sendChatWith(router, { tenant: 't' }, 'x0');
    const before = new Map([...(await otel.series())].map(([name, all]) => [name, all.length]));
    for (let i = 1; i < 10_000; i += 100)
      await Promise.allSettled(
        Array.from({ length: 100 }, (_, j) => sendChatWith(router, { tenant: `t${i + j}` }, `x${i + j}`)),
      );
    for (const [name, all] of await otel.series()) expect([name, all.length]).toEqual([name, before.get(name)]);
    expect([...before].every(([, count]) => count < 100)).toBe(true);
    const models = (await otel.series()).get('gen_ai.client.operation.duration');
    expect(models?.map(({ attributes }) => attributes['gen_ai.request.model'])).toEqual(['other']);
  }, 60_000);

  it.each([false, true])('have the budgets of tenants only if configured: %s', async (tenantLabel) => {
    const otel = telemetry();
    const { router } = build(
      { a: answer({ usage }) },
      {
        budgets: [{ usd: 5, window: 'day', per: 'tenant' }],
        deployments: { a: { price: { input: 1, output: 1 } } },
        routes: { standard: ['a'] },
      },
    );
    otel.instrument(router, { tenantLabel });
    await sendChatWith(router, { tenant: 'acme' });
    const spent = (await otel.series()).get('model_router.budget.spent') ?? [];
    expect(spent.map(({ attributes }) => attributes['tenant'])).toEqual(tenantLabel ? ['acme'] : []);
  });

  it('of GenAI do not count a cache hit, which has no operation', async () => {
    const otel = telemetry();
    const { router } = build({ a: answer({ usage }) }, { cache: true });
    otel.instrument(router);
    await sendChat(router);
    await sendChat(router);
    const series = await otel.series();
    expect(series.get('gen_ai.client.operation.duration')).toMatchObject([{ value: { count: 1 } }]);
    expect(series.get('model_router.call.duration')).toMatchObject([{ value: { count: 2 } }]);
    expect(series.get('model_router.cache.calls')).toContainEqual(
      expect.objectContaining({ attributes: { cache: 'hit' }, value: 1 }),
    );
  });
});
