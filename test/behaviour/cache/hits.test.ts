import { callOptions, callRecord, type ModelRouter, type SingleCallOptions } from 'model-router';
import { answer, fail } from 'model-router/testing';
import { OpenAI } from 'openai';
import { describe, expect, it } from 'vitest';
import { pass, useFakeTime } from '../../helpers/clock.js';
import { collect } from '../../helpers/messages.js';
import { build } from '../../helpers/routers.js';

useFakeTime();

type Body = OpenAI.ChatCompletionCreateParamsNonStreaming;
const body: Body = { model: 'standard', temperature: 0, messages: [{ role: 'user', content: 'Refunds?' }] };
const sendChat = (router: OpenAI, more: object = {}, options: OpenAI.RequestOptions = {}) =>
  router.chat.completions.create({ ...body, ...more } as Body, options);
const sendChatWith = (router: ModelRouter, options: SingleCallOptions) => sendChat(router, {}, callOptions(options));
const use = (holder: unknown) => callRecord(holder)?.cache;

describe('an equal call', () => {
  it('is answered from the cache, at no cost', async () => {
    const { router, calledModels } = build(
      { a: answer() },
      { cache: 'idempotent', deployments: { a: { price: { input: 1, output: 1 } } }, routes: { standard: ['a'] } },
    );
    const first = await sendChat(router);
    const second = await sendChat(router);
    expect(second).toEqual(first);
    expect([use(first), use(second)]).toEqual(['miss', 'hit']);
    expect(calledModels()).toEqual(['a']);
    expect(callRecord(second)).toMatchObject({ deployment: 'a', attempts: [], costUsd: 0, usage: null });
    const { cache } = router.snapshot();
    expect(cache).toMatchObject({ hits: 1, misses: 1, joined: 0, stale: 0, entries: 1 });
    expect(cache.savedUsd).toBeCloseTo(callRecord(first)?.costUsd ?? Number.NaN, 12);
    expect(cache.savedTokens).toBe(first.usage?.total_tokens);
    expect(cache.bytes).toBeGreaterThan(100);
  });

  it('is sent again without a cache', async () => {
    const { router, calledModels } = build({ a: answer() });
    expect(use(await sendChat(router))).toBe('off');
    await sendChat(router);
    expect(calledModels()).toHaveLength(2);
    expect(router.snapshot().cache).toMatchObject({ hits: 0, misses: 0, entries: 0, bytes: 0 });
  });

  it('may have its keys in another order, and use `.parse` or another kind of promise', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: 'idempotent' });
    await sendChat(router);
    const { messages, temperature = 0, model } = body;
    const turned = await router.chat.completions.create({ messages, temperature, model });
    expect(use(turned)).toBe('hit');
    const { data, response, request_id } = await sendChat(router).withResponse();
    expect(data).toEqual(turned);
    expect(response.headers.get('x-router-cache')).toBe('hit');
    expect(response.headers.get('x-router-cost-usd')).toBe('0');
    expect(turned).toHaveProperty('_request_id', request_id);
    expect(request_id).toEqual(expect.any(String));
    const raw = await sendChat(router).asResponse();
    expect(await raw.json()).toEqual(turned);
    const parsed = await router.chat.completions.parse(body);
    expect(parsed.choices[0]?.message.parsed).toBeNull();
    expect(use(parsed)).toBe('hit');
    expect(calledModels()).toHaveLength(1);
  });

  it('is answered through asFetch too', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: 'idempotent' });
    const inner = new OpenAI({ apiKey: 'x', fetch: router.asFetch(), maxRetries: 0 });
    const { response } = await sendChat(inner).withResponse();
    expect(response.headers.get('x-router-cache')).toBe('miss');
    const again = await sendChat(inner).withResponse();
    expect(again.response.headers.get('x-router-cache')).toBe('hit');
    expect(again.data).toHaveProperty('_request_id', expect.any(String));
    expect(use(await sendChat(router))).toBe('hit');
    const chunks = await collect(await inner.chat.completions.create({ ...body, stream: true }));
    expect(chunks.chunks.length).toBeGreaterThan(2);
    expect(calledModels()).toHaveLength(1);
  });

  it('gets its own copy of the answer: a caller’s changes do not reach the next one', async () => {
    const { router } = build({ a: answer({ content: 'Five days.' }) }, { cache: true });
    for (let i = 0; i < 3; i++) {
      const got = await sendChat(router);
      expect(got.choices[0]?.message.content).toBe('Five days.');
      if (got.choices[0] !== undefined) got.choices[0].message.content = 'Never.';
      got.choices.push(...got.choices);
    }
  });

  it('is answered until `ttlMs`, and not after', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: { mode: 'all', ttlMs: 1000 } });
    await sendChat(router);
    await pass(999);
    expect(use(await sendChat(router))).toBe('hit');
    await pass(1);
    expect(use(await sendChat(router))).toBe('miss');
    expect(calledModels()).toHaveLength(2);
  });

  it('emits an event', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    const events: unknown[] = [];
    router.on('cache-hit', (event) => events.push(event));
    await sendChat(router);
    await pass(20);
    const record = callRecord(await sendChat(router));
    expect(events).toEqual([{ type: 'cache-hit', callId: record?.id, how: 'hit', ageMs: 20, savedUsd: null }]);
  });
});

