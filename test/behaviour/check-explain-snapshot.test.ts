import { inspect } from 'node:util';
import { callOptions } from 'model-router';
import { answer, fail, hang } from 'model-router/testing';
import type { ChatCompletionCreateParams } from 'openai/resources';
import { describe, expect, it, vi } from 'vitest';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, messages, read, sendChat, streamChat } from '../helpers/messages.js';
import { build, type Setup } from '../helpers/routers.js';

useFakeTime();

describe('check()', () => {
  it('sends each listed deployment a request for one token, and reports the result', async () => {
    const { router, fake } = build(
      { a: answer({ latencyMs: 30, servedModel: 'a-2024' }), b: fail(401), c: answer() },
      { clients: ['default', 'other'], deployments: { a: {}, b: {}, c: { client: 'other' } } },
    );
    const { value } = await settled(router.check());
    expect(value).toEqual([
      { deployment: 'a', ok: true, latencyMs: 30, servedModel: 'a-2024', error: null },
      {
        deployment: 'b',
        ok: false,
        latencyMs: 0,
        servedModel: null,
        error: { message: 'AuthenticationError 401 invalid_api_key', status: 401, code: 'invalid_api_key' },
      },
      { deployment: 'c', ok: true, latencyMs: 0, servedModel: 'c', error: null },
    ]);
    expect(fake.requests.map((request) => request.body)).toEqual(
      ['a', 'b', 'c'].map((model) => expect.objectContaining({ model, max_tokens: 1 })),
    );
  });

  it('does not reject when a deployment fails, and ends by the deadline', async () => {
    const { router } = build({ a: hang(), b: fail(500) }, { deadlineMs: 2000 });
    const { value, at } = await settled(router.check());
    expect(value?.map(({ ok, error }) => [ok, error?.code ?? error?.status])).toEqual([
      [false, 'deadline_exceeded'],
      [false, 500],
    ]);
    expect(at).toBe(2000);
  });

  it('sends one request each, without failover', async () => {
    const { router, calledModels } = build({ a: fail(500), b: answer() }, { fallbacks: ['b'] });
    await settled(router.check());
    expect(calledModels()).toEqual(['a', 'b']);
  });

  it.each([
    ['a', fail(400, { message: 'No.' }), false],
    ['a', fail(404), false],
    ['a', fail(422, { message: 'No.' }), false],
    ['a', fail(400, { code: 'unsupported_parameter', param: 'max_tokens' }), true],
    ['a', fail(400, { message: "Use 'max_completion_tokens' instead." }), true],
  ])('sends one request, whatever the answer: %s %#', async (model, script, ok) => {
    const { router, fake } = build({ [model]: script });
    expect(await router.check()).toMatchObject([{ deployment: model, ok }]);
    expect(fake.count).toBe(1);
  });

  it.each([
    ['o3-mini', { max_completion_tokens: 1 }, '/chat/completions'],
    ['openai/gpt-5', { max_completion_tokens: 1 }, '/chat/completions'],
    ['gpt-4o', { max_tokens: 1 }, '/chat/completions'],
    ['text-embedding-3-small', { input: 'ping' }, '/embeddings'],
    ['BAAI/bge-m3', { input: 'ping' }, '/embeddings'],
  ])('sends the parameters that the model’s name requires: %s', async (model, body, endpoint) => {
    const { router, fake } = build({ [model]: answer() });
    expect(await router.check()).toMatchObject([{ ok: true }]);
    expect(fake.requests).toMatchObject([{ body, endpoint }]);
  });

  it('requests an embedding if an embedding space is declared', async () => {
    const { router, fake } = build({ a: answer() }, { deployments: { a: { embeddingSpace: 's' } } });
    expect(await router.check()).toMatchObject([{ ok: true, servedModel: 'a' }]);
    expect(fake.requests).toMatchObject([{ endpoint: '/embeddings' }]);
  });

  it('checks a deployment by its own name, also where a route has it', async () => {
    const { router } = build({ a: fail(500), b: answer() }, { routes: { a: ['a', 'b'] } });
    expect((await settled(router.check())).value).toMatchObject([{ deployment: 'a', ok: false }, { ok: true }]);
  });

  it('refuses options of a wrong kind', async () => {
    const name = 'a' as unknown as object;
    await expect(build({ a: answer() }).router.check(name)).rejects.toThrow(
      'check: "a" is not allowed; give an object such as { deadlineMs: 5000 }.',
    );
  });

  it('returns an empty list for a router without deployments', async () => {
    expect(await build({}).router.check()).toEqual([]);
  });
});

