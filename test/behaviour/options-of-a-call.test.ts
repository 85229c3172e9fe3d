import { callOptions, callRecord, InvalidOptionError, ModelRouter, type SingleCallOptions } from 'model-router';
import { answer, fail, hang, slowDrip } from 'model-router/testing';
import { describe, expect, it } from 'vitest';
import { SINGLE_CALL_KEYS } from '../../src/options/call-options.js';
import { pass, settled, useFakeTime, watch } from '../helpers/clock.js';
import { errorOf, sendChat, sendChatWith, streamChat } from '../helpers/messages.js';
import { build } from '../helpers/routers.js';

useFakeTime();

describe('the value nearest to the call wins', () => {
  const levels = { constructor: 1000, route: 800, view: 1200, call: 600 };

  it.each([
    ['the constructor', ['constructor'], 1000],
    ['a route over the constructor', ['constructor', 'route'], 800],
    ['withOptions over a route', ['constructor', 'route', 'view'], 1200],
    ['the call over all', ['constructor', 'route', 'view', 'call'], 600],
    ['the call over a route', ['route', 'call'], 600],
  ] as const)('%s', async (_, given: readonly (keyof typeof levels)[], deadlineMs) => {
    const at = (level: keyof typeof levels) => (given.includes(level) ? { deadlineMs: levels[level] } : {});
    const { router } = build(
      { a: hang() },
      { ...at('constructor'), routes: { standard: { deployments: ['a'], ...at('route') } } },
    );
    const call = watch(sendChatWith(router.withOptions(at('view')), at('call')));
    await pass(deadlineMs - 1);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call).toMatchObject({ state: 'rejected', error: { code: 'deadline_exceeded', deadlineMs } });
  });

  it('for each option by itself: a nearer place that sets one option keeps the others', async () => {
    const { router, fake } = build(
      { a: fail(500), b: fail(500), c: fail(500) },
      { maxAttempts: 2, routes: { standard: { deployments: ['a', 'b', 'c'], priority: 'premium' } } },
    );
    const call = await settled(sendChatWith(router, { deadlineMs: 500 }));
    expect(fake.count).toBe(2);
    expect(callRecord(call.error)?.priority).toBe('premium');
  });

  it.each(SINGLE_CALL_KEYS)(
    '%s beside the options of the SDK is refused, as it would have no effect there',
    async (name) => {
      const { router, fake } = build({ a: answer() });
      const misplaced = sendChat(router, 'standard', { [name]: 1 });
      expect(await errorOf(misplaced)).toMatchObject({ code: 'invalid_option', option: name });
      expect(fake.count).toBe(0);
    },
  );

  it('in the body they are refused, as they would have no effect there', async () => {
    const { router, fake } = build({ a: answer() });
    const carried: object = callOptions({ tenant: 'acme' });
    const body = { model: 'standard', messages: [], ...carried };
    const expected = { code: 'invalid_option', message: expect.stringContaining('create(body, callOptions(…))') };
    expect(await errorOf(router.chat.completions.create(body))).toMatchObject(expected);
    expect(await errorOf(router.chat.completions.create({ ...body, stream: true }))).toMatchObject(expected);
    expect(() => router.explain(body)).toThrow(InvalidOptionError);
    expect(fake.count).toBe(0);
  });

  it('a signal that is none is refused, such as the controller itself', async () => {
    const { router, fake } = build({ a: answer() });
    const signal = new AbortController() as unknown as AbortSignal;
    expect(await errorOf(sendChat(router, 'standard', { signal }))).toMatchObject({
      message: 'signal: an object is not allowed; give an AbortSignal, such as `controller.signal`.',
    });
    expect(fake.count).toBe(0);
  });

  it('views add up', async () => {
    const { router, fake } = build({ a: fail(500), b: fail(500) });
    const view = router.withOptions({ maxAttempts: 1 }).withOptions({ priority: 'premium' });
    expect(callRecord(await errorOf(sendChat(view)))?.priority).toBe('premium');
    expect(fake.count).toBe(1);
  });

  it('an undefined option is ignored, in any place', async () => {
    const nothing: SingleCallOptions = { maxAttempts: undefined, deadlineMs: undefined, cache: undefined };
    const { router, fake } = build(
      { a: fail(500), b: fail(500) },
      { maxAttempts: 1, routes: { standard: { deployments: ['a', 'b'], ...nothing } } },
    );
    await errorOf(sendChatWith(router.withOptions(nothing), nothing));
    expect(fake.count).toBe(1);
  });

  it('an undefined option is ignored on a view with another account', () => {
    const router = new ModelRouter({ apiKey: 'one', deadlineMs: 700 });
    const view = router.withOptions({ apiKey: 'two', deadlineMs: undefined });
    expect(view.explain({ model: 'a', messages: [] }).deadlineMs).toBe(700);
    const twice = router.withOptions({ deadlineMs: undefined }).withOptions({ apiKey: 'two' });
    expect(twice.explain({ model: 'a', messages: [] }).deadlineMs).toBe(700);
  });

  it.each(['tenant', 'regions'])('%s: undefined is refused, as its value may be missing by mistake', async (name) => {
    const options: SingleCallOptions = Object.fromEntries([[name, undefined]]);
    const refused = new RegExp(`${name}: it is set to undefined`);
    const { router } = build({ a: answer() });
    expect(() => callOptions(options)).toThrow(refused);
    expect(() => router.withOptions(options)).toThrow(refused);
    expect(() => build({ a: answer() }, options)).toThrow(refused);
    expect(() => build({ a: answer() }, { routes: { standard: { deployments: ['a'], ...options } } })).toThrow(
      `routes.standard.${name}`,
    );
    expect(() => new ModelRouter({ apiKey: 'k', ...options })).toThrow(InvalidOptionError);
    await expect(async () => router.routeRequest('Hi', options)).rejects.toThrow(refused);
  });

  it('an undefined option of the SDK is ignored', async () => {
    const { router, fake } = build({ a: fail(500), b: fail(500) }, { maxAttempts: 1 });
    await errorOf(sendChatWith(router.withOptions({ timeout: undefined } as object), {}));
    expect(fake.count).toBe(1);
  });
});

