import { callRecord, ModelRouter, NoDeploymentAvailableError } from 'model-router';
import { answer, fail, fakeFetch, offline, stall } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { collect, errorOf, messages, read, sendChat, streamChat } from '../helpers/messages.js';
import { build, fakeClients } from '../helpers/routers.js';

useFakeTime();

describe('withOptions', () => {
  it('returns a real router', () => {
    const { router } = build({ a: answer() });
    const view = router.withOptions({ priority: 'premium' });
    expect(view).toBeInstanceOf(ModelRouter);
    expect(view).toBeInstanceOf(OpenAI);
    expect(view).not.toBe(router);
    expect(view.chat.completions).toBeInstanceOf(OpenAI.Chat.Completions);
  });

  it('of a subclass returns the subclass, with its own fields', async () => {
    class TeamRouter extends ModelRouter {
      team = 'blue';
      sendTeamChat() {
        return this.chat.completions.create({ model: 'a', messages });
      }
    }
    const { fake, clients } = fakeClients(['default'], { models: { a: answer() } });
    const router = new TeamRouter({ clients, deployments: { a: {} } });
    const view = router.withOptions({ priority: 'premium' });
    expect(view).toBeInstanceOf(TeamRouter);
    expect(view.team).toBe('blue');
    expect(callRecord(await view.sendTeamChat())?.priority).toBe('premium');
    expect(fake.count).toBe(1);
    await router.close();
  });

  it('shares breakers', async () => {
    const { router, calledModels } = build({ a: fail(500), b: answer() }, { breaker: { consecutive: 1 } });
    await sendChat(router.withOptions({ timeout: 5000 }));
    await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b', 'b']);
  });

  it('shares pauses, statistics and events', async () => {
    const { router, calledModels } = build({ a: fail(429, { headers: { 'retry-after': '9' } }), b: answer() });
    const received: unknown[] = [];
    router.on('call-ended', (event) => received.push(event));
    const view = router.withOptions({ maxAttempts: 2 });
    await sendChat(view);
    await sendChat(router);
    expect(calledModels()).toEqual(['a', 'b', 'b']);
    expect(view.snapshot()).toEqual(router.snapshot());
    expect(view.snapshot().deployments.b?.requests).toBe(2);
    expect(received).toHaveLength(2);
  });

  it('changes nothing for the original router', async () => {
    const { router, fake } = build({ a: fail(500), b: answer() });
    router.withOptions({ maxAttempts: 1, defaultHeaders: { 'x-team': 'blue' } });
    await sendChat(router);
    expect(fake.count).toBe(2);
    expect(fake.requests[0]?.headers).not.toHaveProperty('x-team');
  });

  it('applies headers and query to each of its calls; those of the call take precedence', async () => {
    const { router, fake } = build({ a: answer() });
    const view = router.withOptions({
      defaultHeaders: { 'x-team': 'blue', 'x-a': '1' },
      defaultQuery: { v: '1', w: '1' },
    });
    await sendChat(view, 'a', { headers: { 'x-team': 'red' }, query: { v: '2' } });
    expect(fake.requests[0]).toMatchObject({ headers: { 'x-team': 'red', 'x-a': '1' }, query: { v: '2', w: '1' } });
  });

  it('applies them to requests that are not routed as well', async () => {
    const { router, fake } = build({ a: answer() });
    await collect(router.withOptions({ defaultHeaders: { 'x-team': 'blue' } }).models.list());
    expect(fake.requests[0]?.headers).toMatchObject({ 'x-team': 'blue' });
  });

  it.each(['apiKey', 'baseURL', 'fetch', 'provider'])('refuses %s where there are clients', (key) => {
    const { router } = build({ a: answer() });
    expect(() => router.withOptions({ [key]: 'x' })).toThrow(`${key}: it cannot be changed by withOptions`);
  });
});