describe('explain()', () => {
  const body = { model: 'standard', messages };
  const settings: Setup = {
    clients: ['default', 'other'],
    deployments: {
      a: { region: 'us' },
      b: { client: 'other', region: 'eu' },
      c: { region: 'eu', capabilities: { tools: false } },
    },
    routes: { standard: ['a', 'b', 'c'], premium: { deployments: ['b'], deadlineMs: 10_000 } },
  };
  const models = { a: answer(), b: answer(), c: answer() };

  it('returns the plan for a call without making it', () => {
    const { router, fake } = build(models, settings);
    expect(router.explain(body)).toEqual({
      route: 'standard',
      priority: 'standard',
      deployments: [{ id: 'a' }, { id: 'b' }, { id: 'c' }],
      deadlineMs: 120_000,
      attemptTimeoutMs: 90_000,
      maxAttempts: 3,
      hedgeAfterMs: null,
      hedgeDisabledReason: 'hedgeAfterMs is not set',
      cache: { cacheable: false, why: expect.any(String), key: null },
      maxCostUsd: null,
      inputTokens: expect.any(Number),
      refusal: null,
    });
    expect(fake.count).toBe(0);
    expect(router.snapshot().deployments.a?.requests).toBe(0);
  });

  it('follows the options of the call, and of its route', () => {
    const { router } = build(models, settings);
    expect(router.explain({ ...body, model: 'auto' }, callOptions({ priority: 'premium' }))).toMatchObject({
      route: 'premium',
      priority: 'premium',
      deployments: [{ id: 'b' }],
      deadlineMs: 10_000,
      attemptTimeoutMs: 10_000,
    });
    expect(router.explain(body, { timeout: 700, maxRetries: 0 })).toMatchObject({
      attemptTimeoutMs: 700,
      maxAttempts: 1,
    });
  });

  it('takes the options of create, plain call options, or both', () => {
    const { router } = build(models, settings);
    const auto = { ...body, model: 'auto' };
    const premium = { route: 'premium', deadlineMs: 10_000 };
    expect(router.explain(auto, { priority: 'premium' })).toMatchObject(premium);
    expect(router.explain(auto, { route: 'premium', timeout: 700 })).toMatchObject({
      ...premium,
      attemptTimeoutMs: 700,
    });
    const both = { ...callOptions({ priority: 'premium' }), deadlineMs: 700 };
    expect(router.explain(auto, both)).toMatchObject({ route: 'premium', deadlineMs: 700 });
    const typed: ChatCompletionCreateParams = { ...body, stream: true };
    expect(router.explain(typed, { headers: { 'X-Request-Priority': 'high' } })).toMatchObject({ priority: 'premium' });
    expect(() => router.explain(auto, { deadlnMs: 5 } as object)).toThrow('did you mean `deadlineMs`?');
    expect(() => router.explain(auto, 'premium' as never)).toThrow('explain: "premium" is not allowed');
    expect(() => router.explain(5 as never)).toThrow('body: 5 is not allowed');
  });

  it('says why each is excluded, and lists available ones first', async () => {
    const { router } = build(
      { ...models, a: fail(429, { headers: { 'retry-after': '7' } }) },
      { ...settings, maxAttempts: 1 },
    );
    await errorOf(sendChat(router));
    const tools = [{ type: 'function', function: { name: 'f' } }];
    expect(router.explain({ ...body, tools }).deployments).toEqual([
      { id: 'b' },
      { id: 'a', excluded: 'the server requested a pause of 7000 ms' },
      { id: 'c', excluded: 'it cannot call tools' },
    ]);
    expect(router.explain(body, callOptions({ regions: ['eu'] })).deployments).toEqual([
      { id: 'b' },
      { id: 'c' },
      { id: 'a', excluded: 'its region is us, and only eu may be used' },
    ]);
  });

  it('reports suspended clients and open breakers', async () => {
    const { router } = build({ ...models, a: fail(401), b: fail(500) }, { ...settings, breaker: { consecutive: 1 } });
    await settled(sendChat(router));
    const { deployments } = router.explain(body);
    expect(deployments).toContainEqual({ id: 'a', excluded: 'its client is suspended for 60000 ms' });
    expect(router.explain({ ...body, model: 'b' }).deployments).toEqual([{ id: 'b' }]);
    expect(deployments).toHaveLength(3);
  });

  it('recognises the endpoint from the body', () => {
    const { router } = build(models, { deployments: { a: {}, b: {} }, routes: { standard: ['a', 'b'] } });
    const input = 'Hello';
    expect(router.explain({ model: 'standard', input, encoding_format: 'float' }).deployments).toEqual([
      { id: 'a' },
      { id: 'b', excluded: 'its vectors are not comparable with those of the first' },
    ]);
    expect(router.explain({ model: 'standard', input }).deployments).toEqual([{ id: 'a' }, { id: 'b' }]);
  });

  it('shows no attempt times if no deployment is available, and gives the reason of the call’s error', async () => {
    const { router } = build(models, settings);
    const options = callOptions({ regions: ['mars'] });
    const { attemptTimeoutMs, inputTokens, refusal } = router.explain(body, options);
    expect(attemptTimeoutMs).toBeNull();
    expect(inputTokens).toBe(router.explain(body).inputTokens);
    expect(inputTokens).toBeGreaterThan(0);
    expect(refusal).toMatch(/^No deployment is available \(a: .*; b: .*\)\.$/);
    expect(await errorOf(router.post('/chat/completions', { body, ...options }))).toHaveProperty('message', refusal);
    expect(router.explain(body).refusal).toBeNull();
    // Without a deployment, the input is not too long for any.
    expect(router.explain(body, callOptions({ regions: ['mars'], maxInputTokens: 1 })).refusal).toBe(refusal);
  });

  it('says that no deployment is available now', async () => {
    const { router } = build({ a: fail(429, { headers: { 'retry-after': '60' } }) }, { deadlineMs: 200 });
    await errorOf(sendChat(router, 'a'));
    expect(router.explain({ model: 'a', messages: [] }).refusal).toMatch(/available \(a: the server requested a pause/);
  });

  it('throws for wrong options, as the call would', () => {
    const { router } = build(models, settings);
    expect(() => router.explain(body, callOptions({ route: 'nope' }))).toThrow(/there is no route "nope"/);
  });
});

describe('snapshot()', () => {
  it('shows each deployment before the first request', () => {
    const { router } = build({ a: answer() }, { deployments: { a: { region: 'eu' } } });
    const none = { p50: null, p95: null, p99: null, p999: null };
    expect(router.snapshot()).toEqual({
      closed: false,
      deployments: {
        a: {
          client: 'default',
          model: 'a',
          slow: 0,
          hedges: 0,
          retriesWithheld: 0,
          state: 'closed',
          pausedUntil: null,
          suspendedUntil: null,
          region: 'eu',
          requests: 0,
          failures: 0,
          uptime: null,
          uptimeBy: { hour: null, day: null, month: null },
          downtimeMinutes: 0,
          rateLimited: 0,
          latencyHourMs: none,
          latencyTotalMs: none,
          usage: { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 },
          costUsd: 0,
          unpriced: 0,
          latencyMs: none,
          timeToFirstChunkMs: none,
          inFlight: 0,
        },
      },
      routes: {},
      cache: { hits: 0, misses: 0, joined: 0, stale: 0, entries: 0, bytes: 0, savedUsd: 0, savedTokens: 0 },
      spend: { budgets: [], totalUsd: 0, unpriced: 0, byDay: {}, byDeployment: {}, byRoute: {}, byTenant: {} },
    });
  });

  it('sums up attempts by deployment, and calls by route', async () => {
    const usage = { inputTokens: 1000, outputTokens: 100 };
    const { router } = build(
      { a: [fail(500), answer({ usage })], b: answer({ usage, latencyMs: 200 }) },
      {
        deployments: { a: {}, b: { price: { input: 1, output: 10 } } },
        routes: { standard: ['a', 'b'] },
        maxAttempts: 2,
      },
    );
    await settled(sendChat(router));
    await settled(sendChat(router));
    const { deployments, routes } = router.snapshot();
    expect(deployments.a).toMatchObject({ requests: 2, failures: 1, uptime: 0.5, usage, costUsd: null, unpriced: 1 });
    expect(deployments.b).toMatchObject({ requests: 1, failures: 0, uptime: 1, usage, costUsd: 0.002, unpriced: 0 });
    expect(deployments.b?.latencyMs.p50).toBeCloseTo(200, -1);
    expect(routes.standard).toMatchObject({
      deployments: ['a', 'b'],
      requests: 2,
      failures: 0,
      uptime: 1,
      usage: { inputTokens: 2000, outputTokens: 200 },
      costUsd: 0.002,
      unpriced: 1,
    });
  });

  it('counts what is in flight, a stream until its end', async () => {
    const { router } = build({ a: answer({ latencyMs: 50 }) });
    const inFlight = () => router.snapshot().deployments.a?.inFlight;
    const plain = watch(sendChat(router));
    const opening = watch(streamChat(router));
    await pass(0);
    expect(inFlight()).toBe(2);
    await pass(50);
    expect([plain.state, inFlight()]).toEqual(['fulfilled', 1]);
    await read(opening.value ?? (await streamChat(router)));
    expect(inFlight()).toBe(0);
    expect(router.snapshot().deployments.a?.timeToFirstChunkMs.p50).toBeCloseTo(50, -1);
  });

  it('returns plain JSON, also when a router is printed', async () => {
    const { router } = build({ a: answer() });
    await settled(sendChat(router));
    const shown = router.snapshot();
    expect(JSON.parse(JSON.stringify(router))).toEqual(shown);
    expect(inspect(router)).toBe(inspect(shown));
    for (const text of [JSON.stringify(router), inspect(router, { depth: 9, showHidden: true })]) {
      expect(text).not.toContain('sk-key-of');
    }
  });

  it('shows a pause by the current wall clock', async () => {
    const { router } = build({ a: fail(429, { headers: { 'retry-after': '10' } }) }, { maxAttempts: 1 });
    await errorOf(sendChat(router));
    vi.setSystemTime(new Date('2031-01-01T00:00:00Z'));
    expect(router.snapshot().deployments.a?.pausedUntil).toBe('2031-01-01T00:00:10.000Z');
  });
});
