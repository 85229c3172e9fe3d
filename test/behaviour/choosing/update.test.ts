import { callRecord, ModelRouter, NoDeploymentAvailableError, type OpenAI } from 'model-router';
import { answer, fail, fakeFetch } from 'model-router/testing';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../../helpers/clock.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

const body = { model: 'chat', messages: [{ role: 'user' as const, content: 'Hi' }] };
const who = async (router: ModelRouter, given: object = body) => {
  const { value, error } = await settled(router.chat.completions.create({ ...body, ...given }));
  return callRecord(value ?? error)?.deployment;
};

describe('update', () => {
  it('changes the primary of a route for the next call, in views too; calls in flight end as they began', async () => {
    const { router } = build({ a: answer({ latencyMs: 500 }), b: answer() }, { routes: { chat: ['a', 'b'] } });
    const view = router.withOptions({ priority: 'premium' });
    const running = watch(router.chat.completions.create(body));
    await pass(10);
    const events: unknown[] = [];
    router.on('config-updated', (event) => events.push(event));
    router.update({ routes: { chat: ['b', 'a'] } });
    expect(events).toMatchObject([{ options: ['routes'] }]);
    expect(await who(router)).toBe('b');
    expect(await who(view)).toBe('b');
    await pass(1000);
    expect(callRecord(running.value)?.deployment).toBe('a');
  });

  it('keeps statistics, budgets, the cache and the state of deployments', async () => {
    const price = { input: 1000, output: 1000 };
    const usage = { inputTokens: 500, outputTokens: 500 };
    const { router, fake } = build(
      { a: answer({ usage }) },
      {
        deployments: { a: { price, maxOutputTokens: 500 } },
        routes: { chat: ['a'] },
        budgets: [{ usd: 10, window: 'day' }],
        cache: true,
        maxAttempts: 1,
      },
    );
    await settled(router.chat.completions.create({ ...body, temperature: 0 }));
    const before = router.snapshot();
    router.update({
      deadlineMs: 5000,
      routes: { chat: { deployments: ['a'], maxInputTokens: 1000 } },
      budgets: [{ usd: 20, window: 'day' }],
    });
    expect(router.snapshot()).toMatchObject({
      deployments: { a: { requests: 1, costUsd: before.deployments.a?.costUsd } },
      routes: { chat: { requests: 1 } },
      spend: { budgets: [{ limitUsd: 20, spentUsd: 1 }] },
    });
    await settled(router.chat.completions.create({ ...body, temperature: 0 }));
    expect(fake.requests).toHaveLength(1);
    expect(router.explain(body).deadlineMs).toBe(5000);
  });

  it('applies a new key at once, and ends the suspension of its client', async () => {
    const fake = fakeFetch({ models: { a: answer() }, apiKeys: { new: 'sk-new' } });
    const client = (apiKey: string) => ({
      default: { apiKey, baseURL: 'https://default.test/v1', fetch: fake, logLevel: 'off' as const },
    });
    const router = new ModelRouter({ clients: client('sk-old'), deployments: { a: {} }, routes: { chat: ['a'] } });
    const { error } = await settled(router.chat.completions.create(body));
    expect(error).toMatchObject({ status: 401 });
    expect(router.snapshot().deployments.a?.suspendedUntil).not.toBeNull();
    router.update({ clients: client('sk-new') });
    expect(router.snapshot().deployments.a?.suspendedUntil).toBeNull();
    expect(await who(router)).toBe('a');
    expect(fake.requests.at(-1)?.apiKeyOf).toBe('new');
    // Both keys are masked from now on.
    expect(JSON.stringify([error, router])).not.toContain('sk-');
    await router.close();
  });

  it('changes nothing if any part is invalid', async () => {
    const { router } = build({ a: answer(), b: answer() }, { routes: { chat: ['a'] } });
    const wrong = (part: object, option: string) =>
      expect(() => router.update(part)).toThrow(expect.objectContaining({ code: 'invalid_option', option }));
    wrong({ routes: { chat: ['c'] } }, 'routes.chat.deployments[0]');
    wrong({ routes: { chat: ['b'] }, deadlineMs: -1 }, 'deadlineMs');
    wrong({ deployments: { b: {} } }, 'routes.chat.deployments[0]');
    wrong({ rotues: {} }, 'rotues');
    wrong({ random: () => 0 }, 'random');
    const key: object = { apiKey: 'sk-new' };
    expect(() => router.update(key)).toThrow('apiKey: it belongs to one of `clients`: clients.default.apiKey.');
    expect(await who(router)).toBe('a');
  });

  it('keeps an option that is undefined, but takes no undefined tenant or regions', async () => {
    const price = { input: 1, output: 1 };
    const { router } = build(
      { a: answer(), b: answer() },
      { deployments: { a: { price }, b: { price } }, routes: { chat: ['b'] }, budgets: [{ usd: 10, window: 'day' }] },
    );
    const unset: object = { clients: undefined, deployments: undefined, routes: undefined, budgets: undefined };
    router.update({ ...unset, deadlineMs: 5000 });
    expect(router.explain(body).deadlineMs).toBe(5000);
    expect(router.snapshot().spend.budgets).toHaveLength(1);
    expect(await who(router)).toBe('b');
    router.update({ routes: { chat: ['a'] }, fallbacks: undefined });
    expect(await who(router)).toBe('a');
    expect(() => router.update({ regions: undefined } as object)).toThrow(/^regions: it is set to undefined/);
  });

  it('removes and adds deployments, and keeps an open breaker open', async () => {
    const { router } = build(
      { a: fail(503), b: answer(), c: answer() },
      { deployments: { a: {}, b: {} }, routes: { chat: ['a', 'b'] }, breaker: { consecutive: 1, failures: 1 } },
    );
    await who(router);
    expect(router.snapshot().deployments.a?.state).toBe('open');
    router.update({ deployments: { a: { price: { input: 1, output: 1 } }, c: {} }, routes: { chat: ['a', 'c'] } });
    expect(router.snapshot().deployments.a?.state).toBe('open');
    expect(Object.keys(router.snapshot().deployments)).toEqual(['a', 'c']);
    expect(await who(router)).toBe('c');
  });

  it('changes the routes and limits of a router of one client; assignment changes the client', async () => {
    const fake = fakeFetch({ models: { a: answer(), b: answer() } });
    const router = new ModelRouter({
      apiKey: 'sk-test',
      baseURL: 'https://default.test/v1',
      fetch: fake,
      deployments: { a: {}, b: {} },
      routes: { chat: ['a'] },
    });
    router.update({ routes: { chat: ['b'] } });
    expect(await who(router)).toBe('b');
    expect(() => router.update({ clients: { default: { apiKey: 'sk-other' } } })).toThrow(/assign it/);
    await router.close();
    expect(() => router.update({ routes: { chat: ['a'] } })).toThrow(NoDeploymentAvailableError);
  });

  it('a thousand updates under traffic fail no call and leave no timer', async () => {
    const { router } = build(
      { a: answer({ latencyMs: 5 }), b: answer({ latencyMs: 5 }) },
      { routes: { chat: ['a', 'b'] } },
    );
    const calls: Promise<OpenAI.ChatCompletion>[] = [];
    for (let i = 0; i < 1000; i += 1) {
      calls.push(router.chat.completions.create(body));
      router.update({ routes: { chat: i % 2 === 0 ? ['b', 'a'] : ['a', 'b'] } });
      if (i % 50 === 0) await pass(5);
    }
    await pass(100);
    expect(await Promise.all(calls)).toHaveLength(1000);
    expect(router.snapshot().routes.chat).toMatchObject({ requests: 1000, failures: 0 });
    expect(vi.getTimerCount()).toBe(0);
  });

  it('restarts a comparison only where variants or weights change', async () => {
    const { router } = build(
      { a: answer(), b: answer() },
      { routes: { chat: { deployments: ['a', 'b'], strategy: 'weighted' } } },
    );
    await who(router);
    const routes = (weights: Record<string, number>) => ({
      chat: { deployments: ['a', 'b'], strategy: { by: 'weighted' as const, weights } },
    });
    router.update({ deadlineMs: 1000 });
    const calls = () => Object.values(router.abReport('chat').variants).reduce((sum, each) => sum + each.calls, 0);
    expect(calls()).toBe(1);
    router.update({ routes: routes({ a: 9, b: 1 }) });
    expect(calls()).toBe(0);
  });
});