describe('close()', () => {
  it('rejects every later call with a clear error', async () => {
    const { router, fake } = build({ a: answer() });
    const view = router.withOptions({ priority: 'premium' });
    await router.close();
    const calls: (() => PromiseLike<unknown>)[] = [
      () => sendChat(router),
      () => streamChat(router),
      () => sendChat(view),
      () => router.embeddings.create({ model: 'a', input: 'x' }),
      () => router.models.retrieve('a'),
      () => collect(router.models.list()).then(({ error }) => Promise.reject(error)),
      () => router.post('/chat/completions', { body: { model: 'a', messages } }),
    ];
    for (const call of calls) {
      const error = await errorOf(call());
      expect(error).toBeInstanceOf(NoDeploymentAvailableError);
      expect(error.message).toBe('The router is closed.');
    }
    expect(fake.count).toBe(0);
    expect(router.snapshot().closed).toBe(true);
  });

  it('of a view closes all views', async () => {
    const { router } = build({ a: answer() });
    router.withOptions({ priority: 'premium' }).close();
    expect(await errorOf(sendChat(router))).toBeInstanceOf(NoDeploymentAvailableError);
  });

  it('lets calls in flight finish', async () => {
    const { router, calledModels } = build({ a: fail(500, { latencyMs: 50 }), b: answer({ latencyMs: 50 }) });
    const call = watch(sendChat(router));
    await pass(20);
    await router.close();
    await pass(80);
    expect(call).toMatchObject({ state: 'fulfilled', at: 100 });
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it('lets a stream in flight end, broken or not', async () => {
    const { router } = build({ a: [answer({ chunkMs: 100 }), stall()] }, { chunkTimeoutMs: 1000 });
    const [whole, stalled] = [await streamChat(router), await streamChat(router)];
    await router.close();
    expect((await settled(read(whole))).value?.error).toBeUndefined();
    expect((await settled(read(stalled))).value?.error).toMatchObject({ reason: 'stalled' });
  });

  it('lets a waiting call finish', async () => {
    const { router } = build({ a: [fail(429, { headers: { 'retry-after': '5' } }), answer()] });
    const call = watch(sendChat(router));
    await pass(1000);
    await router.close();
    await pass(4000);
    expect(call).toMatchObject({ state: 'fulfilled', at: 5000 });
  });

  it.each([{ apiKey: 'k' }, { clients: { default: { apiKey: 'k' } }, deployments: { a: {} } }])(
    'leaves no timers even without it, where nothing has failed: %j',
    async (options) => {
      const timers = vi.getTimerCount();
      const router = new ModelRouter(offline(options, fakeFetch({ models: { a: answer() } })));
      await router.chat.completions.create({ model: 'a', messages: [{ role: 'user', content: 'Hi' }] });
      expect(vi.getTimerCount()).toBe(timers);
    },
  );

  it('leaves no timer, with breakers in any state', async () => {
    const timers = vi.getTimerCount();
    const { router } = build(
      { a: fail(500), b: fail(500), c: answer() },
      { breaker: { consecutive: 1 }, maxAttempts: 1 },
    );
    await errorOf(sendChat(router, 'a'));
    await errorOf(sendChat(router, 'b'));
    await pass(10_000);
    await errorOf(sendChat(router, 'a'));
    expect(vi.getTimerCount()).toBeGreaterThan(timers);
    await router.close();
    expect(vi.getTimerCount()).toBe(timers);
  });

  it('may be called twice, and by `await using`', async () => {
    const { router, fake } = build({ a: answer() });
    {
      await using same = router;
      await sendChat(same);
    }
    await router.close();
    expect(await errorOf(sendChat(router))).toBeInstanceOf(NoDeploymentAvailableError);
    expect(fake.count).toBe(1);
  });

  it('removes all listeners; snapshot and explain still work', async () => {
    const { router } = build({ a: answer() });
    const received: unknown[] = [];
    router.on('call-ended', (event) => received.push(event));
    await router.close();
    await errorOf(sendChat(router));
    expect(received).toEqual([]);
    expect(router.explain({ model: 'a', messages }).deployments).toEqual([{ id: 'a' }]);
  });
});