describe("the SDK's own options", () => {
  it.each([
    ['in the call', {}, { timeout: 700 }],
    ['on the constructor', { timeout: 700 }, {}],
    ['in the call, over the constructor', { timeout: 9000 }, { timeout: 700 }],
  ])('timeout limits one attempt: %s', async (_, settings, options) => {
    const { router, calledModels } = build({ a: hang(), b: answer({ latencyMs: 10 }) }, settings);
    const call = watch(sendChat(router, 'standard', options));
    await pass(699);
    expect(calledModels()).toEqual(['a']);
    await pass(1);
    expect(calledModels()).toEqual(['a', 'b']);
    await pass(10);
    expect(call.state).toBe('fulfilled');
  });

  it('timeout of withOptions takes precedence over a route', async () => {
    const { router, calledModels } = build(
      { a: hang(), b: answer() },
      { routes: { standard: { deployments: ['a', 'b'], attemptTimeoutMs: 200 } } },
    );
    const call = watch(sendChat(router.withOptions({ timeout: 700 })));
    await pass(699);
    expect(calledModels()).toEqual(['a']);
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });

  it('timeout and maxRetries of the constructor give way to a route, as do all its options', async () => {
    const { router, calledModels } = build(
      { a: hang(), b: fail(500), c: answer() },
      {
        timeout: 9000,
        maxRetries: 0,
        routes: { standard: { deployments: ['a', 'b', 'c'], attemptTimeoutMs: 200, maxAttempts: 3 } },
      },
    );
    const call = watch(sendChat(router));
    await pass(200);
    expect(calledModels()).toEqual(['a', 'b', 'c']);
    expect(call.state).toBe('fulfilled');
  });

  it("a client's own timeout limits the attempts at it", async () => {
    const { router, calledModels } = build(
      { a: hang(), b: answer() },
      { clients: { default: { timeout: 300 } }, deadlineMs: 5000 },
    );
    const call = watch(sendChat(router));
    await pass(299);
    expect(calledModels()).toEqual(['a']);
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });

  it('a timeout of the call takes precedence over its client’s, as in the SDK', async () => {
    const { router } = build({ a: answer({ latencyMs: 500 }) }, { clients: { default: { timeout: 300 } } });
    expect((await settled(sendChat(router, 'standard', { timeout: 800 }))).state).toBe('fulfilled');
  });

  it.each([
    [0, 1],
    [1, 2],
    [3, 4],
  ])('maxRetries: %i makes %i attempts', async (maxRetries, attempts) => {
    const models = { a: fail(500), b: fail(500), c: fail(500), d: fail(500), e: answer() };
    const inCall = build(models);
    await errorOf(sendChat(inCall.router, 'standard', { maxRetries }));
    const onView = build(models);
    await errorOf(sendChat(onView.router.withOptions({ maxRetries })));
    const onConstructor = build(models, { maxRetries });
    await errorOf(sendChat(onConstructor.router));
    for (const { fake } of [inCall, onView, onConstructor]) expect(fake.count).toBe(attempts);
  });

  it('callOptions take precedence over them, and can be spread together with them', async () => {
    const { router, fake } = build({ a: fail(500), b: fail(500), c: fail(500) });
    const headers = { 'x-trace': 't-1' };
    await errorOf(sendChat(router, 'standard', { ...callOptions({ maxAttempts: 2 }), maxRetries: 0, headers }));
    expect(fake.requests).toMatchObject([{ headers }, { headers }]);
  });

  it('headers and query are sent with every attempt', async () => {
    const { router, fake } = build({ a: fail(500), b: answer() });
    await sendChat(router, 'standard', { query: { v: '2' }, headers: { 'x-trace': 't-1' } });
    const sent = { query: { v: '2' }, headers: { 'x-trace': 't-1' } };
    expect(fake.requests).toMatchObject([sent, sent]);
  });
});