describe('a call that differs in one place', () => {
  it.each<[string, object, OpenAI.RequestOptions]>([
    ['a parameter', { max_tokens: 5 }, {}],
    ['an unknown parameter', { thinking_level: 'deep' }, {}],
    ['the text', { messages: [{ role: 'user', content: 'Refunds!' }] }, {}],
    ['a name', { messages: [{ role: 'user', content: 'Refunds?', name: 'ann' }] }, {}],
    ['a schema', { response_format: { type: 'json_schema', json_schema: { name: 's', schema: {} } } }, {}],
    ['a header', {}, { headers: { 'x-version': '2' } }],
    ['the query', {}, { query: { a: '1' } }],
    ['a key named __proto__', JSON.parse('{"__proto__":{"a":1}}'), {}],
    ['a key named constructor', { constructor: 'a' }, {}],
    ['a key named toJSON', { toJSON: 'a' }, {}],
    ['its priority', {}, callOptions({ priority: 'premium' })],
    ['its tenant', {}, callOptions({ tenant: 'b' })],
    ['its regions', {}, callOptions({ regions: ['eu'] })],
  ])('is sent: %s', async (_, more, options) => {
    const { router, calledModels } = build(
      { a: answer() },
      { cache: true, deployments: { a: { region: 'eu' } }, routes: { standard: ['a'] } },
    );
    await sendChat(router);
    expect(use(await sendChat(router, more, options))).toBe('miss');
    expect(use(await sendChat(router, more, options))).toBe('hit');
    expect(calledModels()).toHaveLength(2);
  });

  it('differs from one with another image or document', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    const withImage = (url: string) => [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }];
    const withFile = (file_data: string) => [{ role: 'user', content: [{ type: 'file', file: { file_data } }] }];
    for (const messages of [withImage('data:a'), withImage('data:b'), withFile('a'), withFile('b')]) {
      expect(use(await sendChat(router, { messages }))).toBe('miss');
    }
    expect(use(await sendChat(router, { messages: withImage('data:b') }))).toBe('hit');
    expect(calledModels()).toHaveLength(4);
  });

  it('is the same call with another user, other metadata, or tracing headers', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    await sendChat(router, { user: 'ann' }, { headers: { traceparent: 'a' }, idempotencyKey: '1' });
    expect(use(await sendChat(router, { metadata: { a: 'b' } }, { headers: { traceparent: 'b' } }))).toBe('hit');
    expect(calledModels()).toHaveLength(1);
  });
});

describe('what is never cached', () => {
  it.each<[string, object, OpenAI.RequestOptions]>([
    ['several answers', { n: 2 }, {}],
    ['a stored completion', { store: true }, {}],
    ['server-side search', { web_search_options: {} }, {}],
    ['tools, unless configured', { tools: [{ type: 'function', function: { name: 'f' } }] }, {}],
    ['audio', { modalities: ['text', 'audio'], audio: { voice: 'a', format: 'wav' } }, {}],
    ['its own credentials', {}, { headers: { 'OpenAI-Organization': 'org-of-the-caller' } }],
    ['no-store', {}, { headers: { 'X-Router-Cache': 'no-store' } }],
    ['a call with cache: false', {}, callOptions({ cache: false })],
  ])('%s', async (_, more, options) => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    await sendChat(router, more, options);
    expect(use(await sendChat(router, more, options))).toMatch(/^(bypass|off)$/);
    expect(calledModels()).toHaveLength(2);
    expect(router.snapshot().cache.entries).toBe(0);
  });

  it.each([
    ['no temperature', {}, 'bypass'],
    ['another temperature', { temperature: 0.1 }, 'bypass'],
    ['a seed', { seed: 7 }, 'hit'],
    ['a temperature of 0', { temperature: 0 }, 'hit'],
  ])("'idempotent' with %s", async (_, more, expected) => {
    const { router } = build({ a: answer() }, { cache: 'idempotent' });
    const { temperature: _given, ...rest } = body;
    await router.chat.completions.create({ ...rest, ...more });
    expect(use(await router.chat.completions.create({ ...rest, ...more }))).toBe(expected);
  });

  it.each([
    ['an answer cut short', answer({ finishReason: 'length' })],
    ['a filtered answer', answer({ finishReason: 'content_filter' })],
    ['a refusal', answer({ refusal: 'No.' })],
  ])('%s', async (_, script) => {
    const { router, calledModels } = build({ a: script }, { cache: true });
    await sendChat(router);
    expect(use(await sendChat(router))).toBe('miss');
    expect(calledModels()).toHaveLength(2);
  });

  it('an error', async () => {
    const { router, calledModels } = build({ a: [fail(429), answer()] }, { cache: true, maxAttempts: 1 });
    await expect(sendChat(router)).rejects.toMatchObject({ status: 429 });
    expect(use(await sendChat(router))).toBe('miss');
    expect(calledModels()).toHaveLength(2);
  });

  it('a response, unless `store` is false, and one that continues another', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    const respond = async (more: object) =>
      use(await router.responses.create({ model: 'standard', input: 'Hi', ...more }));
    await respond({});
    expect(await respond({})).toBe('bypass');
    await respond({ store: false });
    expect(await respond({ store: false })).toBe('hit');
    for (const more of [
      { background: true },
      { conversation: 'conv_1' },
      { previous_response_id: 'resp_1' },
      { tools: [{ type: 'web_search' }] },
      { prompt: { id: 'pmpt_1' } },
    ]) {
      const { cache } = router.explain({ model: 'standard', input: 'Hi', store: false, ...more });
      expect(cache).toEqual({ cacheable: false, why: expect.any(String), key: null });
    }
  });

  it('a health check', async () => {
    const { router, calledModels } = build({ a: answer() }, { cache: true });
    await router.check();
    await router.check();
    expect(calledModels()).toHaveLength(2);
  });
});

describe('X-Router-Cache and X-Router-Tenant', () => {
  it('no-cache sends the call again, and stores the new answer', async () => {
    const { router } = build({ a: [answer({ content: 'old' }), answer({ content: 'new' })] }, { cache: true });
    await sendChat(router);
    const fresh = await sendChat(router, {}, { headers: { 'X-Router-Cache': 'no-cache' } });
    expect([use(fresh), fresh.choices[0]?.message.content]).toEqual(['miss', 'new']);
    expect((await sendChat(router)).choices[0]?.message.content).toBe('new');
  });

  it('rejects any other value', async () => {
    const { router } = build({ a: answer() }, { cache: true });
    await expect(sendChat(router, {}, { headers: { 'X-Router-Cache': 'maybe' } })).rejects.toMatchObject({
      code: 'invalid_option',
    });
  });

  it('a tenant by header counts only if it is listed and code has set none', async () => {
    const unlisted = build({ a: answer() }, { cache: true });
    const inTenant = { headers: { 'X-Router-Tenant': 'b' } };
    await sendChat(unlisted.router);
    expect(use(await sendChat(unlisted.router, {}, inTenant))).toBe('hit');
    const { router } = build({ a: answer() }, { cache: true, headerOptions: ['tenant'] });
    await sendChat(router);
    expect(use(await sendChat(router, {}, inTenant))).toBe('miss');
    expect(use(await sendChatWith(router, { tenant: 'b' }))).toBe('hit');
    expect(use(await sendChat(router.withOptions({ tenant: 'c' }), {}, inTenant))).toBe('miss');
    expect(use(await sendChat(router, {}, { ...callOptions({ tenant: 'c' }), ...inTenant }))).toBe('hit');
  });
});

describe('explain', () => {
  it('says why a call is cacheable or not, and shows the parts of the key without their content', () => {
    const { router } = build({ a: answer() }, { cache: 'idempotent' });
    const { cache } = router.explain({ ...body }, callOptions({ tenant: 'tenant-7' }));
    expect(cache).toEqual({
      cacheable: true,
      why: 'its temperature is 0',
      key: {
        hash: expect.stringMatching(/^[\w-]{43}$/),
        parts: ['version', 'path', 'route', 'tenant', 'priority', 'body.messages', 'body.model', 'body.temperature'],
      },
    });
    expect(JSON.stringify(cache)).not.toMatch(/Refunds|tenant-7/);
    expect(router.explain({ ...body, temperature: 1 }).cache).toEqual({
      cacheable: false,
      why: 'only idempotent calls are cached, and this one has neither `temperature: 0` nor a `seed`',
      key: null,
    });
  });
});