describe('attemptTimeoutMs and maxAttempts', () => {
  it('limit an attempt, and the number of attempts', async () => {
    const { router, fake } = build({ a: hang(), b: hang(), c: answer() }, { attemptTimeoutMs: 100, maxAttempts: 2 });
    const call = watch(sendChat(router));
    await pass(199);
    expect(call.state).toBe('pending');
    await pass(1);
    expect(call).toMatchObject({ state: 'rejected', error: { message: 'Request timed out after 100 ms.' } });
    expect(fake.count).toBe(2);
  });

  it('an attempt’s time includes the body', async () => {
    const { router, calledModels } = build(
      { a: slowDrip({ bytesPerMs: 0.1 }), b: answer() },
      { attemptTimeoutMs: 100 },
    );
    const call = watch(sendChat(router));
    await pass(99);
    expect(calledModels()).toEqual(['a']);
    await pass(1);
    expect(call.state).toBe('fulfilled');
  });

  it('firstChunkTimeoutMs limits the wait for a stream’s content, and nothing else', async () => {
    const { router, calledModels } = build(
      { a: answer({ latencyMs: 500 }), b: answer() },
      { firstChunkTimeoutMs: 300, routes: { standard: ['a', 'b'] } },
    );
    const stream = watch(streamChat(router));
    await pass(299);
    expect(calledModels()).toEqual(['a']);
    await pass(1);
    expect(calledModels()).toEqual(['a', 'b']);
    expect(stream.state).toBe('fulfilled');
    const plain = await settled(sendChat(router, 'a'));
    expect(plain.state).toBe('fulfilled');
  });
});

describe('an invalid option of a call', () => {
  it.each<[string, object, string]>([
    ['an unknown option', { deadlnMs: 5 }, 'deadlnMs: there is no such option; did you mean `deadlineMs`?'],
    [
      'an option of the constructor',
      { clients: {} },
      'clients: it is an option of the constructor: new ModelRouter({ clients }).',
    ],
    ['a budget', { budgets: [] }, 'budgets: it is an option of the constructor'],
    ['an option of a deployment', { maxOutputTokens: 5 }, 'maxOutputTokens: it is an option of a deployment'],
    ['a timeout', { timeout: 5 }, 'timeout: it is an option of the SDK: set it next to callOptions'],
    ['a signal', { signal: new AbortController().signal }, 'signal: it is an option of the SDK: set it next to'],
    ['a priority', { priority: 'urgent' }, 'priority: "urgent" is not allowed; give one of "standard", "premium".'],
    ['a deadline of 0', { deadlineMs: 0 }, 'deadlineMs: 0 is not allowed; give milliseconds above 0, at most'],
    ['a deadline as text', { deadlineMs: '5s' }, 'deadlineMs: "5s" is not allowed; give milliseconds above 0'],
    ['no attempt', { maxAttempts: 0 }, 'maxAttempts: 0 is not allowed; give a whole number of at least 1.'],
    ['half an attempt', { maxAttempts: 1.5 }, 'maxAttempts: 1.5 is not allowed'],
    ['NaN', { attemptTimeoutMs: Number.NaN }, 'attemptTimeoutMs: NaN is not allowed; give milliseconds'],
    ['longer than a timer can wait', { chunkTimeoutMs: 2 ** 31 }, 'chunkTimeoutMs: 2147483648 is not allowed'],
    ['below 0', { firstChunkTimeoutMs: -1 }, 'firstChunkTimeoutMs: -1 is not allowed'],
    ['no region', { regions: [] }, 'regions: it is empty; give at least one region, or leave it out to allow all.'],
    ['a region alone', { regions: 'eu' }, 'regions: "eu" is not allowed; give an array of regions.'],
    ['an unknown route', { route: 'nope' }, 'route: there is no route "nope"; '],
  ])('rejects before anything is sent: %s', async (_, options: SingleCallOptions, message) => {
    const { router, fake } = build({ a: answer() });
    const error = await errorOf(sendChatWith(router, options));
    expect(error).toBeInstanceOf(InvalidOptionError);
    expect(error.message.slice(0, message.length)).toBe(message);
    expect(error).toMatchObject({ code: 'invalid_option', option: Object.keys(options)[0] });
    expect(fake.count).toBe(0);
  });

  it.each([
    ['timeout', { timeout: -1 }, 'timeout: -1 is not allowed; give milliseconds above 0'],
    ['maxRetries', { maxRetries: -1 }, 'maxRetries: -1 is not allowed; give a whole number of at least 0.'],
    ['maxRetries', { maxRetries: 1.5 }, 'maxRetries: 1.5 is not allowed'],
  ])('rejects in %s as well', async (option, options, message) => {
    const { router, fake } = build({ a: answer() });
    const error = await errorOf(sendChat(router, 'standard', options));
    expect(error).toMatchObject({ code: 'invalid_option', option });
    expect(error.message).toContain(message);
    expect(fake.count).toBe(0);
  });

  it.each([
    ['unknown', { deadlnMs: 5 }, /^deadlnMs: there is no such option; did you mean `deadlineMs`\?/],
    ['wrong', { maxAttempts: 0 }, /^maxAttempts: 0 is not allowed/],
    ['only for one call', { route: 'standard' }, /^route: there is no such option/],
    ['only for the constructor', { routes: {} }, /^routes: it is an option of the constructor/],
  ])('throws from withOptions: %s', (_, options: object, message) => {
    const { router } = build({ a: answer() });
    expect(() => router.withOptions(options)).toThrow(message);
  });

  it.each([5, null, [], 'standard'])('callOptions itself refuses values that are not objects: %j', (options) => {
    expect(() => callOptions(options as never)).toThrow(InvalidOptionError);
  });

  it.each(['premium', null, 5, []])('routeRequest shows how to write its options: %j', async (options) => {
    const { router, fake } = build({ a: answer() });
    const error = await errorOf(router.routeRequest('Hi', options as never));
    expect(error).toMatchObject({ code: 'invalid_option', option: 'routeRequest' });
    expect(error.message).toContain("router.routeRequest(text, { priority: 'premium' })");
    expect(fake.count).toBe(0);
  });

  it.each([undefined, { model: 'a' }, 5])('routeRequest rejects an input that is not text: %j', async (prompt) => {
    const { router, fake } = build({ a: answer() });
    const error = await errorOf(router.routeRequest(prompt as never));
    expect(error).toMatchObject({ code: 'invalid_option', option: 'routeRequest' });
    expect(fake.count).toBe(0);
  });
});

describe('several callOptions that are spread', () => {
  const explain = (options: object) => {
    const { router } = build({ a: answer() });
    return router.explain({ model: 'standard' }, options);
  };

  it('combine their options; the last one wins', () => {
    const options = {
      ...callOptions({ priority: 'premium', deadlineMs: 500, maxAttempts: 2 }),
      ...callOptions({ deadlineMs: 700, maxAttempts: undefined } as object),
    };
    expect(explain(options)).toMatchObject({ priority: 'premium', deadlineMs: 700 });
    expect(explain({ ...callOptions({ deadlineMs: 500 }), ...callOptions({}) })).toMatchObject({ deadlineMs: 500 });
  });

  it('report the invalid options of all', () => {
    const options = { ...callOptions({ deadlnMs: 5 } as object), ...callOptions({ deadlineMs: 700 }) };
    expect(() => explain(options)).toThrow('deadlnMs: there is no such option');
  });
});
